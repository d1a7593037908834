"""Aggregated Residual Transformations for Deep Neural Networks. Xie, Girshick, Dollár, Tu, He, CVPR 2017.
arXiv:1611.05431

ResNeXt-50 (32x4d) is ResNet-50 whose 3x3 convolutions have 32 groups of 4 maps, twice as many at every further stage
(table 1, in the form of figure 3c). The stride is in the grouped 3x3, as in the paper. Child names are torchvision's.

`resnext101_32x8d` is not in the paper: torchvision trained it, after Exploring the Limits of Weakly Supervised
Pretraining (Mahajan et al. 2018). The lectures' row of 31.5 G multiply-adds is ResNeXt-101 (64x4d) at 320x320.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from striate.layers.residual import Bottleneck, stage
from striate.rows import Shape, conv, linear, norm, stack
from striate.zoo.facts import network
from striate.zoo.resnet import TABLE_1

PAPER = "Aggregated Residual Transformations for Deep Neural Networks"


def resnext(layers: int, groups: int, width: int, image: Shape, classes: int) -> nn.Sequential:
    """`groups` (the cardinality C) times `width` (d) maps in the 3x3 convolutions of conv2."""

    def block(stage_of: int) -> Callable[..., nn.Module]:
        return partial(Bottleneck, width=groups * width * 2**stage_of, out=256 * 2**stage_of, groups=groups)

    repeat = TABLE_1[layers]
    return stack(
        image,
        conv1=conv(64, 7, stride=2, padding=3, bias=False),
        bn1=norm(),
        relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
        layer1=stage(block(0), repeat[0]),
        layer2=stage(block(1), repeat[1], stride=2),
        layer3=stage(block(2), repeat[2], stride=2),
        layer4=stage(block(3), repeat[3], stride=2),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=linear(classes),
    )


@network(
    paper=PAPER, year=2016, parameters=25_028_904, multiply_adds=4_230_479_872, top1=77.618, top5=93.698,
    source="torchvision's first weights, 1 crop (its second: 81.198/95.34); paper 77.8 top-1",
)  # fmt: skip
def resnext50_32x4d(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """ResNeXt-50 (32x4d)."""
    return resnext(50, 32, 4, image, classes)


@network(
    paper=PAPER, year=2018, parameters=88_791_336, multiply_adds=16_414_015_488, top1=79.312, top5=94.526,
    source="torchvision's first weights, 1 crop (its second: 82.834/96.228)",
)  # fmt: skip
def resnext101_32x8d(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """ResNeXt-101 (32x8d)."""
    return resnext(101, 32, 8, image, classes)


@network(
    paper=PAPER, year=2016, parameters=83_455_272, multiply_adds=15_460_270_080, top1=79.6, top5=94.7,
    source="paper, 1 crop of 224 (80.9/95.6 at 320); torchvision's weights 83.246/96.454",
)  # fmt: skip
def resnext101_64x4d(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """ResNeXt-101 (64x4d)."""
    return resnext(101, 64, 4, image, classes)
