"""Make an index of pictures, to find those that look alike.

striate index photographs -o photographs.index --net efficientnet_lite0
"""

from __future__ import annotations

from striate.cli.counting import counting
from striate.cli.features import told
from striate.cli.output import remark, tell
from striate.verbs.index import IndexSettings, index

SETTINGS = IndexSettings


def main(settings: IndexSettings, as_json: bool) -> int:
    from striate.features.index import EXACT

    with counting() as step:
        found = index(
            settings.data,
            settings.output,
            settings.net,
            weights=settings.weights,
            layer=settings.layer,
            data_dir=settings.data_dir,
            format=settings.format,
            precision=settings.precision,
            step=step,
        )
    told(found.seen)
    made, unreadable = found.index, found.seen.unreadable
    if len(made) > EXACT and made.graph is None:
        remark("every picture will be compared; pip install 'striate[search]' and a new index make searching quicker.")
    result = {
        "index": str(settings.output),
        "examples": len(made),
        "features": made.features.shape[1],
        "network": made.card.network,
        "labels": made.labels is not None,
        "unreadable": [{"file": file, "reason": reason} for file, reason in unreadable.items()],
    }
    labels = "" if made.labels is None else f" of {len(set(made.labels)):,} classes"
    tell(result, f"{settings.output}  {len(made):,} pictures{labels}, by {made.card.network}", as_json)
    return 0
