"""The mistakes that the network was surest of, as pictures."""

from __future__ import annotations

from dataclasses import dataclass

from striate.reports.pictures import Picture, photograph
from striate.reports.record import Answers
from striate.reports.words import percent

MOST = 24


@dataclass(frozen=True)
class Mistake:
    """A picture with its label, the wrong answer, and how sure the network was of that (as words, and 0..100)."""

    picture: Picture
    truth: str
    answer: str
    sure: str
    sure_percent: float


def mistakes(answers: Answers, names: tuple[str, ...]) -> tuple[Mistake, ...]:
    """The worst ones that the run kept, worst first."""
    found = []
    for place, image in list(zip(answers.worst.tolist(), answers.worst_images, strict=True))[:MOST]:
        truth, answer = names[int(answers.labels[place])], names[int(answers.predicted[place])]
        sure = float(answers.probability[place])
        picture = photograph(image, f"Picture {place} of those held out: {truth}, answered {answer}")
        found.append(Mistake(picture, truth, answer, percent(sure), round(100 * sure, 1)))
    return tuple(found)
