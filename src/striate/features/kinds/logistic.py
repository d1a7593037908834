"""Multinomial logistic regression with an L2 penalty: what a network's own last layer is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from striate.features.heads import linear_head
from striate.features.linear import layers
from striate.features.marks import Array, KindFacts, Tensors, classifier

MOST_STEPS = 300


@classifier(KindFacts(strengths=(0.1, 1.0, 10.0, 100.0), head=linear_head, turned=("weight",)))
def logistic(features: Array, labels: Array, classes: int, strengths: Sequence[float]) -> list[Tensors]:
    """The layer of each strength, which is scikit-learn's C: each is where the search for the next one begins."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(solver="lbfgs", warm_start=True, max_iter=MOST_STEPS, tol=1e-4)

    def learn(coordinates: Array, known: Array, strength: float) -> tuple[Array, Array]:
        model.C = strength
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # held-out pictures judge it, converged or not
            model.fit(coordinates, known)
        return model.coef_, model.intercept_

    return layers(features, labels, classes, strengths, learn)
