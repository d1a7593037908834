"""Convolution and pooling with TensorFlow's padding "SAME": an axis of N pixels gives ceil(N/stride).

Padding is as even as it can be; an odd pixel is put at the bottom and right. So an even axis is padded otherwise than
an odd one, and where torch's symmetric padding is used instead, each stride shifts the maps by a pixel against
weights trained in TensorFlow (NASNet, PNASNet, EfficientNet, MobileNet).

The row `conv(..., padding="same")` does the same for the one size it is built for, with a layer of zeros above it.
These layers look at the size in `forward`, so that they serve every size, and have the keys of plain ones.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad

from striate.arithmetic import same_padding, same_total
from striate.errors import ShapeError
from striate.misfit import divides, per_axis, positive
from striate.rows import Printed, Shape, Size


def totals(x: Tensor, kernel: Any, stride: Any, dilation: Any = 1) -> tuple[int, int]:
    """`same_total` of height and width of `x`: (n, c, h, w)."""
    height, width = zip(x.shape[2:], per_axis(kernel, 2), per_axis(stride, 2), per_axis(dilation, 2), strict=True)
    return same_total(*height), same_total(*width)


def padded(x: Tensor, total: tuple[int, int], value: float = 0) -> Tensor:
    """`x` with `total` rows and columns around it, the odd one below and to the right."""
    height, width = total
    return pad(x, (width // 2, width - width // 2, height // 2, height - height // 2), value=value)


class SameConv2d(nn.Conv2d):
    """A convolution whose padding is "SAME" at any stride."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = total = totals(x, self.kernel_size, self.stride, self.dilation)
        if height % 2 or width % 2:
            x, height, width = padded(x, total), 0, 0
        return conv2d(x, self.weight, self.bias, self.stride, (height // 2, width // 2), self.dilation, self.groups)

    def plain(self, size: tuple[int, int]) -> nn.Conv2d:
        """A convolution of torch's own that gives the same for maps of `size` (height, width), with no copy of them.

        Where the border is uneven, zeros above and left of the kernel make it even. `ShapeError` for a dilated kernel.
        """
        if max(self.dilation) > 1:
            raise ShapeError("zeros beside a dilated kernel are further apart than a border that is uneven by a pixel.")
        height, width = (same_total(*axis) for axis in zip(size, self.kernel_size, self.stride, (1, 1), strict=True))
        weight = pad(self.weight.detach(), (width % 2, 0, height % 2, 0))
        border = ((height + 1) // 2, (width + 1) // 2)
        made = nn.Conv2d(
            self.in_channels,
            self.out_channels,
            (weight.shape[2], weight.shape[3]),
            (self.stride[0], self.stride[1]),
            border,
            groups=self.groups,
            bias=self.bias is not None,
            device="meta",
        )
        made.weight = nn.Parameter(weight, requires_grad=False)
        made.bias = self.bias
        return made


class SameMaxPool2d(nn.MaxPool2d):
    """Max-pooling with padding "SAME"; the border never is the maximum.

    >>> import torch
    >>> SameMaxPool2d(3, 2)(torch.arange(16.0).reshape(1, 1, 4, 4))
    tensor([[[[10., 11.],
              [14., 15.]]]])
    """

    def forward(self, x: Tensor) -> Tensor:
        x = padded(x, totals(x, self.kernel_size, self.stride), -math.inf)
        return max_pool2d(x, self.kernel_size, self.stride)


class SameAvgPool2d(nn.AvgPool2d):
    """Average pooling with padding "SAME".

    `count_include_pad`: as torch has it, whether the zeros of the border are counted. TensorFlow does not count them.
    """

    def forward(self, x: Tensor) -> Tensor:
        total = totals(x, self.kernel_size, self.stride)
        mean = avg_pool2d(padded(x, total), self.kernel_size, self.stride)
        if self.count_include_pad:
            return mean
        there = padded(x.new_ones(1, 1, *x.shape[2:]), total)
        return mean / avg_pool2d(there, self.kernel_size, self.stride)


@dataclass(frozen=True, repr=False)
class same_conv(Printed):
    """A 2-D convolution to `out` maps with padding "SAME"; where that is symmetric for every size, torch's own.

    >>> same_conv(8, 3)((3, 5, 5))
    Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    >>> same_conv(8, 3, stride=2)((3, 5, 5))
    SameConv2d(3, 8, kernel_size=(3, 3), stride=(2, 2))
    """

    out: int
    kernel: Size
    _: KW_ONLY
    stride: Size = 1
    dilation: Size = 1
    groups: int = 1
    bias: bool = True

    def __call__(self, shape: Shape) -> nn.Conv2d:
        if len(shape) != 3:
            raise ShapeError(f"{self} needs (channels, height, width), but its input is {shape}.")
        sizes = {"out": self.out, "kernel": self.kernel, "stride": self.stride, "dilation": self.dilation}
        if problem := positive(self, sizes) or divides(self, self.groups, shape[0], self.out):
            raise problem
        kernel, stride, dilation = (per_axis(v, 2) for v in (self.kernel, self.stride, self.dilation))
        border = [same_padding(k, d) for k, d in zip(kernel, dilation, strict=True)]
        symmetric = max(stride) == 1 and all(before == after for before, after in border)
        return (nn.Conv2d if symmetric else SameConv2d)(
            shape[0],
            self.out,
            kernel,  # type: ignore[arg-type]
            stride,  # type: ignore[arg-type]
            tuple(before for before, _ in border) if symmetric else 0,  # type: ignore[arg-type]
            dilation,  # type: ignore[arg-type]
            self.groups,
            self.bias,
        )
