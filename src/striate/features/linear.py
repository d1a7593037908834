"""What the linear classifiers share: they learn from features centred and scaled, and become a layer for any."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from striate.features.marks import Array, Tensors

Learn = Callable[[Array, Array, float], tuple[Array, Array]]


def layers(features: Array, labels: Array, classes: int, strengths: Sequence[float], learn: Learn) -> list[Tensors]:
    """The layer for `features` as they are that `learn(z, labels, strength) -> weight, bias` means for each strength.

    z has mean 0 and mean squared length 1. One scale serves all features, since how far each one spreads is what the
    network learned: on ten classes of Caltech-101 (EfficientNet-Lite0, 10 and 50 pictures a class, 5 seeds) a scale for
    each lost 0.04 to 0.2 points. `learn` sees only the classes that have pictures; the others are never answered.
    """
    mean = features.mean(0, dtype=np.float64)
    z = features - mean
    length = float(np.sqrt(np.square(z).sum(1).mean()))
    scale = 1 / length if length > 0 else 1.0
    z = (z * scale).astype(np.float32)
    there, known = np.unique(labels, return_inverse=True)
    found: list[Tensors] = []
    for strength in strengths:
        weight, bias = (part.astype(np.float64) for part in learn(z, known, strength))
        if len(weight) == 1:  # two classes, told apart by one number
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        if len(there) < classes:
            weight, bias = _with_the_missing(weight, bias, there, classes, float(np.abs(z).sum(1).max()))
        found.append(
            {"weight": (weight * scale).astype(np.float32), "bias": (bias - weight @ mean * scale).astype(np.float32)}
        )
    return found


def _with_the_missing(weight: Array, bias: Array, there: Array, classes: int, farthest: float) -> tuple[Array, Array]:
    """The layer with a row for each class: those that are not `there` get less than all others, for any picture.

    `farthest`: the largest sum of absolute features of a picture, which bounds what a row can give.
    """
    whole = np.repeat(weight.mean(0, keepdims=True), classes, 0)
    lowest = np.full(classes, bias.min() - 2 * np.abs(weight).max() * farthest)
    whole[there], lowest[there] = weight, bias
    return whole, lowest
