"""How often the answer is right."""

from __future__ import annotations

from torch import Tensor


def accuracy(scores: Tensor, labels: Tensor) -> float:
    """Share of pictures whose label has the highest of `scores`, in 0..1; of equal scores the first class answers.

    `scores`: (n, classes), larger is likelier (probabilities or not); `labels`: (n,). `ValueError` for no pictures.

    >>> from torch import tensor
    >>> accuracy(tensor([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]]), tensor([0, 1, 0, 0]))
    0.75
    """
    return top_k_accuracy(scores, labels, 1)


def top_k_accuracy(scores: Tensor, labels: Tensor, k: int = 5) -> float:
    """Share of pictures whose label is among the `k` classes with the highest `scores`, ties in the order of classes.

    `scores`: (n, classes), `labels`: (n,). With `k` at or above the number of classes every label counts.

    >>> from torch import tensor
    >>> top_k_accuracy(tensor([[0.1, 0.5, 0.4], [0.6, 0.3, 0.1]]), tensor([2, 2]), k=2)
    0.5
    """
    if not len(labels):
        raise ValueError("accuracy needs at least one picture; there are none.")
    best = scores.argsort(dim=1, descending=True, stable=True)[:, :k]
    return int((best == labels[:, None]).any(1).sum()) / len(labels)
