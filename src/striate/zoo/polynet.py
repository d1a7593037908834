"""PolyNet: A Pursuit of Structural Diversity in Very Deep Networks. Zhang, Li, Loy, Lin, CVPR 2017. arXiv:1611.05725

The Very Deep PolyNet: Inception-ResNet-v2 whose blocks I + F are replaced by polynomials of F. Child names
are those of Cadene's port of the authors' Caffe model.

Deviations: the paper says 92 million parameters; the authors' model has 95,366,600, and its 34.7 billion multiply-adds
agree. An adaptive average pool at the end lets other image sizes in than 331x331; there it changes nothing.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from striate.layers.branches import Branches, branches, chain
from striate.layers.conv_norm import conv_norm
from striate.rows import Row, Shape, conv, linear, norm, stack
from striate.zoo.facts import network

Path = tuple[tuple[int, tuple[int, int]], ...]  # (maps, kernel) of the convolutions of a path, in turn

VERY_DEEP = (10, 10, 5)  # stage A: 2-way; stages B and C: poly-3 and 2-way mixed, as pairs
PATHS_A: tuple[Path, ...] = (
    ((32, (1, 1)), (48, (3, 3)), (64, (3, 3))),
    ((32, (1, 1)), (32, (3, 3))),
    ((32, (1, 1)),),
)
PATHS_B: tuple[Path, ...] = (((128, (1, 1)), (160, (1, 7)), (192, (7, 1))), ((192, (1, 1)),))
PATHS_C: tuple[Path, ...] = (((192, (1, 1)), (224, (1, 3)), (256, (3, 1))), ((192, (1, 1)),))

valid = conv_norm
same = partial(conv_norm, padding="same")


def restored(maps: int) -> Row:
    """The 1x1 convolution that ends a residual, with batch normalisation and no ReLU."""
    return lambda shape: stack(shape, conv=conv(maps, 1, bias=False), bn=norm())


class Residual(Branches):
    """F: the paths side by side and a 1x1 convolution back to the maps of the input."""

    def __init__(self, shape: Shape, paths: tuple[Path, ...]):
        rows = [[same(out, kernel) for out, kernel in path] for path in paths]
        super().__init__(shape, **{f"path{i}": chain(*row) if row[1:] else row[0] for i, row in enumerate(rows)})
        self.conv2d = restored(shape[0])((self.maps, *shape[1:]))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2d(super().forward(x))
        return y


class TwoWay(nn.Module):
    """I + F + G: two residuals of the same input (2-way)."""

    def __init__(self, shape: Shape, paths: tuple[Path, ...], scale: float):
        super().__init__()
        self.blocks = nn.ModuleList(Residual(shape, paths) for _ in range(2))
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.blocks
        return relu(x + self.scale * (first(x) + second(x)))


class SharedConv(nn.Module):
    """One convolution that is used three times, with a batch normalisation of its own each time."""

    def __init__(self, channels: int, out: int, kernel: tuple[int, int]):
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, padding=(kernel[0] // 2, kernel[1] // 2), bias=False)
        self.bn_blocks = nn.ModuleList(nn.BatchNorm2d(out) for _ in range(3))

    def forward(self, x: Tensor, time: int) -> Tensor:
        return relu(self.bn_blocks[time](self.conv(x)))


class Poly3(nn.Module):
    """I + F + F² + F³: the residual of the residual of the residual, with shared convolutions (poly-3)."""

    def __init__(self, shape: Shape, paths: tuple[Path, ...], scale: float):
        super().__init__()
        long, ((short, one),) = paths
        self.long, channels = [f"path0_{height}x{width}" for _, (height, width) in long], shape[0]
        for name, (out, kernel) in zip(self.long, long, strict=True):
            self.add_module(name, SharedConv(channels, out, kernel))
            channels = out
        self.path1 = SharedConv(shape[0], short, one)
        self.conv2d_blocks = nn.ModuleList(restored(shape[0])((channels + short, *shape[1:])) for _ in range(3))
        self.scale = scale

    def residual(self, x: Tensor, time: int) -> Tensor:
        """F; `time` is 0, 1 or 2."""
        y = x
        for name in self.long:
            y = getattr(self, name)(y, time)
        y = torch.cat([y, self.path1(x, time)], 1)
        out: Tensor = self.conv2d_blocks[time](y)
        return out

    def forward(self, x: Tensor) -> Tensor:
        total = power = x
        for time in range(3):
            power = self.residual(power, time)
            total = total + self.scale * power
            power = relu(power)
        return relu(total)


class Stem(nn.Module):
    """331x331x3 to 39x39x384: the stem of Inception-ResNet-v2 (figure 3 of arXiv:1602.07261)."""

    def __init__(self, shape: Shape):
        super().__init__()
        parts = stack(
            shape,
            chain(valid(32, 3, stride=2), valid(32, 3), same(64, 3)),
            branches(conv1_pool_branch=nn.MaxPool2d(3, 2), conv1_branch=valid(96, 3, stride=2)),
            branches(
                conv2_short=chain(same(64, 1), valid(96, 3)),
                conv2_long=chain(same(64, 1), same(64, (7, 1)), same(64, (1, 7)), valid(96, 3)),
            ),
            branches(conv2_pool_branch=nn.MaxPool2d(3, 2), conv2_branch=valid(192, 3, stride=2)),
        )
        self.conv1, *rest = parts.children()
        self.steps = [[name for name, _ in part.named_children()] for part in rest]
        for part in rest:
            for name, layer in part.named_children():
                self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for names in self.steps:
            x = torch.cat([getattr(self, name)(x) for name in names], 1)
        return x


def reduction_a() -> Row:
    """39x39 to 19x19."""
    return branches(
        path0=chain(same(256, 1), same(256, 3), valid(384, 3, stride=2)),
        path1=valid(384, 3, stride=2),
        path2=nn.MaxPool2d(3, 2),
    )


def reduction_b() -> Row:
    """19x19 to 9x9."""
    return branches(
        path0=chain(same(256, 1), same(256, 3), valid(256, 3, stride=2)),
        path1=chain(same(256, 1), valid(256, 3, stride=2)),
        path2=chain(same(256, 1), valid(384, 3, stride=2)),
        path3=nn.MaxPool2d(3, 2),
    )


@network(
    paper="PolyNet: A Pursuit of Structural Diversity in Very Deep Networks", year=2016,
    parameters=95_366_600, multiply_adds=34_699_493_472,
    top1=81.29, top5=95.75, source="paper, one crop of 331x331",
)  # fmt: skip
def polynet(image: Shape = (3, 331, 331), classes: int = 1000) -> nn.Sequential:
    """The Very Deep PolyNet. A residual's scale falls linearly from 1 in the first block to 0.7 in the last."""
    a, b, c = VERY_DEEP
    last = a + 2 * b + 2 * c - 1
    scales = [1 - 0.3 * i / last for i in range(last + 1)]

    def mixed(paths: tuple[Path, ...], scales: list[float]) -> Row:
        kinds = [Poly3, TwoWay] * (len(scales) // 2)
        return chain(*(partial(kind, paths=paths, scale=s) for kind, s in zip(kinds, scales, strict=True)))

    return stack(
        image,
        stem=Stem,
        stage_a=chain(*(partial(TwoWay, paths=PATHS_A, scale=s) for s in scales[:a])),
        reduction_a=reduction_a(),
        stage_b=mixed(PATHS_B, scales[a : a + 2 * b]),
        reduction_b=reduction_b(),
        stage_c=mixed(PATHS_C, scales[a + 2 * b :]),
        avg_pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), dropout=nn.Dropout(0.2), last_linear=linear(classes),
    )  # fmt: skip
