"""Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning. Szegedy, Ioffe, Vanhoucke, Alemi,
AAAI 2017. arXiv:1602.07261

Inception-ResNet-v2 as the authors released its weights. Child names are timm's.

Deviations: the released network has the stem of Inception v3 and one Inception module more, where the paper draws
Inception-v4's stem; its 320, 1088 and 2080 maps are not the paper's 384, 1154 and 2048; the 1x1 convolutions that end
each residual have a bias and no batch normalisation; their scales are those of the release (section 3.3 says 0.1 to
0.3). The lectures' "11.75 G" is not its count at 299x299, 13.16 G multiply-adds, and their "depth 572" counts Keras
layers, activations included; its longest path has 176 convolutions and fully connected layers.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn.functional import relu

from striate.layers.branches import Branches, branches, chain
from striate.layers.conv_norm import conv_norm
from striate.rows import Row, Shape, linear, stack
from striate.zoo.facts import network

PAPER = "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning"

TABLE_1 = {"k": 256, "l": 256, "m": 384, "n": 384}  # maps of Reduction-A

valid = partial(conv_norm, eps=1e-3)
same = partial(conv_norm, eps=1e-3, padding="same")


class Residual(Branches):
    """Branches, a 1x1 convolution back to the maps of the input, and x + `scale` times that (section 3.3)."""

    def __init__(self, shape: Shape, scale: float, **rows: Row):
        super().__init__(shape, **rows)
        self.scale = scale
        self.conv2d = nn.Conv2d(self.maps, shape[0], 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2d(super().forward(x))
        return x + self.scale * y


class RectifiedResidual(Residual):
    """The same with a ReLU at its end, as all blocks but the last have it."""

    def forward(self, x: Tensor) -> Tensor:
        return relu(super().forward(x))


def block35(shape: Shape) -> nn.Module:
    """Figure 16, on 35x35."""
    return RectifiedResidual(
        shape, 0.17,
        branch0=same(32, 1),
        branch1=chain(same(32, 1), same(32, 3)),
        branch2=chain(same(32, 1), same(48, 3), same(64, 3)),
    )  # fmt: skip


def block17(shape: Shape) -> nn.Module:
    """Figure 17, on 17x17."""
    return RectifiedResidual(
        shape, 0.1, branch0=same(192, 1), branch1=chain(same(128, 1), same(160, (1, 7)), same(192, (7, 1)))
    )


def block8(shape: Shape, block: type[Residual] = RectifiedResidual, scale: float = 0.2) -> nn.Module:
    """Figure 19, on 8x8."""
    return block(shape, scale, branch0=same(192, 1), branch1=chain(same(192, 1), same(224, (1, 3)), same(256, (3, 1))))


def mixed_5b() -> Row:
    """The Inception module of the released stem: 320 maps."""
    return branches(
        branch0=same(96, 1),
        branch1=chain(same(48, 1), same(64, 5)),
        branch2=chain(same(64, 1), same(96, 3), same(96, 3)),
        branch3=chain(nn.AvgPool2d(3, 1, 1, count_include_pad=False), same(64, 1)),
    )


def mixed_6a(k: int, l: int, m: int, n: int) -> Row:  # noqa: E741 the paper's names
    """Figure 7: 35x35 to 17x17."""
    return branches(
        branch0=valid(n, 3, stride=2),
        branch1=chain(same(k, 1), same(l, 3), valid(m, 3, stride=2)),
        branch2=nn.MaxPool2d(3, 2),
    )


def mixed_7a() -> Row:
    """Figure 18: 17x17 to 8x8."""
    return branches(
        branch0=chain(same(256, 1), valid(384, 3, stride=2)),
        branch1=chain(same(256, 1), valid(288, 3, stride=2)),
        branch2=chain(same(256, 1), same(288, 3), valid(320, 3, stride=2)),
        branch3=nn.MaxPool2d(3, 2),
    )


@network(
    paper=PAPER, year=2016, parameters=55_843_464, multiply_adds=13_155_794_016,
    top1=80.1, top5=95.1, source="paper, one crop",
)  # fmt: skip
def inception_resnet_v2(image: Shape = (3, 299, 299), classes: int = 1000) -> nn.Sequential:
    """The stem, 10 blocks on 35x35, 20 on 17x17, 10 on 8x8; any image of at least 75 pixels a side."""
    return stack(
        image,
        conv2d_1a=valid(32, 3, stride=2), conv2d_2a=valid(32, 3), conv2d_2b=same(64, 3),
        maxpool_3a=nn.MaxPool2d(3, 2),
        conv2d_3b=valid(80, 1), conv2d_4a=valid(192, 3),
        maxpool_5a=nn.MaxPool2d(3, 2),
        mixed_5b=mixed_5b(),
        repeat=chain(*[block35] * 10),
        mixed_6a=mixed_6a(**TABLE_1),
        repeat_1=chain(*[block17] * 20),
        mixed_7a=mixed_7a(),
        repeat_2=chain(*[block8] * 9),
        block8=partial(block8, block=Residual, scale=1.0),
        conv2d_7b=same(1536, 1),
        global_pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), head_drop=nn.Dropout(0.2), classif=linear(classes),
    )  # fmt: skip
