"""Write what a network sees in pictures as numbers: a row a picture, for a classifier, a search, or your own tools.

striate features photographs --net efficientnet_lite0 -o features.parquet
striate features photographs --net runs/birds --layer conv5 -o features.npz
"""

from __future__ import annotations

from striate.cli.counting import counting
from striate.cli.output import remark, tell
from striate.verbs.features import FeaturesSettings, Seen, features

SETTINGS = FeaturesSettings


def main(settings: FeaturesSettings, as_json: bool) -> int:
    with counting() as step:
        found = features(
            settings.data,
            settings.net,
            settings.output,
            weights=settings.weights,
            layer=settings.layer,
            data_dir=settings.data_dir,
            format=settings.format,
            precision=settings.precision,
            step=step,
        )
    told(found)
    table = found.table
    result = {
        "file": str(settings.output),
        "examples": len(table),
        "features": table.features.shape[1],
        "network": found.model.reference.text,
        "layer": settings.layer,
        "classes": list(table.classes),
        "unreadable": [{"file": file, "reason": reason} for file, reason in found.unreadable.items()],
    }
    labels = f" of {len(table.classes):,} classes" if table.classes else ""
    text = f"{settings.output}  {table.features.shape[1]:,} features of {len(table):,} pictures{labels}"
    tell(result, text, as_json)
    return 0


def told(found: Seen) -> None:
    """Tell how the weights came into the network, what is odd about the data, and what was left out."""
    for line in found.model.report.lines() if found.model.report else ():
        remark(line)
    for note in found.notes:
        remark(f"note: {note}")
    for reason in found.unreadable.values():
        remark(f"left out: {reason}")
