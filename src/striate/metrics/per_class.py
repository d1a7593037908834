"""Precision, recall and F1 of every class, and their averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Average:
    """Means over the classes that have pictures, 0..1 each."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class ClassScores:
    """One number a class, each (classes,) in float64; made by `class_scores`.

    `precision` is nan where a class was never answered, `recall` where it has no pictures, `f1` where both are so.
    `support`: pictures of the class.
    """

    precision: Tensor
    recall: Tensor
    f1: Tensor
    support: Tensor

    @property
    def macro(self) -> Average:
        """Every class with pictures counts alike; one that was never answered has precision 0 here."""
        there = self.support > 0
        if not there.any():
            raise ValueError("averages need at least one picture; there are none.")
        columns = (self.precision, self.recall, self.f1)
        return Average(*(float(values[there].nan_to_num(0).mean()) for values in columns))

    def as_json(self, classes: tuple[str, ...]) -> list[dict[str, Any]]:
        """One object a class with label, precision, recall, f1 and support; what is undefined is null."""
        columns = {
            name: [None if value != value else value for value in getattr(self, name).tolist()]
            for name in ("precision", "recall", "f1", "support")
        }
        return [
            {"label": label, **{name: column[i] for name, column in columns.items()}} for i, label in enumerate(classes)
        ]


def class_scores(matrix: Tensor) -> ClassScores:
    """The scores of a confusion matrix (classes, classes), row the truth, column the answer.

    F1 is 2 right / (answered + pictures): the harmonic mean of precision and recall.

    >>> import torch
    >>> class_scores(torch.tensor([[3, 1], [0, 4]])).macro.recall
    0.875
    """
    right, answered, pictures = matrix.diagonal().double(), matrix.sum(0), matrix.sum(1)
    return ClassScores(right / answered, right / pictures, 2 * right / (answered + pictures), pictures)
