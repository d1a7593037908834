"""A moving average of the weights, which often answers better than the weights of the last step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """Polyak averaging with a growing window: after t steps the decay is at most (1 + t) / (10 + t)."""

    def __init__(self, net: nn.Module, decay: float):
        self.decay = decay
        self._weights = dict(net.named_parameters())
        self._means = {name: weight.detach().clone() for name, weight in self._weights.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step` steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self._means.values()), list(self._weights.values()), 1 - decay)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Meanwhile the network has the averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, weight in self._weights.items():
            mean = self._means[name].clone()
            self._means[name].copy_(weight)
            weight.copy_(mean)

    def keep(self) -> None:
        """Leave the averaged weights in the network for good."""
        self._swap()

    def state(self) -> dict[str, Tensor]:
        """The averages by the weights' names."""
        return self._means

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave."""
        for name, mean in self._means.items():
            mean.copy_(state[name])
