"""What is gained, and what is lost, by answering only when one is confident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from striate.metrics.confusion import confusion_matrix

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Threshold:
    """What happens when a picture is answered only if its confidence, the highest probability, is >= `threshold`.

    `answered`: pictures; `share`: of all pictures. `accuracy`: share of the answered that are right. `precision`: mean
    over the classes that are answered at all. `recall`: mean over the classes of the share of their pictures that are
    answered, and rightly. None where nothing is answered.
    """

    threshold: float
    answered: int
    share: float
    accuracy: float | None
    precision: float | None
    recall: float


def threshold_table(probabilities: Tensor, labels: Tensor, thresholds: Sequence[float] = THRESHOLDS) -> list[Threshold]:
    """One row for each of `thresholds`. `probabilities`: (n, classes); `labels`: (n,)."""
    confidence, answers = probabilities.max(1)
    return threshold_rows(confidence, answers, labels, probabilities.shape[1], thresholds)


def threshold_rows(
    confidence: Tensor, answers: Tensor, labels: Tensor, classes: int, thresholds: Sequence[float] = THRESHOLDS
) -> list[Threshold]:
    """The same from each picture's highest probability (n,) and the class that has it (n,)."""
    if not len(labels):
        raise ValueError("thresholds need at least one picture; there are none.")
    return [_row(confidence >= threshold, answers, labels, classes, threshold) for threshold in thresholds]


def _row(answered: Tensor, answers: Tensor, labels: Tensor, classes: int, threshold: float) -> Threshold:
    matrix = confusion_matrix(answers[answered], labels[answered], classes).double()
    pictures = torch.bincount(labels, minlength=classes)
    right, given = matrix.diagonal(), matrix.sum(0)
    count = int(answered.sum())
    return Threshold(
        float(threshold),
        count,
        count / len(labels),
        float(right.sum()) / count if count else None,
        float((right / given)[given > 0].mean()) if count else None,
        float((right / pictures)[pictures > 0].mean()),
    )
