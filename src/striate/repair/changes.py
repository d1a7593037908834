"""The changes a repair is made of, said without knowing whether the network is text, rows or modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from striate.layers.pooling import pool_to
from striate.misfit import times
from striate.rows import Row, conv, zeros

CORE = "layer"  # the name of a layer among those that are put around it

LEFT_OUT = "left out"  # the kind of change that mends nothing

Path = tuple[str, ...]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """A row that may be put into a network, and its words in the notation (None where it has none)."""

    row: Row
    words: str | None


@dataclass(frozen=True)
class Set:
    """Other sizes for the layer at `path`: `kernel`, `stride`, ...; `takes` is what a module says it is given."""

    path: Path
    sizes: Mapping[str, Any]


@dataclass(frozen=True)
class Above:
    """Rows put above the layer at `path`, whose input has the shape `given`."""

    path: Path
    pieces: tuple[Piece, ...]
    given: Shape


@dataclass(frozen=True)
class Below:
    """Rows put below the layer at `path`, whose output has the shape `given`."""

    path: Path
    pieces: tuple[Piece, ...]
    given: Shape


@dataclass(frozen=True)
class Instead:
    """Rows in the place of the layer at `path`, or, without any, nothing."""

    path: Path
    pieces: tuple[Piece, ...]
    given: Shape


@dataclass(frozen=True)
class Around:
    """`pieces` as the way around the body of the skip at `path`; without any, there is no way around it."""

    path: Path
    pieces: tuple[Piece, ...]
    given: Shape


@dataclass(frozen=True)
class Image:
    """Pictures of another shape."""

    shape: Shape


@dataclass(frozen=True)
class Text:
    """Another text altogether: what a mistake in reading suggests."""

    text: str


Edit = Set | Above | Below | Instead | Around | Image | Text


@dataclass(frozen=True)
class Change:
    """One thing to do, in words and as edits made together. Of several of one `kind` the first that works is told."""

    said: str
    edits: tuple[Edit, ...]
    kind: str = field(default="")


def change(kind: str, said: str, *edits: Edit) -> Change:
    return Change(said, edits, kind)


FLATTEN = Piece(nn.Flatten(), "flatten")


def pointwise(maps: int, stride: int | tuple[int, ...] = 1) -> Piece:
    """A 1x1 convolution to so many maps."""
    steps = "" if stride == 1 else f" s{stride if isinstance(stride, int) else times(stride)}"
    return Piece(conv(maps, 1, stride=stride), f"pw {maps}{steps}")


def window(maps: int, kernel: tuple[int, ...]) -> Piece:
    """A convolution without padding."""
    return Piece(conv(maps, kernel), f"conv {maps} {times(kernel)} p0")


def resized(size: tuple[int, ...]) -> Piece:
    """Averages, so that the maps have this size."""
    return Piece(pool_to(size), f"gap {times(size)}")


def bordered(border: tuple[int, ...]) -> Piece:
    """Zeros on both sides of each axis."""
    return Piece(zeros(*((side, side) for side in border)), f"pad {times(border)}")


def unflatten(shape: Shape) -> Piece:
    """Features as maps."""
    return Piece(nn.Unflatten(1, shape), f"unflatten {times(shape)}")
