"""The processes that share a training: each computes its part of every batch, and all hold the same weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor, nn

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Ranks:
    """One of `count` processes, the one of number `rank`. A single process is `Ranks()`."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the run folder and speaks."""
        return self.rank == 0

    def share(self, index: Tensor) -> Tensor:
        """This process's part of a batch's positions (n,)."""
        return index if self.count == 1 else index.tensor_split(self.count)[self.rank]

    def shared(self, net: nn.Module) -> nn.Module:
        """`net` so that its gradients are the mean over all processes."""
        return net

    def sums(self, values: Tensor) -> Tensor:
        """The sum of `values` over all processes, in every one."""
        return values

    def any_of(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag whether any process has it set; the same answer in every one."""
        return flags

    def agreed(self, value: Number) -> Number:
        """The first process's value, in every one."""
        return value


def alone() -> Ranks:
    """The ranks of a training that runs in this process only."""
    return Ranks()
