"""A classifier of features: chosen, judged and calibrated by cross-validation, then learned from all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from striate.errors import DataError
from striate.features.folds import FOLDS, folds
from striate.features.marks import Array, kinds
from striate.metrics.calibration import temperature

AT_ONCE = 2048  # pictures whose similarities to all others are in memory together


@dataclass(frozen=True, eq=False)
class Fitted:
    """A classifier of features of `kind` as plain `tensors`, and what cross-validation says of it.

    `strength`: the one that was chosen. `temperature`: what its logits are divided by. `accuracies`: of each fold,
    0..1. `held_out`: (n, classes) the logits of each picture, not yet divided, from a fold it was not learned from:
    honest numbers, suspicious labels and thresholds are made from `held_out / temperature`.
    """

    kind: str
    classes: tuple[str, ...]
    tensors: dict[str, Tensor]
    strength: float
    temperature: float
    accuracies: tuple[float, ...]
    held_out: Tensor

    @property
    def features(self) -> int:
        """How many features it takes."""
        return next(t.shape[1] for name, t in self.tensors.items() if name in ("weight", "bank"))

    @property
    def accuracy(self) -> float:
        """The mean accuracy of the folds, 0..1."""
        return sum(self.accuracies) / len(self.accuracies)

    def head(self) -> nn.Module:
        """The module from features (n, f) to calibrated logits (n, classes): it goes where a network's own stood."""
        made: nn.Module = kinds[self.kind].facts.head(self.tensors, self.strength, self.temperature)
        return made.eval()

    def outputs(self, features: Tensor) -> Tensor:
        """(n, classes) calibrated logits for `features` (n, f)."""
        return _logits(self.head(), features)


def fitted(
    features: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    kind: str = "logistic",
    *,
    groups: Sequence[Any] | None = None,
    most_folds: int = FOLDS,
    seed: int = 0,
) -> Fitted:
    """The classifier of `kind` for `features` (n, f) and `labels` (n,), which count `classes`.

    Of the strengths of the kind, the one with the lowest cross-entropy on the held-out pictures, each at its best
    temperature, is taken. `groups`: one a picture; pictures of a group are never on both sides. Raises `DataError`,
    and `UnknownName` for another kind.
    """
    kind = kinds.name_of(kind)
    x, y = _checked(features, labels, classes)
    together = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    parts = folds(y, classes, groups=together, most=most_folds, seed=seed)
    with threadpool_limits(1, "blas"):  # its threads wait for each other by spinning, and a busy machine takes minutes
        return _chosen(kind, x, y, tuple(classes), parts)


def _chosen(kind: str, x: Array, y: Array, classes: tuple[str, ...], parts: list[tuple[Array, Array]]) -> Fitted:
    facts = kinds[kind].facts
    basis, x = _axes(x) if facts.turned else (None, x)
    held_out = [torch.zeros(len(y), len(classes)) for _ in facts.strengths]
    for train, test in parts:
        if len(np.unique(y[train])) < 2:
            raise DataError("the groups leave one class to learn from. Give more, smaller groups.")
        learned = _learned(kind, x[train], y[train], len(classes), facts.strengths)
        for logits, tensors, strength in zip(held_out, learned, facts.strengths, strict=True):
            logits[test] = _logits(facts.head(tensors, strength, 1.0), torch.from_numpy(x[test]))
    wanted = torch.from_numpy(y)
    temperatures = [temperature(logits, wanted) for logits in held_out]
    losses = [float(cross_entropy(z / t, wanted)) for z, t in zip(held_out, temperatures, strict=True)]
    best = losses.index(min(losses))
    right = (held_out[best].argmax(1) == wanted).double().numpy()
    tensors = _learned(kind, x, y, len(classes), facts.strengths[: best + 1])[-1]
    if basis is not None:
        tensors |= {name: tensors[name] @ torch.from_numpy(np.ascontiguousarray(basis.T)) for name in facts.turned}
    accuracies = tuple(float(right[test].mean()) for _, test in parts)
    return Fitted(kind, classes, tensors, facts.strengths[best], temperatures[best], accuracies, held_out[best])


def _axes(x: Array) -> tuple[Array | None, Array]:
    """Axes (f, n) that span the pictures, and the features along them: the same geometry in fewer numbers.

    None, and the features as they are, where there are more pictures than features.
    """
    if len(x) >= x.shape[1]:
        return None, x
    basis, along = np.linalg.qr(x.T)
    return basis, np.ascontiguousarray(along.T)


def _learned(kind: str, x: Array, y: Array, classes: int, strengths: Sequence[float]) -> list[dict[str, Tensor]]:
    given = kinds[kind](x, y, classes, strengths)
    return [
        {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in tensors.items()} for tensors in given
    ]


@torch.inference_mode()
def _logits(head: nn.Module, features: Tensor) -> Tensor:
    return torch.cat([head(part) for part in features.split(AT_ONCE)])


def _checked(features: Tensor, labels: Tensor, classes: Sequence[str]) -> tuple[Array, Array]:
    if features.ndim != 2 or not features.numel() or labels.shape != features.shape[:1]:
        raise DataError(
            f"need features (n, f) with a label each, but there are {tuple(features.shape)} features and "
            f"{tuple(labels.shape)} labels."
        )
    wrong = (~torch.isfinite(features)).any(1).nonzero()
    if len(wrong):
        raise DataError(
            f"picture {int(wrong[0])} has features that are not numbers (NaN or infinite). Make them again."
        )
    if int(labels.min()) < 0 or int(labels.max()) >= len(classes):
        raise DataError(
            f"labels are {int(labels.min())} to {int(labels.max())}, but there are {len(classes)} classes, "
            f"0 to {len(classes) - 1}."
        )
    return features.detach().cpu().float().numpy(), labels.cpu().long().numpy()
