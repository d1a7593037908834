"""Locally connected layer: a convolution whose every place has filters of its own.

LeCun, Generalization and Network Design Strategies, 1989, network Net-3 ("local connections"); DeepFace (Taigman et
al., CVPR 2014) ends in three of them. Weights grow with the number of places, so the layer fits one image size only.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from striate.arithmetic import output_size
from striate.errors import ShapeError
from striate.misfit import per_axis, positive, times, too_large
from striate.rows import Printed, Shape, Size, image_axes


class LocallyConnected(nn.Module):
    """What `local` builds, for an input of `shape` and in as many dimensions.

    `weight`: (*places, out, channels, *kernel); `bias`: (out, *places), both drawn as torch draws a convolution's.
    `forward`: (n, channels, *size) -> (n, out, *places), with `padding` zeros on both sides of each axis.
    """

    bias: nn.Parameter | None

    def __init__(self, shape: Shape, out: int, kernel: Size, *, stride: Size = 1, padding: Size = 0, bias: bool = True):
        super().__init__()
        axes = len(shape) - 1
        self.shape, self.out = shape, out
        self.kernel, self.stride, self.padding = (per_axis(v, axes) for v in (kernel, stride, padding))
        places = tuple(
            output_size(n, k, s, 2 * p)
            for n, k, s, p in zip(shape[1:], self.kernel, self.stride, self.padding, strict=True)
        )
        bound = 1 / math.sqrt(shape[0] * math.prod(self.kernel))
        self.weight = nn.Parameter(torch.empty(*places, out, shape[0], *self.kernel).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(out, *places).uniform_(-bound, bound)) if bias else None
        place, window = "hwd"[:axes], "ijk"[:axes]
        self.rule = f"nc{place}{window},{place}oc{window}->no{place}"

    def extra_repr(self) -> str:
        told = (
            f"{self.shape[0]}, {self.out}, kernel_size={self.kernel}, stride={self.stride}, input={times(self.shape)}"
        )
        return (
            told
            + (f", padding={self.padding}" if any(self.padding) else "")
            + ("" if self.bias is not None else ", bias=False")
        )

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != self.shape:
            raise ShapeError(
                f"{self} has weights for each place of a {times(self.shape)} input, but it is given "
                f"{times(tuple(x.shape[1:]))}. Resize the picture, or build the network for that size.",
                formula=f"{times(self.shape)} ≠ {times(tuple(x.shape[1:]))}",
            )
        if any(self.padding):
            x = pad(x, [side for p in reversed(self.padding) for side in (p, p)])
        for axis, (kernel, stride) in enumerate(zip(self.kernel, self.stride, strict=True)):
            x = x.unfold(2 + axis, kernel, stride)  # at last (n, channels, *places, *kernel)
        x = torch.einsum(self.rule, x, self.weight)
        return x if self.bias is None else x + self.bias


@dataclass(frozen=True, repr=False)
class local(Printed):
    """A locally connected layer to `out` maps, in 1, 2 or 3 dimensions as its input has them; `padding` is per side.

    >>> local(2, 3)((1, 5, 5)).weight.shape
    torch.Size([3, 3, 2, 1, 3, 3])
    """

    out: int
    kernel: Size
    _: KW_ONLY
    stride: Size = 1
    padding: Size = 0
    bias: bool = True

    def __call__(self, shape: Shape) -> LocallyConnected:
        axes = image_axes(self, shape)
        if problem := positive(self, {"out": self.out, "kernel": self.kernel, "stride": self.stride}):
            raise problem
        if problem := positive(self, {"padding": self.padding}, least=0):
            raise problem
        kernel, stride, padding = (per_axis(v, axes) for v in (self.kernel, self.stride, self.padding))
        if problem := too_large(self, shape[1:], tuple(zip(kernel, stride, padding, (1,) * axes, strict=True))):
            raise problem
        return LocallyConnected(shape, self.out, self.kernel, stride=self.stride, padding=self.padding, bias=self.bias)
