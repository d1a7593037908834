"""Densely Connected Convolutional Networks. Huang, Liu, van der Maaten, Weinberger, CVPR 2017. arXiv:1608.06993

DenseNet-BC: every layer of a block sees the maps of all layers before it; 1x1 bottlenecks of 4k maps, and transitions
that keep half the maps (theta = 0.5). Child names are torchvision's, so its state dicts load as they are; its oldest
files write `norm.1` for `norm1`.

Table 1 has DenseNet-264 where the authors later published DenseNet-161, which is wider (k = 48, a stem of 96 maps).
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from striate.rows import Row, Shape, conv, linear, norm, stack
from striate.zoo.facts import network

PAPER = "Densely Connected Convolutional Networks"
IMAGE = (3, 224, 224)

TABLE_1 = {  # layers: those of the four dense blocks, and the growth rate k; the stem has 2k maps
    121: ((6, 12, 24, 16), 32),
    161: ((6, 12, 36, 24), 48),
    169: ((6, 12, 32, 32), 32),
    201: ((6, 12, 48, 32), 32),
}


class DenseLayer(nn.Module):
    """BN-ReLU-1x1 to 4k maps, BN-ReLU-3x3 to k = `growth` maps, which join those that came in (equation 2)."""

    def __init__(self, shape: Shape, growth: int):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(shape[0])
        self.conv1 = nn.Conv2d(shape[0], 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # (n, c, h, w) -> (n, c + growth, h, w)
        y = self.conv1(relu(self.norm1(x)))
        y = self.conv2(relu(self.norm2(y)))
        return torch.cat([x, y], 1)


def dense_block(layers: int, growth: int) -> Row:
    """So many layers that each add `growth` maps."""
    rows = {f"denselayer{i}": partial(DenseLayer, growth=growth) for i in range(1, layers + 1)}
    return lambda shape: stack(shape, **rows)


def transition(shape: Shape) -> nn.Sequential:
    """Half the maps at half the height and width (section 3)."""
    half = conv(shape[0] // 2, 1, bias=False)
    return stack(shape, norm=norm(), relu=nn.ReLU(), conv=half, pool=nn.AvgPool2d(2))


def densenet(depth: int, image: Shape, classes: int) -> nn.Sequential:
    """The column of table 1 with `depth` layers."""
    layers, growth = TABLE_1[depth]
    return stack(
        image,
        features=lambda shape: stack(
            shape,
            conv0=conv(2 * growth, 7, stride=2, padding=3, bias=False),
            norm0=norm(),
            relu0=nn.ReLU(),
            pool0=nn.MaxPool2d(3, stride=2, padding=1),
            denseblock1=dense_block(layers[0], growth),
            transition1=transition,
            denseblock2=dense_block(layers[1], growth),
            transition2=transition,
            denseblock3=dense_block(layers[2], growth),
            transition3=transition,
            denseblock4=dense_block(layers[3], growth),
            norm5=norm(),
        ),
        relu=nn.ReLU(),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=linear(classes),
    )


@network(
    paper=PAPER, year=2016, parameters=7_978_856, multiply_adds=2_834_161_664, top1=74.434, top5=91.972,
    source="torchvision's weights, 1 crop",
)  # fmt: skip
def densenet121(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """DenseNet-121 (k = 32)."""
    return densenet(121, image, classes)


@network(
    paper=PAPER, year=2016, parameters=28_681_000, multiply_adds=7_727_907_072, top1=77.138, top5=93.56,
    source="torchvision's weights, 1 crop",
)  # fmt: skip
def densenet161(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """DenseNet-161 (k = 48)."""
    return densenet(161, image, classes)


@network(
    paper=PAPER, year=2016, parameters=14_149_480, multiply_adds=3_359_843_328, top1=75.6, top5=92.806,
    source="torchvision's weights, 1 crop",
)  # fmt: skip
def densenet169(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """DenseNet-169 (k = 32)."""
    return densenet(169, image, classes)


@network(
    paper=PAPER, year=2016, parameters=20_013_928, multiply_adds=4_291_365_888, top1=76.896, top5=93.37,
    source="torchvision's weights, 1 crop",
)  # fmt: skip
def densenet201(image: Shape = IMAGE, classes: int = 1000) -> nn.Sequential:
    """DenseNet-201 (k = 32)."""
    return densenet(201, image, classes)
