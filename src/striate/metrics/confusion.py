"""Which classes are taken for which."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def confusion_matrix(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """(classes, classes) int64 counts: row the truth, column the answer.

    `predicted`, `labels`: (n,) whole numbers in 0..classes-1; `ValueError` for one outside.

    >>> confusion_matrix(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2)
    tensor([[1, 1],
            [0, 1]])
    """
    for name, values in (("predicted", predicted), ("labels", labels)):
        outside = values[(values < 0) | (values >= classes)]
        if len(outside):
            raise ValueError(
                f"{name} holds class {int(outside[0])}, but there are {classes} classes, 0..{classes - 1}."
            )
    cells = torch.bincount(labels.long() * classes + predicted.long(), minlength=classes * classes)
    return cells.reshape(classes, classes)


@dataclass(frozen=True)
class Mixed:
    """`count` pictures of class `truth` were taken for class `answer`: that `share` (0..1) of all of `truth`."""

    truth: int
    answer: int
    count: int
    share: float


def most_confused(matrix: Tensor, most: int = 10) -> list[Mixed]:
    """The cells off the diagonal with the highest counts, then shares; pairs that never occurred are left out."""
    wrong = matrix.clone().fill_diagonal_(0)
    totals = matrix.sum(1)
    found = [
        Mixed(truth, answer, count := int(wrong[truth, answer]), count / int(totals[truth]))
        for truth, answer in wrong.nonzero().tolist()
    ]
    return sorted(found, key=lambda pair: (-pair.count, -pair.share, pair.truth, pair.answer))[:most]
