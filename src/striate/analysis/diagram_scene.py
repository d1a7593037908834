"""The few marks a drawing is made of, in pixels, x to the right and y down; SVG and PNG are written from the same.

A paint is a field of `striate.palette.Palette` by name, the side of a box after a dot: "ink", "pool.top".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

Point = tuple[float, float]


@dataclass(frozen=True)
class Face:
    """A filled polygon."""

    points: tuple[Point, ...]
    paint: str

    def moved(self, dx: float, dy: float) -> Face:
        return replace(self, points=_moved(self.points, dx, dy))


@dataclass(frozen=True)
class Bar:
    """A filled rectangle with round corners; with `edge` a hairline round it."""

    x: float
    y: float
    width: float
    height: float
    paint: str
    radius: float = 0
    edge: str = ""

    def moved(self, dx: float, dy: float) -> Bar:
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True)
class Wire:
    """A line of cubic curves: a first point, then two controls and an end for each; with `arrow` a tip at the end."""

    points: tuple[Point, ...]
    arrow: bool = False

    def moved(self, dx: float, dy: float) -> Wire:
        return replace(self, points=_moved(self.points, dx, dy))


@dataclass(frozen=True)
class Ring:
    """A circle with a sign in it: a sum or a product."""

    x: float
    y: float
    radius: float
    sign: Literal["+", "×"]

    def moved(self, dx: float, dy: float) -> Ring:
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True)
class Words:
    """One line of text; `y` is its baseline."""

    x: float
    y: float
    text: str
    size: float
    paint: str = "ink"
    bold: bool = False
    anchor: Literal["start", "middle"] = "middle"

    def moved(self, dx: float, dy: float) -> Words:
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True)
class Titled:
    """Marks that belong together; `title` is said when a pointer rests on them."""

    title: str
    marks: tuple[Mark, ...]

    def moved(self, dx: float, dy: float) -> Titled:
        return replace(self, marks=tuple(mark.moved(dx, dy) for mark in self.marks))


Mark = Face | Bar | Wire | Ring | Words | Titled


@dataclass(frozen=True)
class Scene:
    """A whole drawing and what it is called."""

    width: float
    height: float
    title: str
    marks: tuple[Mark, ...]


def _moved(points: Sequence[Point], dx: float, dy: float) -> tuple[Point, ...]:
    return tuple((x + dx, y + dy) for x, y in points)


def words_width(text: str, size: float, *, bold: bool = False) -> float:
    """Room for a text, in pixels: a little more than any common sans-serif takes."""
    return size * (0.66 if bold else 0.6) * len(text)


def swing(start: Point, stop: Point) -> Wire:
    """A wire that leaves and arrives level."""
    middle = (start[0] + stop[0]) / 2
    return Wire((start, (middle, start[1]), (middle, stop[1]), stop))


def bent(corners: Sequence[Point], radius: float = 8, *, arrow: bool = False) -> Wire:
    """A wire along straight lines through `corners`, rounded at each."""
    points = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        near, far = _towards(corner, before, radius), _towards(corner, after, radius)
        points += [*_straight(points[-1], near), corner, corner, far]
    points += _straight(points[-1], corners[-1])
    return Wire(tuple(points), arrow)


def _towards(start: Point, stop: Point, most: float) -> Point:
    """The point `most` pixels from `start` on the way to `stop`, or half the way."""
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5
    share = min(most, length / 2) / length if length else 0
    return start[0] + dx * share, start[1] + dy * share


def _straight(start: Point, stop: Point) -> list[Point]:
    return [start, stop, stop]


def flattened(wire: Wire, steps: int = 12) -> list[Point]:
    """Points along a wire, `steps` a curve, for what can only draw straight lines."""
    line = [wire.points[0]]
    for i in range(0, len(wire.points) - 1, 3):
        a, b, c, d = wire.points[i : i + 4]
        if (a, c) == (b, d):
            line.append(d)
            continue
        for t in (k / steps for k in range(1, steps + 1)):
            u = 1 - t
            shares = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
            x, y = (sum(s * p[axis] for s, p in zip(shares, (a, b, c, d), strict=True)) for axis in (0, 1))
            line.append((x, y))
    return line


def tip(wire: Wire, length: float = 6) -> Face:
    """The arrow head at the end of a wire."""
    line = flattened(wire)
    end = line[-1]
    before = next(start for start, stop in reversed([*pairwise(line)]) if start != end)
    share = length / ((before[0] - end[0]) ** 2 + (before[1] - end[1]) ** 2) ** 0.5
    dx, dy = (before[0] - end[0]) * share, (before[1] - end[1]) * share
    x, y = end[0] + dx, end[1] + dy
    return Face((end, (x - dy / 2, y + dx / 2), (x + dy / 2, y - dx / 2)), "wire")
