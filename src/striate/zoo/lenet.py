"""Gradient-Based Learning Applied to Document Recognition. LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86, 1998.

`lenet5_1998` is LeNet-5 as section II-B prints it, with the three things that later copies drop: trainable
subsampling, the partial connections of C3 (table I), and the Euclidean radial-basis output. `lenet5` is the copy that
lectures show today: C3 sees all maps, subsampling is max-pooling, the output layer is trained.

Deviations: the output units give minus the squared distance of equation 7, so that the largest wins as everywhere
else; their softmax cross-entropy is then equation 9 without its constant. The paper squashes S2 and S4 with a sigmoid;
here, as in appendix A, all squashing is 1.7159 tanh(2/3 x).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.rows import Shape, conv, linear, stack
from striate.zoo.facts import network

PAPER = "Gradient-Based Learning Applied to Document Recognition"

TABLE_I = (  # the maps of S2 that each of the 16 maps of C3 sees
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip

FIGURE_3 = (  # the ten digits of a 7x12 character set in the manner of figure 3; # is +1, the rest -1
    ".#####. #.....# #.....# #.....# #.....# #.....# #.....# #.....# #.....# #.....# #.....# .#####.",
    "...#... ..##... .#.#... ...#... ...#... ...#... ...#... ...#... ...#... ...#... ...#... .#####.",
    ".#####. #.....# ......# ......# .....#. ....#.. ...#... ..#.... .#..... #...... #...... #######",
    "####### ......# .....#. ....#.. ...#... ..####. ......# ......# ......# ......# #.....# .#####.",
    ".....#. ....##. ...#.#. ..#..#. .#...#. #....#. #....#. ####### .....#. .....#. .....#. .....#.",
    "####### #...... #...... #...... #.####. ##....# ......# ......# ......# ......# #.....# .#####.",
    "..####. .#..... #...... #...... #...... #.####. ##....# #.....# #.....# #.....# #.....# .#####.",
    "####### ......# ......# .....#. .....#. ....#.. ....#.. ...#... ...#... ..#.... ..#.... ..#....",
    ".#####. #.....# #.....# #.....# #.....# .#####. #.....# #.....# #.....# #.....# #.....# .#####.",
    ".#####. #.....# #.....# #.....# #.....# #....## .####.# ......# ......# ......# .....#. .####..",
)


def codes(classes: int, features: int = 84) -> Tensor:
    """(classes, 84) of +-1: the drawn digits for up to ten classes, else random ones (section II-B allows both)."""
    if classes <= len(FIGURE_3):
        return torch.tensor([[1.0 if c == "#" else -1.0 for c in d.replace(" ", "")] for d in FIGURE_3[:classes]])
    coin = torch.Generator().manual_seed(1998)
    return torch.randint(2, (classes, features), generator=coin, device="cpu").float() * 2 - 1


class Squash(nn.Module):
    """1.7159 tanh(2/3 x), which maps +-1 to +-1 (appendix A)."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(2 / 3 * x)


class Subsample(nn.Module):
    """Sum each 2x2 square, times one trainable coefficient and plus one trainable bias a map."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.coefficient = nn.Parameter(torch.full((shape[0], 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(shape[0], 1, 1))

    def forward(self, x: Tensor) -> Tensor:  # (n, c, 2h, 2w) -> (n, c, h, w)
        return self.coefficient * (4 * nn.functional.avg_pool2d(x, 2)) + self.bias


class PartialConv(nn.Module):
    """One small convolution an output map, over the input maps that its row of the table names."""

    def __init__(self, table: tuple[tuple[int, ...], ...], kernel: int):
        super().__init__()
        self.table = [list(maps) for maps in table]
        self.convs = nn.ModuleList(nn.Conv2d(len(maps), 1, kernel) for maps in table)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([conv(x[:, maps]) for maps, conv in zip(self.table, self.convs, strict=True)], dim=1)


class RBF(nn.Module):
    """Minus the squared distance to the fixed +-1 code of each class (equation 7)."""

    codes: Tensor

    def __init__(self, codes: Tensor):  # (classes, features)
        super().__init__()
        self.register_buffer("codes", codes)

    def forward(self, x: Tensor) -> Tensor:  # (n, features) -> (n, classes)
        return -(x[:, None] - self.codes).square().sum(2)


@network(paper=PAPER, year=1998, parameters=60_000, multiply_adds=325_680, top1=99.05, source="paper, MNIST")
def lenet5_1998(image: Shape = (1, 32, 32), classes: int = 10) -> nn.Sequential:
    """LeNet-5 as printed: 60,000 trainable parameters.

    The paper's 340,908 connections are these multiply-adds and the biases, the subsampling and the output units.
    """
    return stack(
        image,
        c1=conv(6, 5), c1_squash=Squash(),
        s2=Subsample, s2_squash=Squash(),
        c3=PartialConv(TABLE_I, 5), c3_squash=Squash(),
        s4=Subsample, s4_squash=Squash(),
        c5=conv(120, 5), c5_squash=Squash(),
        flatten=nn.Flatten(),
        f6=linear(84), f6_squash=Squash(),
        output=RBF(codes(classes)),
    )  # fmt: skip


@network(paper=PAPER, year=1998, parameters=61_706, multiply_adds=416_520)
def lenet5(image: Shape = (1, 28, 28), classes: int = 10) -> nn.Sequential:
    """The LeNet-5 of today's lectures: 61,706 parameters. A 28x28 picture is padded to 32x32 by the first row."""
    return stack(
        image,
        conv1=conv(6, 5, padding=2), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2),
        conv2=conv(16, 5), relu2=nn.ReLU(), pool2=nn.MaxPool2d(2),
        flatten=nn.Flatten(),
        fc1=linear(120), relu3=nn.ReLU(),
        fc2=linear(84), relu4=nn.ReLU(),
        fc3=linear(classes),
    )  # fmt: skip
