"""The counts of a data set as bars, and the sizes of its pictures as points. Plain numbers; the template draws them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from striate.data.check.found import Checked, printable
from striate.reports.chart import linear

MOST_BARS = 60
MOST_POINTS = 600
MARGIN = 1.04  # so that no point lies on the edge
RADIUS = (3.0, 11.0)  # pixels of the point of one picture, and of that of most


@dataclass(frozen=True)
class Bar:
    """One class: its pictures in words, and of each part (CSS class, percent of the widest bar, words)."""

    name: str
    total: int
    shares: tuple[tuple[str, float, str], ...]


@dataclass(frozen=True)
class Classes:
    """Bars, widest first; `left_out`: classes between the last two bars that are not drawn. `parts`: of the legend."""

    bars: tuple[Bar, ...]
    left_out: int
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Sizes:
    """Points as (x, y in percent, radius in pixels, words); ticks as (percent, text)."""

    points: tuple[tuple[float, float, float, str], ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    most: str
    kinds: str


def classes(found: Checked) -> Classes:
    """How many pictures each class has in each part."""
    rows = sorted(zip(found.classes, *found.counts.values(), strict=True), key=lambda row: (-sum(row[1:]), row[0]))
    widest = max((sum(row[1:]) for row in rows), default=0) or 1
    bars = [
        Bar(
            printable(name),
            sum(numbers),
            tuple(
                (part, round(100 * number / widest, 2), f"{number:,} in {part}")
                for part, number in zip(found.counts, numbers, strict=True)
                if number
            ),
        )
        for name, *numbers in rows
    ]
    left_out = max(0, len(bars) - MOST_BARS)
    return Classes(tuple(bars[: MOST_BARS - 1] + bars[-1:] if left_out else bars), left_out, tuple(found.counts))


def sizes(found: Checked) -> Sizes | None:
    """Width and height of the pictures; None where none can be read."""
    if not found.sizes:
        return None
    widest, tallest = max(width for _, width in found.sizes), max(height for height, _ in found.sizes)
    x, y = (
        linear(0, widest * MARGIN, label=lambda v: f"{v:,.0f}"),
        linear(0, tallest * MARGIN, label=lambda v: f"{v:,.0f}"),
    )
    counts = _gathered(found.sizes, max(widest, tallest))
    most = max(counts.values())
    points = [
        (
            round(100 * x.at(width), 2),
            round(100 - 100 * y.at(height), 2),
            round(RADIUS[0] + (RADIUS[1] - RADIUS[0]) * ((number - 1) / max(1, most - 1)) ** 0.5, 1),
            f"{width:,} x {height:,}: {number:,}",
        )
        for (height, width), number in counts.most_common()
    ]
    height, width = found.sizes.most_common(1)[0][0]
    return Sizes(
        tuple(points),
        tuple((100 * x.at(value), text) for value, text in x.ticks),
        tuple((100 - 100 * y.at(value), text) for value, text in y.ticks),
        f"{width:,} x {height:,} pixels {'most often' if len(found.sizes) > 1 else 'all'}",
        ", ".join(f"{kind} {number:,}" for kind, number in found.modes.most_common(8)),
    )


def _gathered(counted: Counter[tuple[int, int]], largest: int) -> Counter[tuple[int, int]]:
    """The sizes, brought to a grid as fine as leaves no more than `MOST_POINTS`."""
    step, made = 1, counted
    while len(made) > MOST_POINTS and step < largest:
        step *= 2
        made = Counter()
        for (height, width), number in counted.items():
            made[max(1, round(height / step)) * step, max(1, round(width / step)) * step] += number
    return made
