"""Stand-in until the real one is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from striate.data.augment import flip, shift


@dataclass(frozen=True)
class Augment:
    shift: int = 0
    flip: bool = False

    @classmethod
    def of(cls, config: Any) -> "Augment":
        return cls(config.shift or 0, config.flip)

    def apply(
        self, batch: Tensor, labels: Tensor, indices: Tensor, *, seed: int, epoch: int, classes: int, size: Any
    ) -> tuple[Tensor, Tensor]:
        import torch

        g = torch.Generator().manual_seed(seed * 1000 + epoch)
        n = int(indices.max()) + 1 if len(indices) else 0
        if self.shift:
            batch = shift(batch, torch.randint(-self.shift, self.shift + 1, (100000, 2), generator=g)[indices], most=self.shift)
        if self.flip:
            batch = flip(batch, torch.randint(2, (100000,), generator=g).bool()[indices])
        return batch, labels
