"""What a network counts beside its weights, such as the means of its norms: a step that fails must not move it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Buffers:
    """The buffers of `net`, and what they were after the last whole step.

    >>> norm = nn.BatchNorm1d(1)
    >>> buffers = Buffers(norm)
    >>> _ = norm(torch.ones(2, 1))
    >>> buffers.forget(), int(norm.num_batches_tracked)
    (None, 0)
    """

    def __init__(self, net: nn.Module) -> None:
        found: dict[torch.dtype, list[Tensor]] = {}
        for buffer in net.buffers():
            found.setdefault(buffer.dtype, []).append(buffer)  # only those of one dtype are copied at once
        self.now = list(found.values())
        self.kept = [[buffer.clone() for buffer in some] for some in self.now]

    def remember(self) -> None:
        """Keep them as they are."""
        for kept, now in zip(self.kept, self.now, strict=True):
            torch._foreach_copy_(kept, now)

    def forget(self) -> None:
        """Bring them back to what was kept."""
        for now, kept in zip(self.now, self.kept, strict=True):
            torch._foreach_copy_(now, kept)
