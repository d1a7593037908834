"""Parts for cross-validation: every class in each part alike, and no group on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from striate.errors import DataError
from striate.features.marks import Array

FOLDS = 5


def folds(
    labels: Array, classes: Sequence[str], *, groups: Array | None = None, most: int = FOLDS, seed: int = 0
) -> list[tuple[Array, Array]]:
    """(train, held out) positions of each fold: `most` of them, or as few as the smallest class has pictures or groups.

    `labels`: (n,) class numbers; `groups`: (n,) what must stay together, such as pictures of one object. `DataError`
    names a class that has fewer than two.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if len(classes) < 2:
        raise DataError(f"there is one class, {classes[0]}. Give two or more." if classes else "there are no classes.")
    what = "picture" if groups is None else "group of pictures"
    counts = [
        int((labels == i).sum()) if groups is None else len(np.unique(groups[labels == i])) for i in range(len(classes))
    ]
    least = int(np.argmin(counts))
    if counts[least] < 2:
        raise DataError(
            f"class '{classes[least]}' has {('no', 'one')[counts[least]]} {what}; each class needs two or more, to "
            "learn and to check. Add some, or leave the class out."
        )
    parts = min(most, counts[least])
    if groups is None:
        return list(StratifiedKFold(parts, shuffle=True, random_state=seed).split(labels, labels))
    return list(StratifiedGroupKFold(parts, shuffle=True, random_state=seed).split(labels, labels, groups))
