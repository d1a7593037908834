"""The processes that share a training: each computes its part of every batch, and all hold the same weights.

`Ranks` is a training in one process, where nothing has to be shared; `together.Together` is one of several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

Number = TypeVar("Number", int, float)
NOBODY = -1  # no position in the data


class Share(NamedTuple):
    """A process's part of a batch: positions (n,), of which the last may be `partner`, which is only mixed from."""

    positions: Tensor
    partner: int = NOBODY


class Ranks:
    """One of `count` processes, the one of number `rank`; `here` of them are on this machine."""

    cut = False  # whether each process holds a part of the weights only

    def __init__(self, rank: int = 0, count: int = 1, here: int = 1):
        self.rank, self.count, self.here = rank, count, here

    @property
    def first(self) -> bool:
        """Whether this process writes the run folder and speaks."""
        return self.rank == 0

    def share(self, index: Tensor, parts: int = 1) -> Share:
        """This process's part of a batch's positions (n,), of which each of `parts` is shared out by itself.

        >>> [Ranks(rank, 2).share(torch.arange(7), 2).positions.tolist() for rank in (0, 1)]
        [[0, 1, 4, 5], [2, 3, 6]]
        """
        if self.count == 1:
            return Share(index)
        return Share(torch.cat([part.tensor_split(self.count)[self.rank] for part in index.tensor_split(parts)]))

    def share_of_ring(self, ring: Tensor) -> Share:
        """This process's part of positions (n,) that are each mixed with the next; the last is followed by the first.

        >>> [Ranks(rank, 2).share_of_ring(torch.tensor([5, 3, 8])) for rank in (0, 1)]
        [Share(positions=tensor([5, 3, 8]), partner=8), Share(positions=tensor([8, 5]), partner=5)]
        """
        own = ring.tensor_split(self.count)[self.rank]
        if self.count == 1 or not len(own):
            return Share(own)
        behind = sum(len(part) for part in ring.tensor_split(self.count)[: self.rank + 1])
        partner = ring[behind % len(ring)]
        return Share(torch.cat([own, partner[None]]), int(partner))

    def whole(self, pictures: int) -> int:
        """The pictures of all processes, where this one has `pictures`."""
        return pictures

    def shared(self, net: nn.Module) -> nn.Module:
        """What to call in place of `net`, so that its gradients are the mean over all processes."""
        return net

    def norms(self, net: nn.Module) -> AbstractContextManager[None]:
        """A context in which the norms of `net` see the whole batch."""
        return nullcontext()

    def part(self, pictures: int, *, last: bool) -> AbstractContextManager[None]:
        """The context to compute a part of a step in. `pictures`: how many count; `last`: whether the step ends."""
        return nullcontext()

    def sums(self, values: Tensor) -> Tensor:
        """The sum of `values` over all processes, in every one."""
        return values

    def greatest(self, *numbers: int) -> tuple[int, ...]:
        """The greatest of each number over all processes, in every one."""
        return numbers

    def agreed(self, value: Number) -> Number:
        """The first process's value, in every one."""
        return value

    def told(self, text: str) -> str:
        """The first process's text, in every one."""
        return text

    def gathered(self, text: str) -> list[str]:
        """The text of each process, in every one."""
        return [text]

    def handed(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The first process's tensors by name, in every one."""
        return tensors

    def own(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """What this process holds of each."""
        return list(tensors)

    def length(self, own: float) -> float:
        """The length of a gradient of which this process holds a part of length `own`."""
        return own

    def full(self, state: Any) -> Any:
        """A nested state with whole tensors, as one process alone would have it."""
        return state

    def cut_like(self, state: Mapping[Any, Any], like: Mapping[Any, Tensor]) -> Mapping[Any, Any]:
        """What `full` gave, cut again as the tensors of `like` under the same keys are."""
        return state

    def plain(self, net: nn.Module) -> nn.Module:
        """A network that anyone may take, with the weights of `net`, which is not used any more."""
        return net

    def lost(self, error: BaseException) -> bool:
        """Whether `error` came of another process that is gone."""
        return False

    def finish(self) -> None:
        """Wait for the others for the last time."""


def alone() -> Ranks:
    """The ranks of a training that runs in this process only."""
    return Ranks()
