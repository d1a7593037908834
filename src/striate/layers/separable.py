"""Convolutions taken apart: depthwise looks at each map alone, pointwise mixes the maps of one pixel.

Sifre, Rigid-Motion Scattering for Image Classification, 2014, section 6; Xception (arXiv:1610.02357) and MobileNet
(arXiv:1704.04861) are built of them. For a K x K kernel and M output maps a separable convolution needs 1/M + 1/K² of
the multiplications of an ordinary one.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from torch import nn

from striate.errors import ShapeError
from striate.rows import Printed, Shape, Size, conv, stack


@dataclass(frozen=True, repr=False)
class depthwise(Printed):
    """A convolution that gives each input map `multiplier` maps of its own.

    >>> depthwise(3, padding=1)((8, 14, 14))
    Conv2d(8, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=8)
    """

    kernel: Size
    _: KW_ONLY
    stride: Size = 1
    padding: Size | str = 0
    dilation: Size = 1
    multiplier: int = 1
    bias: bool = True

    def __call__(self, shape: Shape) -> nn.Module:
        if len(shape) < 2:
            raise ShapeError(f"{self} needs (channels, height, width), but its input is {shape}.")
        return conv(
            self.multiplier * shape[0],
            self.kernel,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=shape[0],
            bias=self.bias,
        )(shape)


@dataclass(frozen=True, repr=False)
class pointwise(Printed):
    """A convolution to `out` maps that looks at one pixel: a fully connected layer applied everywhere.

    >>> pointwise(16, bias=False)((8, 14, 14))
    Conv2d(8, 16, kernel_size=(1, 1), stride=(1, 1), bias=False)
    """

    out: int
    _: KW_ONLY
    stride: Size = 1
    bias: bool = True

    def __call__(self, shape: Shape) -> nn.Module:
        return conv(self.out, 1, stride=self.stride, bias=self.bias)(shape)


@dataclass(frozen=True, repr=False)
class separable(Printed):
    """A depthwise and a pointwise convolution, with nothing between them, named so.

    `bias` is that of the pointwise one; the depthwise one has none, since it could change nothing that this cannot.

    >>> separable(16, 3, padding=1, bias=False)((8, 14, 14))
    Sequential(
      (depthwise): Conv2d(8, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=8, bias=False)
      (pointwise): Conv2d(8, 16, kernel_size=(1, 1), stride=(1, 1), bias=False)
    )
    """

    out: int
    kernel: Size
    _: KW_ONLY
    stride: Size = 1
    padding: Size | str = 0
    dilation: Size = 1
    bias: bool = True

    def __call__(self, shape: Shape) -> nn.Sequential:
        return stack(
            shape,
            depthwise=depthwise(
                self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation, bias=False
            ),
            pointwise=pointwise(self.out, bias=self.bias),
        )
