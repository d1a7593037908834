"""Labels that are probably wrong: the network disagrees, and is surer than it usually is of that class.

Confident Learning: Estimating Uncertainty in Dataset Labels. Northcutt, Jiang, Chuang, JAIR 70, 2021. arXiv:1911.00068
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Suspicious:
    """Picture number `picture` is labelled `label`, and the network takes it for `suggestion`.

    `own`, `probability`: what the network gives to the label and to the suggestion, 0..1.
    """

    picture: int
    label: int
    suggestion: int
    own: float
    probability: float


def class_thresholds(probabilities: Tensor, labels: Tensor) -> Tensor:
    """(classes,) the mean probability of each class over the pictures labelled so (equation 2); nan where none is."""
    classes = probabilities.shape[1]
    own = probabilities.double().gather(1, labels[:, None])[:, 0]
    return torch.bincount(labels, own, classes) / torch.bincount(labels, minlength=classes)


def suspicious_labels(probabilities: Tensor, labels: Tensor, most: int = 50) -> list[Suspicious]:
    """The pictures that stand off the diagonal of the confident joint (equation 1), the widest disagreement first.

    A class counts for a picture if its probability reaches the class's threshold; the likeliest of those is suggested.
    `probabilities`: (n, classes) for pictures the network was not trained on, or cross-validated; `labels`: (n,).

    >>> suspicious_labels(torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]]), torch.tensor([0, 0, 1, 0]))
    []
    """
    if not len(labels):
        return []
    values = probabilities.double()
    reach = values >= class_thresholds(values, labels) - 1e-12  # a mean of equal numbers may be rounded up
    best, suggestion = values.where(reach, torch.full_like(values, -1)).max(1)
    own = values.gather(1, labels[:, None])[:, 0]
    wrong = ((best >= 0) & (suggestion != labels)).nonzero()[:, 0]
    order = wrong[(best - own)[wrong].argsort(descending=True, stable=True)][:most]
    columns = [column[order].tolist() for column in (labels, suggestion, own, best)]
    return [Suspicious(*row) for row in zip(order.tolist(), *columns, strict=True)]
