"""Squeeze-and-excitation: every map is multiplied by a gate that looks at all of them (arXiv:1709.01507, figure 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import relu

from striate.misfit import CONVOLUTIONS, positive
from striate.rows import Printed, Shape, image_axes


class SqueezeExcitation(nn.Module):
    """Each map times its gate: a sigmoid of two layers above all the maps' averages.

    The first of them is `reduction` times narrower. `axes`: 1, 2 or 3 spatial axes. The layers are 1x1 convolutions
    with biases, named as in timm's checkpoints.
    """

    def __init__(self, channels: int, reduction: int = 16, axes: int = 2):
        super().__init__()
        self.reduction = reduction
        layer: Any = CONVOLUTIONS[axes - 1]
        narrow = max(1, channels // reduction)
        self.fc1, self.fc2 = layer(channels, narrow, 1), layer(narrow, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        averages = x.mean(tuple(range(2, x.dim())), keepdim=True)  # (n, c, 1, 1)
        gates: Tensor = self.fc2(relu(self.fc1(averages))).sigmoid()
        return x * gates


@dataclass(frozen=True, repr=False)
class squeeze_excitation(Printed):
    """The row of `SqueezeExcitation`.

    >>> squeeze_excitation(4)((8, 14, 14)).fc1
    Conv2d(8, 2, kernel_size=(1, 1), stride=(1, 1))
    """

    reduction: int = 16

    def __call__(self, shape: Shape) -> SqueezeExcitation:
        axes = image_axes(self, shape)
        if problem := positive(self, {"reduction": self.reduction}):
            raise problem
        return SqueezeExcitation(shape[0], self.reduction, axes)
