"""MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications. Howard, Zhu, Chen, Kalenichenko,
Wang, Weyand, Andreetto, Adam, 2017. arXiv:1704.04861

Table 1 with width multipliers alpha of 1, 0.75, 0.5 and 0.25 (section 3.3), which thin the first convolution too. The
resolution multiplier rho (section 3.4) is the size of `image`: 224, 192, 160 or 128. Child names are timm's.

Deviations: table 1 (and the lectures after it) prints stride 2 for the last depthwise layer but keeps its 7x7 output;
the stride is 1. The ReLU is cut at 6 and padding is even, as in timm's weights; the weights of TensorFlow and Keras
want their images padded at the bottom and right only, and an epsilon of 1e-3 in batch normalisation.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from striate.layers.branches import chain
from striate.layers.separable import depthwise, pointwise
from striate.rows import Shape, conv, linear, norm, stack
from striate.zoo.facts import network

PAPER = "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications"

TABLE_1 = (  # of each pair: stride of the 3x3 depthwise, maps of the 1x1 pointwise; a line a resolution
    ((1, 64),),
    ((2, 128), (1, 128)),
    ((2, 256), (1, 256)),
    ((2, 512), (1, 512), (1, 512), (1, 512), (1, 512), (1, 512)),
    ((2, 1024), (1, 1024)),
)


def pair(shape: Shape, stride: int, out: int) -> nn.Sequential:
    """Depthwise 3x3, then pointwise, each with batch normalisation and ReLU (figure 3, right)."""
    return stack(
        shape,
        conv_dw=depthwise(3, stride=stride, padding=1, bias=False), bn1=norm(), act1=nn.ReLU6(),
        conv_pw=pointwise(out, bias=False), bn2=norm(), act2=nn.ReLU6(),
    )  # fmt: skip


def mobilenet(alpha: float, image: Shape, classes: int) -> nn.Sequential:
    """Table 1 with every number of maps times `alpha`."""
    stages = [[partial(pair, stride=stride, out=round(alpha * out)) for stride, out in stage] for stage in TABLE_1]
    return stack(
        image,
        conv_stem=conv(round(alpha * 32), 3, stride=2, padding=1, bias=False), bn1=norm(), act1=nn.ReLU6(),
        blocks=chain(*(chain(*pairs) for pairs in stages)),
        global_pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), classifier=linear(classes),
    )  # fmt: skip


@network(
    paper=PAPER, year=2017, parameters=4_231_976, multiply_adds=568_740_352,
    top1=70.6, top5=89.9, source="paper; 69.1, 67.2, 64.4 top-1 at 192, 160, 128 pixels",
)  # fmt: skip
def mobilenet_v1(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """MobileNet with alpha 1."""
    return mobilenet(1, image, classes)


@network(paper=PAPER, year=2017, parameters=2_585_560, multiply_adds=325_400_448, top1=68.4, source="paper")
def mobilenet_v1_075(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """MobileNet with alpha 0.75."""
    return mobilenet(0.75, image, classes)


@network(paper=PAPER, year=2017, parameters=1_331_592, multiply_adds=149_497_088, top1=63.7, source="paper")
def mobilenet_v1_050(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """MobileNet with alpha 0.5."""
    return mobilenet(0.5, image, classes)


@network(paper=PAPER, year=2017, parameters=470_072, multiply_adds=41_030_272, top1=50.6, source="paper")
def mobilenet_v1_025(image: Shape = (3, 224, 224), classes: int = 1000) -> nn.Sequential:
    """MobileNet with alpha 0.25."""
    return mobilenet(0.25, image, classes)
