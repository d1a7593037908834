"""The parts of a searched network, which NASNet, PNASNet and AmoebaNet share. Child names are timm's.

A cell sees two outputs: state 0 is that of the last cell, state 1 that of the one before it, both squeezed to the
cell's width. A pair applies an operation to one state and another to a second, and adds the two: that is the next
state. The states that a cell joins along the channels are its output. An operation strides only on states 0 and 1.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from striate.layers.same_padding import same_conv
from striate.layers.separable import pointwise
from striate.rows import Row, Shape, norm, output_shape, stack

EPS = 0.001  # of every batch normalisation in the programs of the three papers
Pair = tuple[str, int, str, int]  # operation, state, operation, state
Build = Callable[[Shape], nn.Module]
Operation = Callable[[int, int], Row]  # (width, stride) -> row


def relu_conv_norm(width: int, stride: int = 1) -> Build:
    """ReLU, a 1x1 convolution, batch normalisation."""
    return lambda shape: stack(shape, act=nn.ReLU(), conv=pointwise(width, stride=stride, bias=False), bn=norm(EPS))


def separable_twice(kernel: int, width: int, stride: int) -> Build:
    """ReLU, separable convolution, batch normalisation; twice, and only the first strides (NASNet, appendix A.4)."""

    def separable(stride: int) -> Build:
        return lambda shape: stack(
            shape,
            depthwise_conv2d=same_conv(shape[0], kernel, stride=stride, groups=shape[0], bias=False),
            pointwise_conv2d=pointwise(width, bias=False),
        )

    return lambda shape: stack(
        shape,
        act_1=nn.ReLU(), separable_1=separable(stride), bn_sep_1=norm(EPS),
        act_2=nn.ReLU(), separable_2=separable(1), bn_sep_2=norm(EPS),
    )  # fmt: skip


def same_maps(width: int, stride: int) -> Build:
    """The state itself; where its maps or the stride do not allow that, a 1x1 convolution of it."""
    return lambda shape: nn.Identity() if (shape[0], stride) == (width, 1) else relu_conv_norm(width, stride)(shape)


def pooled(pool: nn.Module, width: int) -> Build:
    """The pooling, and a 1x1 convolution after it where its input has not `width` maps."""
    return lambda shape: (
        pool if shape[0] == width else stack(shape, max_pool=pool, conv=pointwise(width, bias=False), bn=norm(EPS))
    )


def factorized(x: Tensor, path_1: nn.Module, path_2: nn.Module, norm: nn.Module) -> Tensor:
    """Every second pixel through `path_1` and, beside it, every second one to their lower right through `path_2`."""
    shifted = pad(x, (-1, 1, -1, 1))
    joined: Tensor = norm(torch.cat([path_1(x[:, :, ::2, ::2]), path_2(shifted[:, :, ::2, ::2])], 1))
    return joined


class FactorizedReduction(nn.Module):
    """Half the height and width: of the pixels that `factorized` names two 1x1 convolutions make half of `out` each.

    Where `out` is odd the second makes one more. `act` comes first.
    """

    def __init__(self, shape: Shape, out: int, act: nn.Module):
        super().__init__()
        half = out // 2
        self.act = act
        self.path_1 = nn.Sequential(OrderedDict(conv=nn.Conv2d(shape[0], half, 1, bias=False)))
        self.path_2 = nn.Sequential(OrderedDict(conv=nn.Conv2d(shape[0], out - half, 1, bias=False)))
        self.final_path_bn = nn.BatchNorm2d(out, EPS)

    def forward(self, x: Tensor) -> Tensor:  # (n, c, h, w) -> (n, out, h/2, w/2), halves rounded up
        return factorized(self.act(x), self.path_1, self.path_2, self.final_path_bn)


class Cell(nn.Module):
    """One cell of `width` maps a state: the sums of `pairs`, then the states `join` side by side.

    `last`, `before`: shapes of its two inputs; the first cell of a network has one, and `before` is None: then state 1
    is the input as it is, as it also is where it has the right shape. A joined state that is larger than the sums is
    reduced to their size. `forward` takes (last, before) and gives the shape `output`.
    """

    def __init__(
        self,
        last: Shape,
        before: Shape | None,
        *,
        width: int,
        pairs: tuple[Pair, ...],
        join: tuple[int, ...],
        operations: Mapping[str, Operation],
        stride: int = 1,
    ):
        super().__init__()
        self.conv_1x1 = relu_conv_norm(width)(last)
        squeeze = _squeezing(last, before, width)
        self.hold(squeeze)
        shapes = [output_shape(self.conv_1x1, last), output_shape(squeeze, before or last)]
        self.wiring = []
        for n, (left, i, right, j) in enumerate(pairs):
            for side, operation, state in ("left", left, i), ("right", right, j):
                row = operations[operation](width, stride if state < 2 else 1)
                layer = row if isinstance(row, nn.Module) else row(shapes[state])
                self.add_module(f"comb_iter_{n}_{side}", layer)
            shapes.append(output_shape(layer, shapes[j]))
            self.wiring.append((f"comb_iter_{n}_left", i, f"comb_iter_{n}_right", j))
        self.join = join
        self.reductions = {state: f"reduction_{state}" for state in join if shapes[state] != shapes[-1]}
        for state, name in self.reductions.items():
            self.add_module(name, FactorizedReduction(shapes[state], width, nn.Identity()))
        self.output = (len(join) * width, *shapes[-1][1:])

    def forward(self, last: Tensor, before: Tensor) -> Tensor:
        states = [self.conv_1x1(last), self.squeeze(before)]
        for left, i, right, j in self.wiring:
            states.append(self.get_submodule(left)(states[i]) + self.get_submodule(right)(states[j]))
        for state, name in self.reductions.items():
            states[state] = self.get_submodule(name)(states[state])
        return torch.cat([states[state] for state in self.join], 1)

    def hold(self, squeeze: nn.Module) -> None:
        """Takes the module that makes state 1 as a child."""
        self.conv_prev_1x1 = squeeze

    def squeeze(self, before: Tensor) -> Tensor:
        """State 1: the output before the last, at the last one's size and with the cell's width."""
        squeezed: Tensor = self.conv_prev_1x1(before)
        return squeezed


def _squeezing(last: Shape, before: Shape | None, width: int) -> nn.Module:
    if before is None or before == (width, *last[1:]):
        return nn.Identity()
    return FactorizedReduction(before, width, nn.ReLU()) if before[1:] != last[1:] else relu_conv_norm(width)(before)


class CellNetwork(nn.Module):
    """A stem, cells that each see the last two outputs, and a fully connected layer on the mean of each map.

    `stem` is its name and row; `cells` makes each cell from the shapes (last, before). After a cell named in `aside`
    the next one sees, beside its output, not its input but the one before that.
    """

    def __init__(
        self,
        image: Shape,
        classes: int,
        *,
        stem: tuple[str, Row],
        cells: Mapping[str, Callable[[Shape, Shape | None], Cell]],
        aside: Collection[str] = (),
    ):
        super().__init__()
        self.stem, row = stem
        self.cells, self.aside = list(cells), frozenset(aside)
        self.add_module(self.stem, stack(image, **{self.stem: row})[0])
        last, before = output_shape(self.get_submodule(self.stem), image), None
        for name, build in cells.items():
            cell = build(last, before)
            self.add_module(name, cell)
            last, before = cell.output, before if name in self.aside else last
        self.act = nn.ReLU()
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head_drop = nn.Dropout(0.5)
        self.last_linear = nn.Linear(last[0], classes)

    def forward(self, image: Tensor) -> Tensor:  # (n, 3, h, w) -> (n, classes)
        last = before = self.get_submodule(self.stem)(image)
        for name in self.cells:
            given = self.get_submodule(name)(last, before)
            last, before = given, before if name in self.aside else last
        logits: Tensor = self.last_linear(self.head_drop(self.global_pool(self.act(last))))
        return logits
