"""Regularized Evolution for Image Classifier Architecture Search. Real, Aggarwal, Huang, Le, AAAI 2019.
arXiv:1802.01548

AmoebaNet-A, -B and -C: cells found by evolution, in the network of NASNet: two reduction cells on a 3x3 convolution,
then three times N = 6 normal cells of F, 2F and 4F maps a state, with a reduction cell between. The cells are those of
the authors' public program (model_specs.py), which came later than the paper. No trained weights are public.

Deviations: dropping paths and the auxiliary head, which belong to training, are left out. The paper prints neither
padding nor bottlenecks: both are those of the program. Its factorised reduction wants even widths, but F = 190 makes
47 and 95 maps in the first two cells; here the second half has the odd map. It ignores the dilation in the name of one
operation of B's reduction cell, and so does this file.

Counts: A and C are those of the paper to the digit printed (86.7 million and 23.1 billion; 155.3 and 41.1). B is not:
the public cell has 79,008,676 parameters and 20.9 billion multiply-adds, the paper says 84.0 million and 22.3 billion.
`amoebanet_b_fitted` has these, by one changed operation; no source says that it is the right one. A table of the
lectures (deck 003) puts B's name on the other two: its "B (N=6, F=228)" with 155.3 million is C, its "B (N=6, F=190)"
with 86.7 million is A. `amoebanet_b_228` is what the first of those labels says: B with F = 228.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from torch import nn

from striate.layers.cells import (
    EPS,
    Build,
    Cell,
    CellNetwork,
    Operation,
    Pair,
    pooled,
    relu_conv_norm,
    same_maps,
    separable_twice,
)  # fmt: skip
from striate.layers.same_padding import SameAvgPool2d, SameMaxPool2d, same_conv
from striate.layers.separable import pointwise
from striate.rows import Row, Shape, conv, norm, stack
from striate.zoo.facts import network

PAPER = "Regularized Evolution for Image Classifier Architecture Search"

# A cell: its five pairs, then the states that it joins. States: 0 is the last output, 1 the one before it, 2 to 6 the
# sums in the order of the rows.
Figure = tuple[tuple[Pair, ...], tuple[int, ...]]

A_NORMAL: Figure = (
    (
        ("avg3", 0, "max3", 0),
        ("sep3", 1, "none", 1),
        ("none", 0, "avg3", 1),
        ("sep3", 0, "sep5", 2),
        ("avg3", 5, "sep3", 0),
    ),
    (1, 3, 4, 6),
)
A_REDUCTION: Figure = (
    (
        ("sep3", 1, "avg3", 0),
        ("max3", 0, "sep7", 2),
        ("max3", 1, "max3", 0),
        ("sep3", 4, "1x7_7x1", 0),
        ("avg3", 1, "sep7", 0),
    ),
    (2, 3, 4, 5, 6),
)
B_NORMAL: Figure = (
    (
        ("1x1", 1, "max3", 1),
        ("none", 1, "sep3", 0),
        ("1x1", 1, "sep3", 0),
        ("1x1", 2, "none", 2),
        ("avg3", 1, "1x1", 5),
    ),
    (0, 3, 4, 6),
)
B_REDUCTION: Figure = (
    (
        ("max2", 0, "max3", 0),
        ("none", 2, "3x3", 1),
        ("sep5", 2, "max3", 2),
        ("none", 3, "sep3", 1),
        ("avg3", 4, "1x1", 3),
    ),
    (5, 6),
)
C_NORMAL: Figure = (
    (
        ("avg3", 0, "sep3", 0),
        ("none", 0, "sep3", 0),
        ("avg3", 2, "sep3", 1),
        ("none", 0, "sep3", 1),
        ("avg3", 3, "sep3", 0),
    ),
    (1, 2, 4, 5, 6),
)
C_REDUCTION: Figure = (
    (
        ("max3", 0, "max3", 0),
        ("sep7", 2, "sep3", 0),
        ("sep7", 0, "max3", 1),
        ("sep5", 4, "sep5", 4),
        ("max3", 1, "sep3", 1),
    ),
    (0, 2, 3, 4, 5, 6),
)
B_FITTED: Figure = (("sep5", 1, "max3", 1), *B_NORMAL[0][1:]), B_NORMAL[1]


def bottleneck(width: int, stride: int, *kernels: tuple[int, int]) -> Build:
    """1x1 to a quarter of `width`, the convolutions of `kernels`, 1x1 to `width`; each after a ReLU and with its norm.

    A convolution strides along the axes that it sees more than one pixel of.
    """

    def build(shape: Shape) -> nn.Module:
        middle: list[Row] = []
        for kernel in kernels:
            step = tuple(stride if k > 1 else 1 for k in kernel)
            middle += [nn.ReLU(), same_conv(width // 4, kernel, stride=step, bias=False), norm(EPS)]
        first, last = pointwise(width // 4, bias=False), pointwise(width, bias=False)
        return stack(shape, nn.ReLU(), first, norm(EPS), *middle, nn.ReLU(), last, norm(EPS))

    return build


OPERATIONS: Mapping[str, Operation] = {
    "none": same_maps,
    "1x1": relu_conv_norm,
    "3x3": lambda width, stride: bottleneck(width, stride, (3, 3)),
    "1x7_7x1": lambda width, stride: bottleneck(width, stride, (1, 7), (7, 1)),
    "avg3": lambda width, stride: pooled(SameAvgPool2d(3, stride, count_include_pad=False), width),
    "max2": lambda width, stride: pooled(SameMaxPool2d(2, stride), width),
    "max3": lambda width, stride: pooled(SameMaxPool2d(3, stride), width),
    "sep3": partial(separable_twice, 3),
    "sep5": partial(separable_twice, 5),
    "sep7": partial(separable_twice, 7),
}


def cell(figure: Figure, width: int, stride: int = 1) -> Callable[[Shape, Shape | None], Cell]:
    pairs, join = figure
    return partial(Cell, width=width, pairs=pairs, join=join, operations=OPERATIONS, stride=stride)


def amoebanet(image: Shape, classes: int, normal: Figure, reduction: Figure, width: int) -> CellNetwork:
    """The network of figure 1: `width` is F, and N is 6."""

    def stem(shape: Shape) -> nn.Module:
        return stack(shape, conv=conv(32, 3, stride=2, bias=False), bn=norm(EPS))

    cells = {"cell_stem_0": cell(reduction, width // 4, 2), "cell_stem_1": cell(reduction, width // 2, 2)}
    for stage in range(3):
        if stage:
            cells[f"reduction_cell_{stage - 1}"] = cell(reduction, width * 2**stage, 2)
        cells |= {f"cell_{6 * stage + i}": cell(normal, width * 2**stage) for i in range(6)}
    return CellNetwork(image, classes, stem=("conv0", stem), cells=cells)


@network(
    paper=PAPER,
    year=2018,
    parameters=86_718_797,
    multiply_adds=23_133_663_507,
    top1=82.8,
    top5=96.1,
    source="paper, ImageNet",
)
def amoebanet_a(image: Shape = (3, 331, 331), classes: int = 1000) -> CellNetwork:
    """AmoebaNet-A (N = 6, F = 190)."""
    return amoebanet(image, classes, A_NORMAL, A_REDUCTION, 190)


@network(
    paper=PAPER,
    year=2018,
    parameters=79_008_676,
    multiply_adds=20_934_489_887,
    top1=82.3,
    top5=96.1,
    source="paper, ImageNet; of a network with 84.0 million parameters",
)
def amoebanet_b(image: Shape = (3, 331, 331), classes: int = 1000) -> CellNetwork:
    """AmoebaNet-B (N = 6, F = 190), with the cells of the public program."""
    return amoebanet(image, classes, B_NORMAL, B_REDUCTION, 190)


@network(
    paper=PAPER,
    year=2018,
    parameters=83_972_236,
    multiply_adds=22_296_402_287,
    top1=82.3,
    top5=96.1,
    source="paper, ImageNet",
)
def amoebanet_b_fitted(image: Shape = (3, 331, 331), classes: int = 1000) -> CellNetwork:
    """A guess: AmoebaNet-B (N = 6, F = 190) with one 1x1 of its normal cell made a separable 5x5.

    Of all single changed operations only this gives both published counts; any of the four 1x1 would, and the first is
    taken.
    """
    return amoebanet(image, classes, B_FITTED, B_REDUCTION, 190)


@network(paper=PAPER, year=2018, parameters=112_908_531, multiply_adds=30_079_049_697)
def amoebanet_b_228(image: Shape = (3, 331, 331), classes: int = 1000) -> CellNetwork:
    """AmoebaNet-B (N = 6, F = 228): a label of the lectures, whose numbers there are those of C."""
    return amoebanet(image, classes, B_NORMAL, B_REDUCTION, 228)


@network(
    paper=PAPER,
    year=2018,
    parameters=155_272_667,
    multiply_adds=41_129_488_875,
    top1=83.1,
    top5=96.3,
    source="paper, ImageNet",
)
def amoebanet_c(image: Shape = (3, 331, 331), classes: int = 1000) -> CellNetwork:
    """AmoebaNet-C (N = 6, F = 228)."""
    return amoebanet(image, classes, C_NORMAL, C_REDUCTION, 228)
