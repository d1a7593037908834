"""Learning Transferable Architectures for Scalable Image Recognition. Zoph, Vasudevan, Shlens, Le, CVPR 2018.
arXiv:1707.07012

NASNet-A, "N @ F" in the paper's words: N normal cells three times over, F maps at the end; 6 @ 4032 and 4 @ 1056. The
cells are those of figure 4, the network that of figure 2, its start two reduction cells on a 3x3 convolution. Child
names are timm's for the large network and those of the public weights (Cadene's) for the small one.

Deviations: ScheduledDropPath and the auxiliary head, which belong to training, are left out. The paper does not print
the padding: it is TensorFlow's "SAME", as in the authors' program. There the border does not count in an average; in
the large network its zeros do count where such pooling strides, because timm computes and measured it so. From the
authors' program, too: a normal cell after a reduction sees the reduction's output and, in the small network, the
reduction's last input; in the large one, the one before that.

Counts: the published 88.9 million parameters contain the running statistics of batch normalisation; 88,753,150 are
trained. The published 564 million multiply-adds of the small network are the 563,638,816 that it needs; the public
port's 568,234,858, which this file repeats, contain a row and a column too many in some convolutions, then dropped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import pad

from striate.layers.cells import (
    EPS,
    Build,
    Cell,
    CellNetwork,
    FactorizedReduction,
    Operation,
    factorized,
    same_maps,
    separable_twice,
)
from striate.layers.same_padding import SameAvgPool2d, SameMaxPool2d
from striate.rows import Row, Shape, conv, norm, stack
from striate.zoo.facts import network

PAPER = "Learning Transferable Architectures for Scalable Image Recognition"

# States: 0 is the last output, 1 the one before it, 2 to 6 the sums in the order of the rows.
FIGURE_4_NORMAL = (
    ("sep5", 0, "sep3", 1),
    ("sep5", 1, "sep3", 1),
    ("avg3", 0, "same", 1),
    ("avg3", 1, "avg3", 1),
    ("sep3", 0, "same", 0),
)
NORMAL_JOIN = (1, 2, 3, 4, 5, 6)
FIGURE_4_REDUCTION = (
    ("sep5", 0, "sep7", 1),
    ("max3", 0, "sep7", 1),
    ("avg3", 0, "sep5", 1),
    ("same", 3, "avg3", 2),
    ("sep3", 2, "max3", 0),
)
REDUCTION_JOIN = (3, 4, 5, 6)


class NASNetCell(Cell):
    """A cell whose factorised reduction has no name of its own: in the public weights its parts are the cell's."""

    def hold(self, squeeze: nn.Module) -> None:
        if isinstance(squeeze, FactorizedReduction):
            for name, part in squeeze.named_children():
                self.add_module(name, part)
        else:
            super().hold(squeeze)

    def squeeze(self, before: Tensor) -> Tensor:
        if hasattr(self, "conv_prev_1x1"):
            return super().squeeze(before)
        act, *parts = (self.get_submodule(name) for name in ("act", "path_1", "path_2", "final_path_bn"))
        return factorized(act(before), *parts)


class OneMore(nn.Sequential):
    """A separable convolution that computes a row above and a column left of what it should, and drops them.

    What it gives is the same; it costs what the public port of the small network's weights costs.
    """

    stride = 1

    def forward(self, x: Tensor) -> Tensor:
        x = pad(x, (self.stride, 0, self.stride, 0))
        for layer in self:
            x = layer(x)
        return x[:, :, 1:, 1:]


def one_more(kernel: int, width: int, stride: int) -> Build:
    """`separable_twice`, the first of the two with `OneMore`."""

    def build(shape: Shape) -> nn.Module:
        twice = separable_twice(kernel, width, stride)(shape)
        twice.separable_1 = OneMore(OrderedDict(twice.get_submodule("separable_1").named_children()))
        twice.separable_1.stride = stride
        return twice

    return build


def average(width: int, stride: int, *, border: bool = False) -> nn.Module:
    """3x3 average pooling; `border` says whether the zeros of the border count where it strides."""
    if stride == 1:
        return nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
    return SameAvgPool2d(3, stride, count_include_pad=border)


OPERATIONS: dict[str, Operation] = {
    "same": same_maps,
    "avg3": average,
    "max3": lambda width, stride: SameMaxPool2d(3, stride),
    "sep3": partial(separable_twice, 3),
    "sep5": partial(separable_twice, 5),
    "sep7": partial(separable_twice, 7),
}
LARGE = OPERATIONS | {"avg3": partial(average, border=True)}
PORT = OPERATIONS | {f"sep{kernel}": partial(one_more, kernel) for kernel in (3, 5, 7)}


def normal(width: int, operations: Mapping[str, Operation]) -> Callable[[Shape, Shape | None], Cell]:
    """A normal cell, to be called with the shapes of its two inputs."""
    return partial(NASNetCell, width=width, pairs=FIGURE_4_NORMAL, join=NORMAL_JOIN, operations=operations)


def reduction(
    width: int, even: Mapping[str, Operation], odd: Mapping[str, Operation]
) -> Callable[[Shape, Shape | None], Cell]:
    """A reduction cell. `even`, `odd`: its operations where the height of its input is even and where it is odd."""
    return lambda last, before: NASNetCell(
        last,
        before,
        width=width,
        pairs=FIGURE_4_REDUCTION,
        join=REDUCTION_JOIN,
        operations=odd if last[1] % 2 else even,
        stride=2,
    )


def figure_2(repeats: int, width: int, even: Mapping[str, Operation], odd: Mapping[str, Operation]) -> dict[str, Any]:
    """The cells by name: two reductions, then three times `repeats` normal ones, of twice the width each time."""
    cells = {f"cell_stem_{i}": reduction(width // (4, 2)[i], even, odd) for i in range(2)}
    for stage in range(3):
        if stage:
            cells[f"reduction_cell_{stage - 1}"] = reduction(width * 2**stage, even, odd)
        cells |= {f"cell_{6 * stage + i}": normal(width * 2**stage, odd) for i in range(repeats)}
    return cells


def stem(maps: int) -> Row:
    """A 3x3 convolution without padding, every second pixel."""
    return lambda shape: stack(shape, conv=conv(maps, 3, stride=2, bias=False), bn=norm(EPS))


@network(
    paper=PAPER,
    year=2017,
    parameters=5_289_978,
    multiply_adds=568_234_858,
    top1=74.0,
    top5=91.6,
    source="paper, ImageNet",
)
def nasnet_a_mobile(image: Shape = (3, 224, 224), classes: int = 1000) -> CellNetwork:
    """NASNet-A (4 @ 1056). Cells 4, 5, 10 and 11 are missing by name, as in the public weights."""
    cells = figure_2(4, 44, even=PORT, odd=OPERATIONS)
    return CellNetwork(image, classes, stem=("conv0", stem(32)), cells=cells)


@network(
    paper=PAPER,
    year=2017,
    parameters=88_753_150,
    multiply_adds=23_783_414_658,
    top1=82.7,
    top5=96.2,
    source="paper, ImageNet",
)
def nasnet_a_large(image: Shape = (3, 331, 331), classes: int = 1000) -> CellNetwork:
    """NASNet-A (6 @ 4032)."""
    cells = figure_2(6, 168, even=LARGE, odd=LARGE)
    return CellNetwork(
        image, classes, stem=("conv0", stem(96)), cells=cells, aside=("reduction_cell_0", "reduction_cell_1")
    )
