"""Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning. Szegedy, Ioffe, Vanhoucke, Alemi,
AAAI 2017. arXiv:1602.07261

Inception-v4, figures 3 to 9. Child names are timm's.

Deviations: where the drawings and the authors' released weights have 1x7 and 7x1 in another order, the order is that of
the weights. Average pools leave the padded border out, as TensorFlow does. Without fixed sizes any image of at least
75 pixels a side will do.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from striate.layers.branches import Branches, branches, chain
from striate.layers.conv_norm import conv_norm
from striate.rows import Row, Shape, linear, stack
from striate.zoo.facts import network

PAPER = "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning"

TABLE_1 = {"k": 192, "l": 224, "m": 256, "n": 384}  # maps of Reduction-A

valid = partial(conv_norm, eps=1e-3)  # marked V in the figures
same = partial(conv_norm, eps=1e-3, padding="same")


def pooled(maps: int) -> Row:
    """Average pooling and a 1x1 convolution."""
    return chain(nn.AvgPool2d(3, 1, 1, count_include_pad=False), same(maps, 1))


def stem() -> list[Row]:
    """Figure 3."""
    return [
        valid(32, 3, stride=2),
        valid(32, 3),
        same(64, 3),
        branches(pool=nn.MaxPool2d(3, 2), conv=valid(96, 3, stride=2)),
        branches(
            branch0=chain(same(64, 1), valid(96, 3)),
            branch1=chain(same(64, 1), same(64, (1, 7)), same(64, (7, 1)), valid(96, 3)),
        ),
        branches(conv=valid(192, 3, stride=2), pool=nn.MaxPool2d(3, 2)),
    ]


def inception_a() -> Row:
    """Figure 4."""
    return branches(
        branch0=same(96, 1),
        branch1=chain(same(64, 1), same(96, 3)),
        branch2=chain(same(64, 1), same(96, 3), same(96, 3)),
        branch3=pooled(96),
    )


def reduction_a(k: int, l: int, m: int, n: int) -> Row:  # noqa: E741 the paper's names
    """Figure 7: 35x35 to 17x17."""
    return branches(
        branch0=valid(n, 3, stride=2),
        branch1=chain(same(k, 1), same(l, 3), valid(m, 3, stride=2)),
        branch2=nn.MaxPool2d(3, 2),
    )


def inception_b() -> Row:
    """Figure 5."""
    return branches(
        branch0=same(384, 1),
        branch1=chain(same(192, 1), same(224, (1, 7)), same(256, (7, 1))),
        branch2=chain(same(192, 1), same(192, (7, 1)), same(224, (1, 7)), same(224, (7, 1)), same(256, (1, 7))),
        branch3=pooled(128),
    )


def reduction_b() -> Row:
    """Figure 8: 17x17 to 8x8."""
    return branches(
        branch0=chain(same(192, 1), valid(192, 3, stride=2)),
        branch1=chain(same(256, 1), same(256, (1, 7)), same(320, (7, 1)), valid(320, 3, stride=2)),
        branch2=nn.MaxPool2d(3, 2),
    )


class InceptionC(Branches):
    """Figure 6: two branches end in a 1x3 and a 3x1 side by side."""

    def __init__(self, shape: Shape):
        super().__init__(
            shape,
            {"branch0": same(256, 1)},
            {"branch1_0": same(384, 1)},
            {"branch2_0": same(384, 1), "branch2_1": same(448, (3, 1)), "branch2_2": same(512, (1, 3))},
            {"branch3": pooled(256)},
        )
        self.branch1_1a = same(256, (1, 3))((384, *shape[1:]))
        self.branch1_1b = same(256, (3, 1))((384, *shape[1:]))
        self.branch2_3a = same(256, (1, 3))((512, *shape[1:]))
        self.branch2_3b = same(256, (3, 1))((512, *shape[1:]))

    def forward(self, x: Tensor) -> Tensor:  # (n, c, h, w) -> (n, 1536, h, w)
        one, short, long, pool = self.outputs(x)
        short = torch.cat([self.branch1_1a(short), self.branch1_1b(short)], 1)
        long = torch.cat([self.branch2_3a(long), self.branch2_3b(long)], 1)
        return torch.cat([one, short, long, pool], 1)


@network(
    paper=PAPER, year=2016, parameters=42_679_816, multiply_adds=12_253_974_624,
    top1=80.0, top5=95.0, source="paper, one crop",
)  # fmt: skip
def inception_v4(image: Shape = (3, 299, 299), classes: int = 1000) -> nn.Sequential:
    """Figure 9: the stem, 4 Inception-A, 7 Inception-B, 3 Inception-C."""
    return stack(
        image,
        features=chain(
            *stem(),
            *(inception_a() for _ in range(4)), reduction_a(**TABLE_1),
            *(inception_b() for _ in range(7)), reduction_b(),
            *[InceptionC] * 3,
        ),
        global_pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), head_drop=nn.Dropout(0.2),
        last_linear=linear(classes),
    )  # fmt: skip
