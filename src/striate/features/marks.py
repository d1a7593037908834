"""What marks a function as a classifier of features, so that a new one is one new file in `kinds`.

>>> sorted(kinds)
['centroid', 'linear_svm', 'logistic', 'nearest_neighbours']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

from striate.registry import Registry

Array = NDArray[Any]
Tensors = Mapping[str, Array]
Fit = Callable[[NDArray[np.float32], NDArray[np.int64], int, Sequence[float]], list[Tensors]]
Marked = TypeVar("Marked", bound=Fit)

kinds = Registry("classifier of features", "striate.features.kinds", mark="facts", group="striate.classifiers")


@dataclass(frozen=True)
class KindFacts:
    """What is known of a kind of classifier.

    `strengths`: what cross-validation chooses from, the mildest first. `head`: the module that the tensors become, from
    (tensors, strength, temperature). `turned`: tensors (..., f) that turn with the features: where this is not empty,
    features may be given in other axes of the same space, and only these tensors change.
    """

    strengths: tuple[float, ...]
    head: Callable[[Mapping[str, Any], float, float], nn.Module]
    turned: tuple[str, ...] = ()


def classifier(facts: KindFacts) -> Callable[[Marked], Marked]:
    """Mark a function that fits features (n, f) float32 to labels (n,), every class of 0..classes-1 among them or not.

    It gives, for each strength, the arrays that the head is made of; they take features as they are, not scaled.
    """

    def mark(fit: Marked) -> Marked:
        fit.facts = facts  # type: ignore[attr-defined]
        return fit

    return mark
