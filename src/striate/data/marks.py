"""What marks a function as a data set with a name or as a layout of files, so that a new one is one new file.

>>> "Fashion-MNIST" in data_sets, "idx" in data_formats
(True, True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from striate.data.examples import Listing
from striate.data.records import DataSet
from striate.registry import Registry

Named = TypeVar("Named", bound=Callable[[Path | None], DataSet])
Layout = TypeVar("Layout", bound=Callable[[Path], DataSet | Listing])

data_sets = Registry("data set", "striate.data.sets", mark="facts", group="striate.data_sets")
data_formats = Registry("data format", "striate.data.formats", mark="recognise", group="striate.data_formats")


@dataclass(frozen=True)
class SetFacts:
    """What is known of a data set before it is read. `train`, `test`: pictures; `image`: (channels, height, width)."""

    source: str
    licence: str
    train: int
    test: int
    image: tuple[int, int, int]
    classes: tuple[str, ...]


def named_set(facts: SetFacts) -> Callable[[Named], Named]:
    """Mark a function `(data_dir: Path | None) -> DataSet` as a data set that is found by the function's name.

    `data_dir` is a folder that holds the files already; None: the set looks in its own places.
    """

    def mark(read: Named) -> Named:
        read.facts = facts  # type: ignore[attr-defined]
        return read

    return mark


def data_format(recognise: Callable[[Path], bool]) -> Callable[[Layout], Layout]:
    """Mark a function `(path) -> DataSet | Listing` as a layout of files, found by the function's name.

    `recognise` looks at names, never at contents beyond a few bytes, and is quick for a million files. A format gives a
    listing where pictures are files, and a data set where they are arrays.
    """

    def mark(read: Layout) -> Layout:
        read.recognise = recognise  # type: ignore[attr-defined]
        return read

    return mark
