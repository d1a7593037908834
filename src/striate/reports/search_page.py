"""What a search found as one page: each query beside the pictures most like it. It needs no other file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from striate.data.files import shown
from striate.reports.environment import colours, environment, write_page
from striate.reports.pictures import Picture
from striate.reports.thumbnails import thumbnail

MOST_PICTURES = 600  # results in all; one takes about 10 kB of the page
MOST_LINES = 200  # queries that cannot be read


class Hit(Protocol):
    """A picture that was found, its cosine with the query, and its label where that is known."""

    @property
    def file(self) -> str: ...
    @property
    def similarity(self) -> float: ...
    @property
    def label(self) -> str | None: ...


class Found(Protocol):
    """A query and what was found for it, the most similar first."""

    @property
    def query(self) -> str: ...
    @property
    def results(self) -> Sequence[Hit]: ...


@dataclass(frozen=True)
class Result:
    """A picture of the page; `picture` is None where it can no longer be read. `share`: of the bar, in percent."""

    picture: Picture | None
    file: str
    similarity: str
    share: float
    label: str


@dataclass(frozen=True)
class Query:
    """A query of the page."""

    picture: Picture | None
    file: str
    results: tuple[Result, ...]


def write_search(
    path: Path, found: Sequence[Found], *, index: str, entries: int, network: str, unreadable: Sequence[str] = ()
) -> None:
    """Write the page to `path`. `ConfigError` where that cannot be written."""
    queries: list[Query] = []
    room = MOST_PICTURES
    for each in found:
        if room < 1:
            break
        queries.append(_query(each, room))
        room -= len(queries[-1].results)
    page = environment().get_template("search.html")
    text = page.render(
        colours=colours(),
        index=shown(index),
        entries=entries,
        network=network,
        queries=queries,
        left_out=sum(len(each.results) for each in found) - (MOST_PICTURES - room),
        unreadable=unreadable[:MOST_LINES],
    )
    write_page(path, text, "--gallery")


def _query(found: Found, most: int) -> Query:
    results = tuple(
        Result(
            thumbnail(hit.file),
            shown(hit.file),
            f"{hit.similarity:.3f}",
            round(100 * min(1.0, max(0.0, hit.similarity)), 2),
            hit.label or "",
        )
        for hit in found.results[:most]
    )
    return Query(thumbnail(found.query), shown(found.query), results)
