"""The pictures of a check's page: pairs of the same one, odd ones, and those whose label is in doubt."""

from __future__ import annotations

from dataclasses import dataclass

from striate.data.check.found import Checked, by_harm, printable
from striate.data.picture_files import PictureFiles
from striate.errors import DataError
from striate.reports.pictures import THUMB, Picture, photograph

MOST_PAIRS, MOST_ODD, MOST_SUSPECTS = 60, 48, 48  # shown; a picture takes about 12 kB of the page


@dataclass(frozen=True)
class Shown:
    """A picture with its file; `picture` is None where it can no longer be read."""

    picture: Picture | None
    file: str
    words: str = ""
    label: str = ""


@dataclass(frozen=True)
class Pair:
    """Two pictures that are the same: how, and what is wrong with that (empty for a plain copy)."""

    a: Shown
    b: Shown
    kind: str
    harm: str


def pairs(found: Checked) -> tuple[Pair, ...]:
    """The pairs of the same picture, worst first."""
    return tuple(
        Pair(
            _shown(found, each.pictures[0], each.a, "", f"{each.splits[0]}, {printable(each.labels[0])}"),
            _shown(found, each.pictures[1], each.b, "", f"{each.splits[1]}, {printable(each.labels[1])}"),
            each.kind,
            " and ".join(["across parts"] * each.across + ["two labels"] * each.disagree),
        )
        for each in by_harm(found.duplicates)[:MOST_PAIRS]
    )


def conversions(found: Checked) -> tuple[Shown, ...]:
    """The odd but valid pictures, one of each kind before a second of any."""
    seen: dict[str, int] = {}
    turns = []
    for each in found.converted:
        seen[each.what] = seen.get(each.what, 0) + 1
        turns.append((seen[each.what], each))
    chosen = [each for _, each in sorted(turns, key=lambda turn: turn[0])[:MOST_ODD]]
    return tuple(_shown(found, each.picture, each.file, each.what) for each in chosen)


def suspects(found: Checked) -> tuple[Shown, ...]:
    """The pictures whose label is probably wrong."""
    return tuple(
        _shown(found, each.picture, each.file, printable(each.looks_like), printable(each.label))
        for each in found.suspects[:MOST_SUSPECTS]
    )


def _shown(found: Checked, index: int, file: str, words: str = "", label: str = "") -> Shown:
    pictures = found.pictures
    try:
        pixels = (
            pictures.decoded(index, (THUMB, THUMB)).pixels
            if isinstance(pictures, PictureFiles)
            else pictures.images[index]
        )
    except (DataError, OSError):
        return Shown(None, file, words, label)
    channels = len(pixels)
    pixels = pixels[:3] if channels > 2 else pixels[:1].expand(3, -1, -1)  # as it is, never in a map's colours
    return Shown(photograph(pixels, file), file, words, label)
