"""What a format gives: one record a picture, whatever the layout of the files, with the pixels left where they are.

`Label` is the target of classification; boxes, masks and captions are targets of other tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SPLITS = ("train", "validation", "test")
SAID = {  # how people name the parts
    "train": "train", "training": "train", "trn": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip


class Member(NamedTuple):
    """Pixels within another file: `size` bytes from `offset` of `shard`; `name` is what the shard calls them."""

    shard: Path
    name: str
    offset: int
    size: int


class Label(NamedTuple):
    """The target of classification: the name of the class."""

    name: str


class Example(NamedTuple):
    """One picture and what is known of it, before any pixel is read.

    `picture`: a path below the listing's root, or a member of a shard. `target`: None where nothing is known. `split`:
    one of `SPLITS`, or None where the source does not say. `group`: what must not be torn apart, such as a patient.
    """

    picture: str | Member
    target: Label | None = None
    split: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Listing:
    """All that a layout says. Made by the function of a format, read by `striate.data.listed`.

    `root`: the folder that paths are below. `examples`: in any order; read once. `classes`: names that the layout knows
    besides those of its examples, such as a folder without pictures; in their own order where `ordered`, else all
    names are sorted. `notes`: oddities that `striate check` tells, one line each. `classes` and `notes` may grow until
    the last example is given.
    """

    root: Path
    examples: Iterable[Example]
    classes: Sequence[str] = ()
    ordered: bool = False
    notes: Sequence[str] = ()


def split_said(name: str) -> str | None:
    """The part that a folder or a field of this name means, or None.

    >>> split_said("Val"), split_said("valley")
    ('validation', None)
    """
    return SAID.get(name.lower())
