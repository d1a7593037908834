"""What is gained, and what is lost, by answering only when one is confident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

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

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def threshold_table(probabilities: Tensor, labels: Tensor, thresholds: Sequence[float] = THRESHOLDS) -> list[Threshold]:
    """One row for each of `thresholds`. `probabilities`: (n, classes); `labels`: (n,)."""
    confidence, answers = probabilities.max(1)
    return threshold_rows(confidence, answers, labels, probabilities.shape[1], thresholds)


def threshold_rows(
    confidence: Tensor, answers: Tensor, labels: Tensor, classes: int, thresholds: Sequence[float] = THRESHOLDS
) -> list[Threshold]:
    """The same from each picture's highest probability (n,) and the class that has it (n,)."""
    _check(labels)
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


def smallest_threshold(probabilities: Tensor, labels: Tensor, accuracy: float) -> float | None:
    """The confidence to ask for so that at least `accuracy` of the answers are right, and as many as can be are given.

    It is 0 where all answers together are right enough, else the confidence of the last picture that is answered; None
    where no threshold is enough.

    >>> sure = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    >>> round(smallest_threshold(sure, torch.tensor([0, 0, 1, 0]), 1.0), 3)
    0.8
    """
    _check(labels)
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy is {accuracy}; it must be between 0 and 1.")
    confidence, answers = probabilities.max(1)
    order = confidence.argsort(descending=True, stable=True)
    confidence = confidence[order]
    right = (answers == labels)[order].cumsum(0).double()
    enough = right >= accuracy * torch.arange(1, len(labels) + 1) - 1e-9  # 0.9 x 10 is 9, whatever the rounding
    enough[:-1] &= confidence[:-1] > confidence[1:]  # equal confidences are answered together
    found = enough.nonzero()
    if not len(found):
        return None
    last = int(found[-1])
    return 0.0 if last == len(labels) - 1 else float(confidence[last])


def _check(labels: Tensor) -> None:
    if not len(labels):
        raise ValueError("thresholds need at least one picture; there are none.")
