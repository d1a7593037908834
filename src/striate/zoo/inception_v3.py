"""Rethinking the Inception Architecture for Computer Vision. Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, 2015.
arXiv:1512.00567

Table 1 and figures 5 to 7, with the widths that the text leaves out as in the authors' released model. Child names are
torchvision's, which are timm's.

Deviations: all are torchvision's, so that its checkpoint gives what it gives there. Average pools count the padded
border, which TensorFlow leaves out. Where table 1 prints 3x3 convolutions to 80, 192 (stride 2) and 288 maps, the
released model has 1x1 to 80, 3x3 to 192 and a max-pool. torchvision's weights want images of mean and standard
deviation 0.5. The accuracy of the paper, 78.8 % top-1 and 94.4 % top-5, is that of its own weights.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from striate.layers.auxiliary import Auxiliary
from striate.layers.branches import Branches, branches
from striate.layers.conv_norm import conv_norm
from striate.rows import Row, Shape, linear, stack
from striate.zoo.facts import network

PAPER = "Rethinking the Inception Architecture for Computer Vision"

valid = partial(conv_norm, eps=1e-3)
same = partial(conv_norm, eps=1e-3, padding="same")


def module_a(pool: int) -> Row:
    """Figure 5: two 3x3 convolutions where a 5x5 was; `pool` maps from the pool."""
    return branches(
        {"branch1x1": same(64, 1)},
        {"branch5x5_1": same(48, 1), "branch5x5_2": same(64, 5)},
        {"branch3x3dbl_1": same(64, 1), "branch3x3dbl_2": same(96, 3), "branch3x3dbl_3": same(96, 3)},
        {"pool": nn.AvgPool2d(3, 1, 1), "branch_pool": same(pool, 1)},
    )


def reduction_b() -> Row:
    """35x35 to 17x17 (figure 10)."""
    return branches(
        {"branch3x3": valid(384, 3, stride=2)},
        {"branch3x3dbl_1": same(64, 1), "branch3x3dbl_2": same(96, 3), "branch3x3dbl_3": valid(96, 3, stride=2)},
        {"pool": nn.MaxPool2d(3, 2)},
    )


def module_c(seven: int) -> Row:
    """Figure 6 with n = 7: 1x7 and 7x1 convolutions of `seven` maps."""
    return branches(
        {"branch1x1": same(192, 1)},
        {"branch7x7_1": same(seven, 1), "branch7x7_2": same(seven, (1, 7)), "branch7x7_3": same(192, (7, 1))},
        {
            "branch7x7dbl_1": same(seven, 1),
            "branch7x7dbl_2": same(seven, (7, 1)),
            "branch7x7dbl_3": same(seven, (1, 7)),
            "branch7x7dbl_4": same(seven, (7, 1)),
            "branch7x7dbl_5": same(192, (1, 7)),
        },
        {"pool": nn.AvgPool2d(3, 1, 1), "branch_pool": same(192, 1)},
    )


def reduction_d() -> Row:
    """17x17 to 8x8."""
    return branches(
        {"branch3x3_1": same(192, 1), "branch3x3_2": valid(320, 3, stride=2)},
        {
            "branch7x7x3_1": same(192, 1),
            "branch7x7x3_2": same(192, (1, 7)),
            "branch7x7x3_3": same(192, (7, 1)),
            "branch7x7x3_4": valid(192, 3, stride=2),
        },
        {"pool": nn.MaxPool2d(3, 2)},
    )


class ModuleE(Branches):
    """Figure 7: both 3x3 branches end in a 1x3 and a 3x1 side by side."""

    def __init__(self, shape: Shape):
        super().__init__(
            shape,
            {"branch1x1": same(320, 1)},
            {"branch3x3_1": same(384, 1)},
            {"branch3x3dbl_1": same(448, 1), "branch3x3dbl_2": same(384, 3)},
            {"pool": nn.AvgPool2d(3, 1, 1), "branch_pool": same(192, 1)},
        )
        fork = (384, *shape[1:])
        self.branch3x3_2a = same(384, (1, 3))(fork)
        self.branch3x3_2b = same(384, (3, 1))(fork)
        self.branch3x3dbl_3a = same(384, (1, 3))(fork)
        self.branch3x3dbl_3b = same(384, (3, 1))(fork)

    def forward(self, x: Tensor) -> Tensor:  # (n, c, h, w) -> (n, 2048, h, w)
        one, three, double, pool = self.outputs(x)
        three = torch.cat([self.branch3x3_2a(three), self.branch3x3_2b(three)], 1)
        double = torch.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], 1)
        return torch.cat([one, three, double, pool], 1)


@network(
    paper=PAPER, year=2015, parameters=23_834_568, multiply_adds=5_713_216_096,
    top1=77.294, top5=93.45, source="torchvision, one crop",
)  # fmt: skip
def inception_v3(image: Shape = (3, 299, 299), classes: int = 1000) -> nn.Sequential:
    """Inception v3 without its auxiliary classifier; any image of at least 75 pixels a side."""
    return stack(
        image,
        Conv2d_1a_3x3=valid(32, 3, stride=2), Conv2d_2a_3x3=valid(32, 3), Conv2d_2b_3x3=same(64, 3),
        maxpool1=nn.MaxPool2d(3, 2),
        Conv2d_3b_1x1=valid(80, 1), Conv2d_4a_3x3=valid(192, 3),
        maxpool2=nn.MaxPool2d(3, 2),
        Mixed_5b=module_a(32), Mixed_5c=module_a(64), Mixed_5d=module_a(64),
        Mixed_6a=reduction_b(),
        Mixed_6b=module_c(128), Mixed_6c=module_c(160), Mixed_6d=module_c(160), Mixed_6e=module_c(192),
        Mixed_7a=reduction_d(),
        Mixed_7b=ModuleE, Mixed_7c=ModuleE,
        avgpool=nn.AdaptiveAvgPool2d(1), dropout=nn.Dropout(), flatten=nn.Flatten(), fc=linear(classes),
    )  # fmt: skip


@network(
    paper=PAPER, year=2015, parameters=27_161_264, multiply_adds=5_713_216_096,
    top1=77.294, top5=93.45, source="torchvision, one crop",
)  # fmt: skip
def inception_v3_aux(image: Shape = (3, 299, 299), classes: int = 1000) -> Auxiliary:
    """With the classifier on the last 17x17 layer (figure 8); `with_auxiliary` takes 5,718,899,296 multiply-adds."""
    return Auxiliary(
        image, inception_v3(image, classes),
        AuxLogits=("Mixed_6e", lambda shape: stack(
            shape,
            avgpool=nn.AvgPool2d(5, 3), conv0=valid(128, 1), conv1=valid(768, 5),
            squeeze=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=linear(classes),
        )),
    )  # fmt: skip
