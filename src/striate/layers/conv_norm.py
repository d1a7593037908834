"""Convolution, batch normalisation, ReLU: the brick of most networks since 2015."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from torch import nn

from striate.rows import Printed, Shape, Size, conv, norm, stack


@dataclass(frozen=True, repr=False)
class conv_norm(Printed):
    """A row: a convolution without bias to `out` maps, its batch normalisation and a ReLU, named conv, bn and relu.

    >>> conv_norm(64, 3, padding=1)((3, 8, 8))
    Sequential(
      (conv): Conv2d(3, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
      (bn): BatchNorm2d(64, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
      (relu): ReLU()
    )
    """

    out: int
    kernel: Size
    _: KW_ONLY
    stride: Size = 1
    padding: Size | str = 0
    groups: int = 1
    eps: float = 1e-5

    def __call__(self, shape: Shape) -> nn.Sequential:
        return stack(
            shape,
            conv=conv(self.out, self.kernel, stride=self.stride, padding=self.padding, groups=self.groups, bias=False),
            bn=norm(self.eps),
            relu=nn.ReLU(),
        )
