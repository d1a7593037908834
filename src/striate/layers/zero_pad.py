"""Maps of zeros, with which a shortcut without parameters grows."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import pad


class ZeroPadChannels(nn.Module):
    """Appends `maps` maps of zeros after the others.

    >>> import torch
    >>> ZeroPadChannels(2)(torch.ones(1, 3, 4, 4)).sum((0, 2, 3))
    tensor([16., 16., 16.,  0.,  0.])
    """

    def __init__(self, maps: int):
        super().__init__()
        self.maps = maps

    def forward(self, x: Tensor) -> Tensor:  # (n, c, h, w) -> (n, c + maps, h, w)
        return pad(x, (0, 0, 0, 0, 0, self.maps))

    def extra_repr(self) -> str:
        return f"maps={self.maps}"
