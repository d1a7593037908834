"""Neocognitron: A Self-organizing Neural Network Model for a Mechanism of Pattern Recognition Unaffected by Shift in
Position. Fukushima, Biological Cybernetics 36, 193-202, 1980.

The network of the paper's computer simulation: U0 16x16, then three pairs of layers of 24 planes. An S-cell looks for
a feature through weights that its plane shares and that `learn` changes, without labels and without gradients; a C-cell
answers to its feature anywhere in a small region. Trained on five digits, each ends on a cell of its own in UC3, also
where it is shown elsewhere. `classes` is the number of planes, and so of cells, of the last pair.

The author is Kunihiko Fukushima (the lectures, deck 003, write Kunihiro). No accuracy was published. Here,
of the handwritten `digits` scaled to 16x16, the 24 cells, each called what it answered most often, tell about 4 in 10.

Deviations, where the text leaves a choice: outside a layer's border everything is zero; S-layers 1 to 3 are padded by
2, 1 and 0 cells, and C-cells stand two apart, the first seeing three cells outside the border and the last four, which
gives the printed sizes 16, 10, 8, 6, 2 and 1. The fixed connections fall with the distance v, as the paper wants; here
they are 0.95 to the power of |v|². First weights are random between 0 and a tenth of c.

Counts: `multiply_adds` are those of the S-cells' trained connections, as in the table of facts; the fixed ones of the
C-cells and of the inhibition add to them.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d, pad, relu

from striate.errors import ShapeError
from striate.misfit import too_large
from striate.rows import Shape, stack
from striate.zoo.facts import network

REGION = 5  # cells a side: what an S-cell sees of each plane, what a C-cell sees, and the breadth of an S-column
R = (4.0, 1.5, 1.5)  # of the three S-layers
Q = (1.0, 16.0, 16.0)
ALPHA = 0.5  # where a C-cell is half saturated

DIGITS = (  # the five patterns "0" to "4" in the manner of the paper, 16 rows of 16; # is 1
    "................ ................ ......###....... .....#...#...... ....#.....#..... ....#.....#..... "
    "....#.....#..... ....#.....#..... ....#.....#..... ....#.....#..... ....#.....#..... .....#...#...... "
    "......###....... ................ ................ ................",
    "................ ................ .......#........ ......##........ .....#.#........ .......#........ "
    ".......#........ .......#........ .......#........ .......#........ .......#........ .......#........ "
    ".......#........ ................ ................ ................",
    "................ ................ .....#####...... ....#.....#..... ..........#..... ..........#..... "
    ".........#...... ........#....... .......#........ ......#......... .....#.......... ....#........... "
    "....#######..... ................ ................ ................",
    "................ ................ ....#######..... .........#...... ........#....... .......#........ "
    "......###....... .........#...... ..........#..... ..........#..... ..........#..... ....#....#...... "
    ".....####....... ................ ................ ................",
    "................ ................ ........#....... .......##....... ......#.#....... .....#..#....... "
    "....#...#....... ...#....#....... ...#########.... ........#....... ........#....... ........#....... "
    "........#....... ................ ................ ................",
)


def digits() -> Tensor:
    """(5, 1, 16, 16) of 0 and 1: the patterns "0" to "4"."""
    return torch.tensor([[[[float(c == "#") for c in row] for row in digit.split()]] for digit in DIGITS])


def falloff() -> Tensor:
    """(5,): fixed connections along one axis; the product of two axes depends on the distance alone."""
    offset = torch.arange(REGION) - REGION // 2
    return torch.pow(0.95, offset.square())


def gathered(x: Tensor, weights: Tensor, stride: int = 1) -> Tensor:
    """Sum over each square region of `x` (n, c, h, w), weighted along both axes by `weights`."""
    for axis in (2, 3):
        x = (x.unfold(axis, len(weights), stride) * weights).sum(-1)
    return x


class SCells(nn.Module):
    """One S-layer of `planes`: r φ[(1 + Σ a u) / (1 + r/(1+r) b v) − 1], φ cutting at 0.

    `a`: (planes, channels, 5, 5), `b`: (planes,), both trained by `reinforce` and never negative. v is the root of the
    mean of u² over the same region, weighted by c; c sums to 1 over the region and all planes. `r`: how selective the
    cells are, `q`: how fast their connections grow.
    """

    c: Tensor

    def __init__(self, shape: Shape, planes: int, r: float, q: float, padding: int):
        super().__init__()
        if len(shape) != 3:
            raise ShapeError(f"S-cells need (channels, height, width), but their input is {shape}.")
        if problem := too_large("a layer of S-cells", shape[1:], ((REGION, 1, padding, 1),) * 2):
            raise problem
        self.r, self.q, self.padding = r, q, padding
        self.register_buffer("c", falloff() / falloff().sum() / math.sqrt(shape[0]))
        self.a = nn.Parameter(0.1 * torch.rand(planes, shape[0], REGION, REGION) * torch.outer(self.c, self.c))
        self.b = nn.Parameter(torch.zeros(planes))

    def inhibition(self, u: Tensor) -> Tensor:  # (n, channels, h, w) -> (n, 1, h', w')
        mean = gathered(pad(u.square().sum(1, keepdim=True), [self.padding] * 4), self.c)
        return mean.clamp_min(1e-12).sqrt()  # a root has no slope at 0

    def forward(self, u: Tensor) -> Tensor:  # (n, channels, h, w) -> (n, planes, h', w')
        excited = 1 + conv2d(u, self.a, padding=self.padding)
        inhibited = 1 + self.r / (1 + self.r) * self.b[:, None, None] * self.inhibition(u)
        return self.r * relu(excited / inhibited - 1)

    def reinforce(self, u: Tensor) -> None:
        """One step of learning from the input `u` (1, channels, h, w) (section 3).

        The largest output of each S-column is a candidate; each plane's largest candidate, if any, is its
        representative, and all cells of the plane get the growth that it gets: q c u for a, q v for b.
        """
        output = self(u)[0]
        regions = pad(u, [self.padding] * 4).unfold(2, REGION, 1).unfold(3, REGION, 1)[0]  # (channels, h', w', 5, 5)
        v = self.inhibition(u)[0, 0]
        strength, place = candidates(output).flatten(1).max(1)
        for plane in strength.nonzero()[:, 0].tolist():
            row, column = divmod(int(place[plane]), output.shape[2])
            self.a[plane] += self.q * torch.outer(self.c, self.c) * regions[:, row, column]
            self.b[plane] += self.q * v[row, column]


def candidates(output: Tensor) -> Tensor:
    """`output` (planes, h, w) where it is the largest of an S-column (5x5 cells of all planes), elsewhere 0."""
    breadth = min(REGION, *output.shape[1:])
    largest = max_pool2d(output.amax(0)[None], breadth, 1)  # of each S-column
    least = -max_pool2d(pad(-largest, [breadth - 1] * 4, value=-math.inf), breadth, 1)  # of those that hold a cell
    return torch.where(output >= least, output, 0)


class CCells(nn.Module):
    """One C-layer: ψ[(1 + Σ d u) / (1 + v) − 1], ψ(x) = x / (α + x) above 0.

    v is the mean of Σ d u over the planes: the lateral inhibition. Cells stand two apart and see 5x5 regions, or,
    `whole`, one cell sees all of its plane.
    """

    d: Tensor

    def __init__(self, shape: Shape, *, whole: bool = False):
        super().__init__()
        self.whole = whole
        self.register_buffer("d", falloff())

    def forward(self, u: Tensor) -> Tensor:  # (n, planes, h, w) -> (n, planes, h/2 + 2, w/2 + 2) or (n, planes, 1, 1)
        before, after = REGION // 2 + 1, REGION // 2 + 2
        excited = u.sum((2, 3), keepdim=True) if self.whole else gathered(pad(u, [before, after] * 2), self.d, 2)
        x = relu((1 + excited) / (1 + excited.mean(1, keepdim=True)) - 1)
        return x / (ALPHA + x)


@torch.no_grad()
def learn(net: nn.Sequential, patterns: Tensor) -> None:
    """Show `patterns`, (n, channels, h, w) in 0..1, one after another; all S-layers of `net` learn from each."""
    for u in patterns[:, None]:
        for layer in net:
            given = layer(u)
            if isinstance(layer, SCells):
                layer.reinforce(u)
            u = given


@network(
    paper="Neocognitron: A Self-organizing Neural Network Model for a Mechanism of Pattern Recognition "
    "Unaffected by Shift in Position",
    year=1980,
    parameters=29_472,
    multiply_adds=1_132_800,
)
def neocognitron(image: Shape = (1, 16, 16), classes: int = 24) -> nn.Sequential:
    """The network of the simulation; its outputs are the cells of UC3, 0 to 1. Train it with `learn`."""
    s1, s2, s3 = (
        partial(SCells, planes=planes, r=r, q=q, padding=padding)
        for planes, r, q, padding in zip((24, 24, classes), R, Q, (2, 1, 0), strict=True)
    )
    return stack(image, s1=s1, c1=CCells, s2=s2, c2=CCells, s3=s3, c3=partial(CCells, whole=True), flatten=nn.Flatten())
