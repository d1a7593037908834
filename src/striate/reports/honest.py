"""Whether the network's confidence can be trusted: a reliability diagram, what thresholds give, doubtful labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from striate.metrics.calibration import Reliability, reliability_of
from striate.metrics.thresholds import threshold_rows
from striate.reports import chart
from striate.reports.chart import Chart, Line, Point
from striate.reports.pictures import Picture, photograph
from striate.reports.record import Answers, Suspects
from striate.reports.words import count, percent, plain

BINS = 10


@dataclass(frozen=True)
class Threshold:
    """One line of the table: answer only from so much confidence on."""

    least: str
    answered: str
    share: str
    full: float  # percent, of the bar
    right: str
    found: str


@dataclass(frozen=True)
class Doubtful:
    """A picture whose label the network doubts: the label, what it takes it for, how sure it is of both, its file."""

    picture: Picture
    label: str
    suggestion: str
    sure: str
    own: str
    name: str


@dataclass(frozen=True)
class Honest:
    """All that the section on confidence shows. `sums`: (number, what it is)."""

    diagram: Chart
    sums: tuple[tuple[str, str], ...]
    thresholds: tuple[Threshold, ...]
    doubtful: tuple[Doubtful, ...]
    unknown: str


def honest(answers: Answers, names: tuple[str, ...], facts: dict[str, Any]) -> Honest:
    """The section of a run with answers; `facts`: those of its card."""
    right = answers.predicted == answers.labels
    after = reliability_of(answers.probability, right, BINS)
    before = None if answers.plain is None else reliability_of(answers.plain, right, BINS)
    return Honest(
        diagram=_diagram(after, before),
        sums=_sums(answers, right, facts),
        thresholds=tuple(_thresholds(answers, len(names))),
        doubtful=() if answers.suspects is None else tuple(_doubtful(answers, answers.suspects, names)),
        unknown=_unknown(facts.get("unknown_below")),
    )


def _sums(answers: Answers, right: Tensor, facts: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The few numbers above the diagram."""
    found = facts.get("calibration")
    error = reliability_of(answers.probability, right).error
    sums = []
    if isinstance(found, dict) and all(
        isinstance(found.get(k), int | float) for k in ("before", "after", "temperature")
    ):
        sums.append((plain(found["before"]), "calibration error as trained"))
        sums.append((plain(found["after"]), f"with the temperature, fitted on {found.get('source', 'other pictures')}"))
        sums.append((plain(found["temperature"]), "temperature: what scores are divided by"))
    else:
        sums.append((plain(error), "calibration error"))
    if isinstance(top5 := facts.get("top5"), int | float):
        sums.append((percent(top5), "have the truth among the first five answers"))
    return tuple(sums)


def _diagram(after: Reliability, before: Reliability | None) -> Chart:
    """Share of right answers over confidence; on the diagonal it means what it says."""
    whole = chart.linear(0, 1, label=lambda share: f"{share * 100:.0f}")
    lines = [Line("as sure as right", "even", chart.path([(0, 0), (1, 1)], whole, whole))]
    drawn = [("as trained", "test", before), ("with the temperature", "train", after)]
    if before is None:
        drawn = [("what it says", "train", after)]
    for name, colour, found in drawn:
        if found is not None:
            points = _points(found)
            dots = tuple((100 * whole.at(x), 100 - 100 * whole.at(y)) for x, y in points)
            lines.append(Line(name, colour, chart.path(points, whole, whole), dots=dots))
    ticks = whole.ticks
    last = _points(after)[-1]
    return Chart(
        title="How sure it says it is",
        unit="and how often it is right, %",
        x_title="confidence, %",
        x_ticks=tuple((100 * whole.at(value), text) for value, text in ticks),
        y_ticks=tuple((100 - 100 * whole.at(value), text) for value, text in ticks),
        lines=tuple(lines),
        words=f"Right answers over confidence: where it is {percent(last[0])} sure, {percent(last[1])} are right.",
        note="A dot is a tenth of the scale that has pictures. Below the dashed line it is surer than it may be.",
    )


def _points(found: Reliability) -> list[Point]:
    there = found.pictures > 0
    return list(zip(found.confidence[there].tolist(), found.accuracy[there].tolist(), strict=True))


def _thresholds(answers: Answers, classes: int) -> list[Threshold]:
    rows = threshold_rows(answers.probability, answers.predicted, answers.labels, classes)
    return [
        Threshold(
            least=percent(row.threshold, 0) if row.threshold else "answer all",
            answered=count(row.answered),
            share=percent(row.share),
            full=round(100 * row.share, 1),
            right="–" if row.accuracy is None else percent(row.accuracy),
            found=percent(row.recall),
        )
        for row in rows
    ]


def _doubtful(answers: Answers, suspects: Suspects, names: tuple[str, ...]) -> list[Doubtful]:
    rows = zip(
        suspects.index.tolist(), suspects.suggestion.tolist(), suspects.own.tolist(), suspects.probability.tolist(),
        suspects.images, suspects.names, strict=True,
    )  # fmt: skip
    found = []
    for place, suggestion, own, sure, image, name in rows:
        label = names[int(answers.labels[place])]
        words = f"Picture {place} of those held out: labelled {label}, looks like {names[suggestion]}"
        picture = photograph(image, words)
        found.append(Doubtful(picture, label, names[suggestion], percent(sure), percent(own), name))
    return found


def _unknown(below: Any) -> str:
    if not isinstance(below, int | float):
        return ""
    return (
        f"Pictures of something else: where the energy of the scores (the logarithm of their summed exponentials) is "
        f"below {plain(below)}, as it is for one in twenty held-out pictures, take a picture for none of the classes."
    )
