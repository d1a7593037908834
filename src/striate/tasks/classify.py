"""Classification: one class a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from striate.errors import WeightsError

LOSSES = ("cross-entropy", "binary", "mean-squared")


@dataclass(frozen=True)
class Classify:
    """One class a picture; a network gives (n, classes) scores of any size, the largest wins.

    `label_smoothing`: share of the probability that the target spreads evenly over all classes (Szegedy et al. 2016).
    `kind`: the loss, one of `LOSSES`. `weights`: what a picture of each class counts in the loss, 1 on average; None:
    all alike. `temperature`: what the scores are divided by before they become probabilities (Guo et al. 2017).
    """

    label_smoothing: float = 0.0
    kind: str = "cross-entropy"
    weights: tuple[float, ...] | None = None
    temperature: float = 1.0
    name = "classify"

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean over the pictures, in float32. `outputs`: (n, classes); `targets`: (n,) or, mixed, (n, classes).

        cross-entropy: of the softmax (deck 003); binary: of each class's own sigmoid, summed over the classes;
        mean-squared: of the outputs themselves to 1 for the class and 0 for the others, summed over the classes.
        """
        outputs = outputs.float()
        if self.kind == "cross-entropy" and self.weights is None:
            return cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)
        wanted = self._shares(targets, outputs.shape[1])
        if self.kind == "cross-entropy":
            each = cross_entropy(outputs, wanted, reduction="none")
        elif self.kind == "binary":
            each = binary_cross_entropy_with_logits(outputs, wanted, reduction="none").sum(1)
        else:
            each = (outputs - wanted).square().sum(1)
        if self.weights is not None:
            weights = torch.tensor(self.weights, device=outputs.device)
            each = each * (weights[targets] if targets.ndim == 1 else targets @ weights)
        return each.mean()

    def decode(self, outputs: Tensor) -> Tensor:
        """(n, classes) probabilities: of a binary loss each class's own, so that they need not add up to 1."""
        outputs = outputs.float() / self.temperature
        if self.kind == "binary":
            return outputs.sigmoid()
        return outputs.softmax(1) if self.kind == "cross-entropy" else outputs.clamp(0, 1)

    def as_json(self) -> dict[str, Any]:
        """What the card of a model holds, beside the task's name."""
        return {"loss": self.kind, "temperature": self.temperature}

    @classmethod
    def from_json(cls, card: Mapping[str, Any]) -> Classify:
        """The task as a card describes it. `WeightsError` for values that cannot be."""
        kind, temperature = card.get("loss", LOSSES[0]), card.get("temperature", 1.0)
        if kind not in LOSSES or not isinstance(temperature, int | float) or not 0 < temperature < 1e6:
            raise WeightsError(f"the model's card has the loss {kind!r} and the temperature {temperature!r}.")
        return cls(kind=kind, temperature=float(temperature))

    def _shares(self, targets: Tensor, classes: int) -> Tensor:
        shares = one_hot(targets, classes).float() if targets.ndim == 1 else targets
        return shares * (1 - self.label_smoothing) + self.label_smoothing / classes
