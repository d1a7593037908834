"""The class whose mean features are nearest (Euclidean): a linear layer, since |z|² is the same for every class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from striate.features.heads import linear_head
from striate.features.linear import layers
from striate.features.marks import Array, KindFacts, Tensors, classifier


@classifier(KindFacts(strengths=(1.0,), head=linear_head, turned=("weight",)))
def centroid(features: Array, labels: Array, classes: int, strengths: Sequence[float]) -> list[Tensors]:
    """One layer: -|z - c|² / 2 + |z|² / 2 = c z - |c|² / 2 for the mean c of each class."""

    def learn(coordinates: Array, known: Array, strength: float) -> tuple[Array, Array]:
        centres = np.stack([coordinates[known == i].mean(0) for i in range(known.max() + 1)])
        return centres, -np.square(centres).sum(1) / 2

    return layers(features, labels, classes, strengths, learn)
