"""The geometry of a line chart: scales, ticks and paths. The template draws it, so this holds no markup.

Positions are percent of the plot: x from the left, y from the top. Paths live in a 1000 x 1000 box that is stretched
over the plot, so that a chart keeps its text size on every screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil, floor, isfinite, log10

Point = tuple[float, float]

CLOSE = 0.075  # of the height: two labels nearer than this would touch


@dataclass(frozen=True)
class Scale:
    """From values to 0..1, and the values that are labelled."""

    place: Callable[[float], float]
    ticks: tuple[tuple[float, str], ...]
    stretched: bool = False

    def at(self, value: float) -> float:
        """Where `value` lies, 0..1; what lies outside is brought to the edge."""
        return min(1.0, max(0.0, self.place(value)))


def linear(low: float, high: float, *, ticks: int = 5, label: Callable[[float], str] | None = None) -> Scale:
    """An even scale whose ends are round numbers around `low` and `high`.

    >>> [text for _, text in linear(0, 0.47).ticks]
    ['0', '0.1', '0.2', '0.3', '0.4', '0.5']
    """
    step = round_step((high - low or abs(high) or 1.0) / ticks)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    last = max(last, first + 1)
    start, span = first * step, (last - first) * step
    write = label or (lambda value: f"{round(value, 10):g}")
    return Scale(lambda v: (v - start) / span, tuple((k * step, write(k * step)) for k in range(first, last + 1)))


def logarithmic(low: float, high: float) -> Scale:
    """A scale of equal ratios for positive values; 1, 2, 5 of each decade are labelled, fewer over many decades.

    >>> [text for _, text in logarithmic(0.03, 2.3).ticks]
    ['0.05', '0.1', '0.2', '0.5', '1', '2']
    """
    bottom, span = log10(low), log10(high / low) or 1.0
    leading = (1, 2, 5) if span <= 2.2 else (1, 3) if span <= 3.5 else (1,)
    marks = [lead * 10.0**power for power in range(floor(bottom), ceil(log10(high)) + 1) for lead in leading]
    ticks = tuple((mark, f"{mark:g}") for mark in marks if low <= mark <= high * (1 + 1e-9))
    return Scale(lambda v: (log10(v) - bottom) / span if v > 0 else 0.0, ticks, stretched=True)


def closeness(low: float, high: float) -> Scale:
    """A scale of shares that widens towards 1: halving the errors is the same step everywhere.

    >>> [text for _, text in closeness(0.6, 0.994).ticks]
    ['60', '80', '90', '95', '98', '99']
    """
    floor_error, span = log10(1 - low), log10((1 - low) / (1 - high)) or 1.0
    known = (0, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999)

    def place(share: float) -> float:
        return (floor_error - log10(1 - share)) / span if share < 1 else 1.0

    ticks: list[float] = []
    for share in reversed([share for share in known if low <= share <= high]):
        if not ticks or place(ticks[-1]) - place(share) >= CLOSE:
            ticks.append(share)
    return Scale(place, tuple((share, f"{share * 100:g}") for share in reversed(ticks)), stretched=True)


def round_step(step: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `step`.

    >>> round_step(0.094), round_step(1.2), round_step(3)
    (0.1, 2.0, 5.0)
    """
    power = 10.0 ** floor(log10(step))
    return next(lead * power for lead in (1, 2, 5, 10) if lead * power >= step * (1 - 1e-9))


@dataclass(frozen=True)
class Line:
    """One series: its name, the CSS class of its colour, a path, and the value it ends with."""

    name: str
    colour: str
    path: str
    faint: bool = False  # the measurements behind a smoothed line
    dots: tuple[Point, ...] = ()
    end: tuple[float, str] | None = None  # (y, text) of the label at the right edge


@dataclass(frozen=True)
class Chart:
    """A finished chart: ticks as (percent, text), lines, and the words around them."""

    title: str
    unit: str
    x_title: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]
    words: str
    note: str = ""


def path(points: Sequence[Point], x: Scale, y: Scale) -> str:
    """The `d` of a polyline through `points`."""
    places = [f"{1000 * x.at(a):.1f} {1000 - 1000 * y.at(b):.1f}" for a, b in points]
    return "M" + "L".join(places) if places else ""


def smoothed(points: Sequence[Point], window: int) -> list[Point]:
    """Mean of each value with its neighbours, `window` in all.

    At the start, where curves fall steeply, fewer, so that the mean stays centred; at the end those that there are.

    >>> smoothed([(0, 0.0), (1, 3.0), (2, 0.0), (3, 3.0)], 3)
    [(0, 0.0), (1, 1.0), (2, 2.0), (3, 1.5)]
    """
    half = window // 2
    sums = [0.0, *accumulate(value for _, value in points)]
    result = []
    for k, (x, _) in enumerate(points):
        reach = min(half, k)
        first, end = k - reach, min(k + reach + 1, len(points))
        result.append((x, (sums[end] - sums[first]) / (end - first)))
    return result


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most about `most` points: means of equal runs of neighbours."""
    run = max(1, ceil(len(points) / most))
    groups = [points[k : k + run] for k in range(0, len(points), run)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def finite(points: Sequence[Point]) -> list[Point]:
    """The points that are numbers."""
    return [point for point in points if all(map(isfinite, point))]


def spread(labels: Sequence[tuple[float, str]], gap: float) -> list[tuple[float, str]]:
    """Labels at the right edge moved down where they would lie closer than `gap` percent, then up from the bottom.

    >>> spread([(10.0, "a"), (12.0, "b")], 8)
    [(10.0, 'a'), (18.0, 'b')]
    """
    order = sorted(range(len(labels)), key=lambda k: labels[k][0])
    places = [place for place, _ in labels]
    for above, below in pairwise(order):
        places[below] = max(places[below], places[above] + gap)
    limit = 100.0
    for k in reversed(order):
        places[k] = min(places[k], limit)
        limit = places[k] - gap
    return [(place, text) for place, (_, text) in zip(places, labels, strict=True)]
