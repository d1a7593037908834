"""Bag of Tricks for Image Classification with Convolutional Neural Networks. He, Zhang, Zhang, Zhang, Xie, Li,
CVPR 2019. arXiv:1812.01187

ResNet-D, figure 2: the strides of ResNet moved so that no input of a convolution is skipped. Three 3x3 convolutions
replace the 7x7 (ResNet-C), a bottleneck strides in its 3x3 (ResNet-B), and its shortcut averages 2x2 squares before a
1x1 that no longer strides. Child names are timm's. The lectures' 80.51 and 80.61 top-1 are those of GluonCV trained
with mixup, its networks without are at 79.78 and 80.26.

Deviation: an odd row or column is averaged alone (`ceil_mode`), as in both published implementations; the paper's
sizes are all even.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from striate.layers.residual import Bottleneck, stage
from striate.rows import Shape, conv, linear, norm, stack
from striate.zoo.facts import network
from striate.zoo.resnet import TABLE_1

PAPER = "Bag of Tricks for Image Classification with Convolutional Neural Networks"


def averaged(channels: int, out: int, stride: int) -> nn.Module:
    """The shortcut of figure 2c: a 2x2 average takes the stride, the 1x1 convolution only the channels."""
    if channels == out and stride == 1:
        return nn.Identity()
    pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity()
    return nn.Sequential(pool, nn.Conv2d(channels, out, 1, bias=False), nn.BatchNorm2d(out))


def resnet_d(layers: int, image: Shape, classes: int) -> nn.Sequential:
    """The column of ResNet's table 1 with so many `layers` (the two more of the stem are not counted), in form D."""

    def block(width: int) -> Callable[..., nn.Module]:
        return partial(Bottleneck, width=width, out=4 * width, shortcut=averaged)

    repeat = TABLE_1[layers]
    return stack(
        image,
        conv1=lambda shape: stack(
            shape,
            conv(32, 3, stride=2, padding=1, bias=False), norm(), nn.ReLU(),
            conv(32, 3, padding=1, bias=False), norm(), nn.ReLU(),
            conv(64, 3, padding=1, bias=False),
        ),
        bn1=norm(),
        relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
        layer1=stage(block(64), repeat[0]),
        layer2=stage(block(128), repeat[1], stride=2),
        layer3=stage(block(256), repeat[2], stride=2),
        layer4=stage(block(512), repeat[3], stride=2),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=linear(classes),
    )  # fmt: skip


@network(
    paper=PAPER, year=2018, parameters=44_568_392, multiply_adds=8_041_046_016, top1=80.51, top5=95.12,
    source="GluonCV with mixup, 1 crop; 79.78/94.80 without",
)  # fmt: skip
def resnet101_d(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """ResNet-101-D."""
    return resnet_d(101, image, classes)


@network(
    paper=PAPER, year=2018, parameters=60_212_040, multiply_adds=11_753_267_200, top1=80.61, top5=95.34,
    source="GluonCV with mixup, 1 crop; 80.26/95.00 without",
)  # fmt: skip
def resnet152_d(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """ResNet-152-D."""
    return resnet_d(152, image, classes)
