"""Classification: one class a picture."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy


@dataclass(frozen=True)
class Classify:
    """One class a picture; a network gives (n, classes) scores of any size, the largest wins.

    `label_smoothing`: share of the probability that the target spreads evenly over all classes (Szegedy et al. 2016).
    """

    label_smoothing: float = 0.0
    name = "classify"

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Mean softmax cross-entropy of `outputs` (n, classes) against `labels` (n,), in float32."""
        return cross_entropy(outputs.float(), labels, label_smoothing=self.label_smoothing)

    def decode(self, outputs: Tensor) -> Tensor:
        """(n, classes) probabilities."""
        return outputs.float().softmax(1)
