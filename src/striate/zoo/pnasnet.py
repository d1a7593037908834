"""Progressive Neural Architecture Search. Liu, Zoph, Neumann, Shlens, Hua, Li, Fei-Fei, Yuille, Huang, Murphy,
ECCV 2018. arXiv:1712.00559

PNASNet-5: one kind of cell (figure 1, left), which strides where the size halves; 12 cells in three stages, and two
striding ones before them. Child names are timm's.

Deviations: dropping paths and the auxiliary head, which belong to training, are left out. The paper does not print the
padding: it is TensorFlow's, as in the authors' program, from which three more things are taken: where a cell strides,
the state that is not operated on goes through a strided 1x1 convolution; where a pooled state has not the cell's
width, which happens once, a 1x1 convolution follows the pooling; the first cell sees the stem twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from striate.layers.cells import EPS, Cell, CellNetwork, Operation, pooled, same_maps, separable_twice
from striate.layers.same_padding import SameMaxPool2d
from striate.rows import Shape, conv, norm, stack
from striate.zoo.facts import network

# States: 0 is the last output, 1 the one before it, 2 to 6 the sums in the order of the rows.
FIGURE_1 = (
    ("sep5", 1, "max3", 1),
    ("sep7", 0, "max3", 0),
    ("sep5", 0, "sep3", 0),
    ("sep3", 4, "max3", 0),
    ("sep3", 1, "same", 0),
)
JOIN = (2, 3, 4, 5, 6)

OPERATIONS: dict[str, Operation] = {
    "same": same_maps,
    "max3": lambda width, stride: pooled(
        SameMaxPool2d(3, stride) if stride > 1 else nn.MaxPool2d(3, 1, padding=1), width
    ),
    "sep3": partial(separable_twice, 3),
    "sep5": partial(separable_twice, 5),
    "sep7": partial(separable_twice, 7),
}


def figure_1(width: int, stride: int = 1) -> Callable[[Shape, Shape | None], Cell]:
    return partial(Cell, width=width, pairs=FIGURE_1, join=JOIN, operations=OPERATIONS, stride=stride)


@network(
    paper="Progressive Neural Architecture Search",
    year=2017,
    parameters=86_057_668,
    multiply_adds=24_937_395_792,
    top1=82.9,
    top5=96.2,
    source="paper, ImageNet",
)
def pnasnet5_large(image: Shape = (3, 331, 331), classes: int = 1000) -> CellNetwork:
    """PNASNet-5 (N = 4, F = 216): 4 cells of F maps a state, 4 of 2F and 4 of 4F; the first of a new width strides."""

    def stem(shape: Shape) -> nn.Module:
        return stack(shape, conv=conv(96, 3, stride=2, bias=False), bn=norm(EPS))

    cells = {"cell_stem_0": figure_1(54, stride=2), "cell_stem_1": figure_1(108, stride=2)}
    for i in range(12):
        cells[f"cell_{i}"] = figure_1(216 * 2 ** (i // 4), stride=2 if i in (4, 8) else 1)
    return CellNetwork(image, classes, stem=("conv_0", stem), cells=cells)
