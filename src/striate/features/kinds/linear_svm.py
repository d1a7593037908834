"""A linear support vector machine for each class against the others, with squared hinge loss (liblinear)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from striate.features.heads import linear_head
from striate.features.linear import layers
from striate.features.marks import Array, KindFacts, Tensors, classifier

MOST_STEPS = 1000


@classifier(KindFacts(strengths=(0.1, 1.0, 10.0), head=linear_head, turned=("weight",)))
def linear_svm(features: Array, labels: Array, classes: int, strengths: Sequence[float]) -> list[Tensors]:
    """The layer of each strength, which is scikit-learn's C."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    def learn(coordinates: Array, known: Array, strength: float) -> tuple[Array, Array]:
        model = LinearSVC(C=strength, dual=True, tol=1e-3, max_iter=MOST_STEPS, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # held-out pictures judge it, converged or not
            model.fit(coordinates, known)
        return model.coef_, model.intercept_

    return layers(features, labels, classes, strengths, learn)
