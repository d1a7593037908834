"""Max-unpooling: each value goes back to the place that its maximum came from; all other places are zero.

Zeiler, Fergus, Visualizing and Understanding Convolutional Networks, 2014, section 2.1 ("switches"); SegNet
(arXiv:1511.00561) and DeconvNet (arXiv:1505.04366) are built of it. The places must reach from the pooling row to the
unpooling row, so the rows between the two are one nested row, as brackets are nested.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from striate.errors import ShapeError
from striate.layers.pooling import max_pool
from striate.misfit import per_axis, times
from striate.rows import Row, Shape, Size, image_axes, output_shape, stack

POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
UNPOOLS = (nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d)


class Unpooled(nn.Module):
    """Max-pooling, the rows `inside`, then unpooling by the same places to the size before.

    `inside` may change the maps' values but neither their number nor their size.
    """

    def __init__(
        self, shape: Shape, inside: tuple[Row, ...], kernel: Size = 2, *, stride: Size | None = None, ceil: bool = False
    ):
        super().__init__()
        axes = image_axes("unpooled", shape)
        size: Any = per_axis(kernel, axes)
        step: Any = size if stride is None else per_axis(stride, axes)
        self.pool = POOLS[axes - 1](size, step, ceil_mode=ceil, return_indices=True)
        pooled = output_shape(max_pool(kernel, stride=stride, ceil=ceil)(shape), shape)
        self.inside = stack(pooled, *inside)
        self.unpool = UNPOOLS[axes - 1](size, step)
        if (back := output_shape(self.inside, pooled)) != pooled:
            raise ShapeError(
                f"unpooling needs the {times(pooled)} that its pooling gave, but the rows between them give "
                f"{times(back)}. Let them end in {pooled[0]} maps of the same size.",
                formula=f"{times(back)} ≠ {times(pooled)}",
                parts=(back, pooled),
            )

    def forward(self, x: Tensor) -> Tensor:
        pooled, places = self.pool(x)
        places = places % x.shape[2:].numel()  # ONNX counts places through all maps, torch in each map
        back: Tensor = self.unpool(self.inside(pooled), places, output_size=x.shape[2:])
        return back


class unpooled:
    """A row: `inside` between a max-pooling and the unpooling that undoes it.

    >>> import torch
    >>> unpooled(nn.Identity())((1, 2, 2))(torch.tensor([[[[1.0, 2.0], [4.0, 3.0]]]]))
    tensor([[[[0., 0.],
              [4., 0.]]]])
    """

    def __init__(self, *inside: Row, kernel: Size = 2, stride: Size | None = None, ceil: bool = False):
        self.inside, self.kernel, self.stride, self.ceil = inside, kernel, stride, ceil

    def __repr__(self) -> str:
        settings = {"kernel": self.kernel, "stride": self.stride, "ceil": self.ceil}
        return f"unpooled({', '.join([*map(repr, self.inside), *(f'{k}={v}' for k, v in settings.items() if v)])})"

    def __call__(self, shape: Shape) -> Unpooled:
        return Unpooled(shape, self.inside, self.kernel, stride=self.stride, ceil=self.ceil)
