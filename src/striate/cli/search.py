"""Find the pictures of an index that look most like yours, or tell how good the index is.

striate search photographs.index photo.jpg -k 5
striate search photographs.index queries --gallery found.html
striate search photographs.index --evaluate
"""

from __future__ import annotations

from striate.cli.output import percent, remark, tell
from striate.data.files import shown
from striate.errors import ConfigError, DataError
from striate.verbs.search import Ranking, Searched, SearchSettings, rank, search

SETTINGS = SearchSettings


def main(settings: SearchSettings, as_json: bool) -> int:
    if settings.evaluate:
        if settings.images:
            raise ConfigError("search: --evaluate takes the pictures of the index itself. Leave the images out.")
        if settings.gallery is not None:
            raise ConfigError("search: --evaluate finds no picture to show. Leave --gallery out.")
        told = rank(settings.index)
        tell(told.as_json(), _ranking(told), as_json)
        return 0
    if not settings.images:
        raise ConfigError("search: name a picture to look for, or give --evaluate.")
    if settings.gallery is not None:
        from striate.reports.environment import require_page

        require_page(settings.gallery, "--gallery")
    found = search(settings.index, settings.images, settings.k, net=settings.net, weights=settings.weights)
    if not found.found and len(settings.images) == 1 and not settings.images[0].is_dir():
        raise DataError(next(iter(found.unreadable.values())))
    tell([each.as_json() for each in found.found], _lines(found), as_json)
    if settings.gallery is not None:
        from striate.reports.search_page import write_search

        write_search(
            settings.gallery,
            found.found,
            index=str(settings.index),
            entries=found.entries,
            network=found.network,
            unreadable=list(found.unreadable.values()),
        )
        remark(f"{settings.gallery}")
    for reason in found.unreadable.values():
        remark(f"left out: {reason}")
    return 0 if found.found else 1


def _lines(found: Searched) -> str:
    lines = []
    for each in found.found:
        lines.append(shown(each.query))
        lines += [
            f"  {hit.similarity:.3f}  {shown(hit.file)}{f'  {shown(hit.label)}' if hit.label else ''}"
            for hit in each.results
        ]
    return "\n".join(lines)


def _ranking(told: Ranking) -> str:
    lines = [f"mean average precision  {percent(told.mean_average_precision)}"]
    lines += [
        f"first {k:<2}  {percent(told.recall_at[k])} of queries find their label, {percent(told.precision_at[k])} of "
        "the results have it"
        for k in told.recall_at
    ]
    lines.append(f"{told.queries:,} queries, each among the {told.entries - 1:,} other pictures")
    return "\n".join(lines)
