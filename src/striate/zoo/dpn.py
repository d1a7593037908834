"""Dual Path Networks. Chen, Li, Xiao, Jin, Yan, Feng, NIPS 2017. arXiv:1707.01629

Every block adds to a residual path, as ResNeXt does, and appends maps to a dense path, as DenseNet does. Here both
paths travel as one tensor: the residual maps first, then the dense ones. Child names are timm's.

Table 1 prints DPN-92 and DPN-98; DPN-68 (a narrow stem and residual path) and DPN-131 are the authors' published
networks. Publications count 37.8, 61.7 and 79.5 million parameters for DPN-92, -98 and -131: these include the running
statistics of batch normalisation, which are not trained. The lectures' 81.5/95.8 of DPN-131 at 320x320 adds max-pooling
to the average pooling at the end; without, it is 81.38/95.77.

Deviations, all of the authors' files: the classifier is a 1x1 convolution, and batch normalisation adds 0.001.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from striate.rows import Row, Shape, conv, norm, stack
from striate.zoo.facts import network

PAPER = "Dual Path Networks"
IMAGE = (3, 224, 224)
EPS = 1e-3  # of batch normalisation, in the authors' files


@dataclass(frozen=True)
class Column:
    """One column of table 1. Width and residual double with every stage; the groups stay."""

    stem: Row
    width: int  # maps of the grouped 3x3 in conv2
    groups: int
    residual: int  # maps of the residual path in conv2
    blocks: tuple[int, int, int, int]  # of conv2, conv3, conv4, conv5
    increment: tuple[int, int, int, int]  # maps that each block appends to the dense path, "(+k)"


def stem(maps: int, kernel: int) -> Row:
    """The strided convolution of conv1."""
    return conv(maps, kernel, stride=2, padding=kernel // 2, bias=False)


TABLE_1 = {  # layers
    68: Column(stem(10, 3), 128, 32, 64, (3, 4, 12, 3), (16, 32, 32, 64)),
    92: Column(stem(64, 7), 96, 32, 256, (3, 4, 20, 3), (16, 32, 24, 128)),
    98: Column(stem(96, 7), 160, 40, 256, (3, 6, 20, 3), (16, 32, 32, 128)),
    131: Column(stem(128, 7), 160, 40, 256, (4, 8, 28, 3), (16, 32, 32, 128)),
}


class NormActConv(nn.Module):
    """Batch normalisation, ReLU, convolution."""

    def __init__(self, channels: int, out: int, kernel: int = 1, *, stride: int = 1, groups: int = 1):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels, EPS)
        self.conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(relu(self.bn(x)))
        return y


class DualPathBlock(nn.Module):
    """1x1, grouped 3x3 to `width` maps, 1x1 to `residual` maps, which are added, and `increment`, which are appended.

    The first block of a stage is given a `stride`: it projects what comes in to `residual` + 2 `increment` maps.
    """

    def __init__(
        self, shape: Shape, width: int, groups: int, *, residual: int, increment: int, stride: int | None = None
    ):
        super().__init__()
        self.residual, self.projection = residual, f"c1x1_w_s{stride}" if stride else None
        if self.projection:
            projection = NormActConv(shape[0], residual + 2 * increment, stride=stride or 1)
            self.add_module(self.projection, projection)
        self.c1x1_a = NormActConv(shape[0], width)
        self.c3x3_b = NormActConv(width, width, 3, stride=stride or 1, groups=groups)
        self.c1x1_c = NormActConv(width, residual + increment)

    def forward(self, x: Tensor) -> Tensor:
        y = self.c1x1_c(self.c3x3_b(self.c1x1_a(x)))
        if self.projection:
            x = self.get_submodule(self.projection)(x)
        added = x[:, : self.residual] + y[:, : self.residual]
        return torch.cat([added, x[:, self.residual :], y[:, self.residual :]], 1)


def dpn(layers: int, image: Shape, classes: int) -> nn.Sequential:
    """The column of table 1 with so many `layers`."""
    column = TABLE_1[layers]
    rows: dict[str, Row] = {}
    for stage, (blocks, increment) in enumerate(zip(column.blocks, column.increment, strict=True)):
        width, residual = column.width * 2**stage, column.residual * 2**stage
        block = partial(DualPathBlock, width=width, groups=column.groups, residual=residual, increment=increment)
        rows[f"conv{stage + 2}_1"] = partial(block, stride=1 if stage == 0 else 2)
        rows |= {f"conv{stage + 2}_{i}": block for i in range(2, blocks + 1)}
    return stack(
        image,
        features=lambda shape: stack(
            shape,
            conv1_1=lambda shape: stack(shape, conv=column.stem, bn=norm(EPS), relu=nn.ReLU()),
            conv1_pool=nn.MaxPool2d(3, stride=2, padding=1),
            **rows,
            conv5_bn_ac=lambda shape: stack(shape, bn=norm(EPS), relu=nn.ReLU()),
        ),
        avgpool=nn.AdaptiveAvgPool2d(1),
        classifier=conv(classes, 1),
        flatten=nn.Flatten(),
    )


@network(
    paper=PAPER, year=2017, parameters=12_611_602, multiply_adds=2_326_163_456, top1=76.43, top5=93.07,
    source="authors' repository, 1 crop; timm measures 76.304/92.994",
)  # fmt: skip
def dpn68(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """DPN-68 (32x4d)."""
    return dpn(68, image, classes)


@network(
    paper=PAPER, year=2017, parameters=37_668_392, multiply_adds=6_501_684_224, top1=79.27, top5=94.63,
    source="authors' repository, 1 crop; timm measures 80.032/94.876 with the weights trained on more pictures",
)  # fmt: skip
def dpn92(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """DPN-92 (32x3d)."""
    return dpn(92, image, classes)


@network(
    paper=PAPER, year=2017, parameters=61_570_728, multiply_adds=11_671_217_152, top1=79.85, top5=94.85,
    source="authors' repository, 1 crop; timm measures 79.664/94.644",
)  # fmt: skip
def dpn98(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """DPN-98 (40x4d)."""
    return dpn(98, image, classes)


@network(
    paper=PAPER, year=2017, parameters=79_254_504, multiply_adds=16_013_648_896, top1=80.07, top5=94.88,
    source="authors' repository, 1 crop of 224 (81.38/95.77 at 320); timm measures 79.836/94.708",
)  # fmt: skip
def dpn131(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """DPN-131 (40x4d)."""
    return dpn(131, image, classes)
