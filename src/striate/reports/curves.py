"""Learning curves: loss and accuracy over the epochs, of training (smoothed) and of what was held out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

from striate.reports import chart
from striate.reports.chart import Chart, Line, Point, Scale
from striate.reports.record import Record
from striate.reports.words import percent, plain

MOST = 500  # points of a line: more than a screen's columns would only make the page heavier
GAP = 9.0  # percent of the plot between two labels at its edge

Place = Callable[[float], float]


def curves(record: Record) -> tuple[Chart, ...]:
    """The charts that the log has numbers for: loss, then accuracy."""
    epochs_of = _epochs_of(record)
    found = []
    for key, draw in (("loss", _loss), ("accuracy", _accuracy)):
        train = chart.finite([(epochs_of(e["step"]), e[key]) for e in record.steps if _has(e, key, "step")])
        means = chart.finite([(k, e[key]) for k, e in enumerate(record.epochs, 1) if _has(e, key)])
        test = chart.finite([(k, e[f"test_{key}"]) for k, e in enumerate(record.epochs, 1) if _has(e, f"test_{key}")])
        if train or means or test:
            found.append(draw(train, means, test, bool(record.epochs)))
    return tuple(found)


def lost_steps(record: Record) -> int:
    """How many logged losses of training are not numbers: the sign of a run that blew up."""
    return sum("loss" in event and not (_has(event, "loss") and isfinite(event["loss"])) for event in record.steps)


def _has(event: dict[str, Any], *keys: str) -> bool:
    return all(isinstance(event.get(key), int | float) for key in keys)


def _epochs_of(record: Record) -> Place:
    """From a step's number to its place in epochs: each epoch ends at the last step logged before it ended.

    Where no epoch ended, steps stay steps.
    """
    ends = [0.0]
    for end in record.epoch_ends:
        ends.append(max(end, ends[-1] + 1e-9))
    if len(ends) == 1:
        return lambda step: step

    def place(step: float) -> float:
        k = min(bisect_left(ends, step, 1), len(ends) - 1)
        return k - 1 + (step - ends[k - 1]) / (ends[k] - ends[k - 1])

    return place


def _loss(train: list[Point], means: list[Point], test: list[Point], epochs: bool) -> Chart:
    calm = _calm(train)
    values = [y for _, y in (calm or means) + test]
    low, high = min(values), max(values)
    wide = low > 0 and high / low > 8
    y = chart.logarithmic(low / 1.25, high * 1.1) if wide else chart.linear(min(0.0, low), high)
    notes = ["Equal distances are equal ratios."] if y.stretched else []
    if calm and test and calm[-1][1] > test[-1][1]:
        notes.append(
            "Learning counts all that the recipe adds (shifts, label smoothing), so it may lie above held out."
        )
    return _chart("Loss", "", " ".join(notes), (train, calm, means, test), y, plain, epochs)


def _accuracy(train: list[Point], means: list[Point], test: list[Point], epochs: bool) -> Chart:
    calm = _calm(train)
    values = [y for _, y in (calm or means) + test]
    below = [v for v in values if v < 1]
    if max(values) > 0.95 and below:
        top = 1 - (1 - max(below)) / 1.5
        y = chart.closeness(max(0.0, min(max(0.0, min(values)), 0.9)), min(top, 0.99999))
        note = "The scale widens towards 100 %: half the mistakes is always the same step."
    else:
        y = chart.linear(0, 1, label=lambda share: f"{share * 100:.0f}")
        note = ""
    digits = 2 if test and test[-1][1] > 0.98 else 1
    return _chart("Accuracy", "%", note, (train, calm, means, test), y, lambda v: percent(v, digits), epochs)


def _calm(train: list[Point]) -> list[Point]:
    return chart.smoothed(train, max(3, len(train) // 25)) if len(train) > 8 else train


def _chart(
    title: str,
    unit: str,
    note: str,
    series: tuple[list[Point], list[Point], list[Point], list[Point]],
    y: Scale,
    write: Callable[[float], str],
    epochs: bool,
) -> Chart:
    train, calm, means, test = series
    furthest = max(point[0] for line in series for point in line[-1:])
    x = _x_scale(furthest, epochs)
    lines = []
    if len(train) > 8:
        lines.append(Line("", "train", chart.path(chart.thinned(train, MOST), x, y), faint=True))
    learned = chart.thinned(calm, MOST) if calm else means
    drawn = [("learning", "train", learned, not calm), ("held out", "test", test, True)]
    drawn = [entry for entry in drawn if entry[2]]
    ends = chart.spread([(100 - 100 * y.at(points[-1][1]), write(points[-1][1])) for _, _, points, _ in drawn], GAP)
    for (name, colour, points, dotted), end in zip(drawn, ends, strict=True):
        few = dotted and len(points) <= 40
        dots = tuple((100 * x.at(a), 100 - 100 * y.at(b)) for a, b in points) if few or len(points) == 1 else ()
        lines.append(Line(name, colour, chart.path(points, x, y), dots=dots, end=end))
    last = ", ".join(f"{name} ends at {write(points[-1][1])}" for name, _, points, _ in drawn)
    return Chart(
        title=title,
        unit=unit,
        x_title="epochs" if epochs else "steps",
        x_ticks=tuple((100 * x.at(value), text) for value, text in x.ticks),
        y_ticks=tuple((100 - 100 * y.at(value), text) for value, text in y.ticks),
        lines=tuple(lines),
        words=f"{title} over the {'epochs' if epochs else 'steps'}: {last}.",
        note=note,
    )


def _x_scale(furthest: float, epochs: bool) -> Scale:
    """From 0 to the last epoch itself; whole numbers are labelled."""
    step = max(1.0, chart.round_step(furthest / 6)) if furthest > 0 else 1.0
    end = furthest or 1.0
    marks: Sequence[float] = [k * step for k in range(int(end / step + 1e-9) + 1)]
    return Scale(lambda v: v / end, tuple((mark, f"{mark:.0f}") for mark in marks))
