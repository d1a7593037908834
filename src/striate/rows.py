"""A row is a torch module, or a function from its input shape to one; `stack` tells each row the shape above it.

What comes out is a plain `nn.Sequential`. The shape a layer gives is found by running that layer on torch's meta
device, so no formula can disagree with the layer, and no memory is taken.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import KW_ONLY, MISSING, dataclass, fields, replace
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.func import functional_call

from striate.arithmetic import same_total
from striate.errors import ShapeError
from striate.misfit import (
    CONVOLUTIONS,
    TRANSPOSED,
    divides,
    misfit,
    named,
    needs_features,
    needs_maps,
    per_axis,
    positive,
    times,
    too_large,
    vanishes,
)
from striate.shapes import ShapesOnly

Shape = tuple[int, ...]  # (channels, height, width), (channels, length), ... or (features,); never the batch
Row = nn.Module | Callable[[Shape], nn.Module]
Size = int | tuple[int, ...]  # one number for every axis, or one an axis

ZEROS = (nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d)
POINTWISE = (  # each number by itself: the shape stays, whatever it is
    nn.Identity, nn.Dropout, nn.Sigmoid, nn.Tanh, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU,
    nn.SiLU, nn.Mish, nn.Softplus, nn.Softsign, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.LogSigmoid,
)  # fmt: skip

BATCH = 2  # pictures in the runs that find shapes

_known: WeakKeyDictionary[nn.Module, tuple[Shape, Shape]] = WeakKeyDictionary()  # what stack() has already measured


def output_shape(layer: nn.Module, *shapes: Shape) -> Shape:
    """Shape of the one output of `layer` (without the batch), found by running it on the meta device.

    >>> output_shape(nn.MaxPool2d(2), (6, 28, 28))
    (6, 14, 14)
    """
    if len(shapes) == 1 and layer in _known and _known[layer][0] == shapes[0]:
        return _known[layer][1]
    if type(layer) in POINTWISE and len(shapes) == 1:
        return shapes[0]
    state = {key: value.to("meta") for key, value in chain(layer.named_parameters(), layer.named_buffers())}
    inputs = tuple(torch.empty(BATCH, *shape, device="meta") for shape in shapes)
    with torch.no_grad(), ShapesOnly():  # type: ignore[no-untyped-call]
        answers, *shape = functional_call(layer, state, inputs).shape
    if answers != BATCH and len(shapes) == 1:
        raise ShapeError(
            f"{named(layer)} gives {answers} answers for {BATCH} pictures: it takes the batch for part of them.",
            formula=f"{answers} ≠ {BATCH}",
            given=shapes[0],
            row=layer,
        )
    return tuple(shape)


def stack(shape: Shape, *rows: Row, **named_rows: Row) -> nn.Sequential:
    """Build `rows` in order; each is told the shape that the row above it gives.

    `shape`: of the input, without the batch. Rows given by position are called "0", "1", ...; names are the keys of
    the state dict. A row that cannot take its input raises `ShapeError`, which says which row and what would fit.

    >>> stack((1, 28, 28), c1=conv(6, 5), flatten=nn.Flatten(), out=linear(10))
    Sequential(
      (c1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
      (flatten): Flatten(start_dim=1, end_dim=-1)
      (out): Linear(in_features=3456, out_features=10, bias=True)
    )
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    given = shape
    for name, row in [*((str(i), row) for i, row in enumerate(rows)), *named_rows.items()]:
        try:
            layers[name] = layer = row if isinstance(row, nn.Module) else row(shape)
            shape = output_shape(layer, shape)
        except ShapeError as error:
            raise _located(error, shape, row).inside(name) from None
        except (RuntimeError, ValueError, IndexError, TypeError, ArithmeticError) as error:
            raise _explained(layers.get(name, row), shape, error).inside(name) from error
    net = nn.Sequential(layers)
    remember(net, given, shape)
    return net


def remember(layer: nn.Module, given: Shape, shape: Shape) -> None:
    """Note that `layer` gives `shape` for `given`, so that `output_shape` need not run it."""
    _known[layer] = (given, shape)


def _located(error: ShapeError, shape: Shape, row: Row) -> ShapeError:
    """The error with the shape and row at which it happened, unless an inner row knows better."""
    if error.given is None and not error.path:
        error.given = shape
    if error.row is None:
        error.row = row
    return error


def _explained(layer: Any, shape: Shape, error: Exception) -> ShapeError:
    known = misfit(layer, shape) if isinstance(layer, nn.Module) else None
    if known is None:
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        what = named(layer) if isinstance(layer, nn.Module) else repr(layer)
        known = ShapeError(f"{what} cannot take {times(shape)}: {said}", row=layer)
    known.given = shape
    return known


class Printed:
    """Rows print as they are written: required arguments by position, the others only if they were changed."""

    def __repr__(self) -> str:
        given = [(f, getattr(self, f.name)) for f in fields(self)]  # type: ignore[arg-type]
        shown = [str(v) if f.default is MISSING else f"{f.name}={v!r}" for f, v in given if v != f.default]
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, repr=False)
class conv(Printed):
    """A convolution to `out` maps, in 1, 2 or 3 dimensions as its input has them.

    `padding` is per side, or "same": N pixels give ceil(N/stride), by as many zeros on both sides; an odd one goes to
    the bottom or right, or, with "same^", to the top or left. Where sides differ, the zeros are a layer of their own.

    >>> conv(64, 7, stride=2, padding=3)
    conv(64, 7, stride=2, padding=3)
    >>> conv(1, 2, padding="same")((1, 5, 5))
    Sequential(
      (pad): ZeroPad2d((0, 1, 0, 1))
      (conv): Conv2d(1, 1, kernel_size=(2, 2), stride=(1, 1))
    )
    """

    out: int
    kernel: Size
    _: KW_ONLY
    stride: Size = 1
    padding: Size | str = 0
    dilation: Size = 1
    groups: int = 1
    bias: bool = True

    def __call__(self, shape: Shape) -> nn.Module:
        axes = image_axes(self, shape)
        if problem := _wrong_sizes(self) or divides(self, self.groups, shape[0], self.out):
            raise problem
        if isinstance(self.padding, str):
            border = same_border(self, shape[1:], self.padding, self.kernel, self.stride, self.dilation)
            if any(before != after for before, after in border):
                return stack(shape, pad=zeros(*border), conv=replace(self, padding=0))
            return replace(self, padding=tuple(before for before, _ in border))(shape)
        kernel, stride, padding, dilation = sizes = [
            per_axis(v, axes) for v in (self.kernel, self.stride, self.padding, self.dilation)
        ]
        if problem := too_large(self, shape[1:], tuple(zip(*sizes, strict=True))):
            raise problem
        layer: Any = CONVOLUTIONS[axes - 1]
        built: nn.Module = layer(
            shape[0], self.out, kernel, stride, padding, dilation=dilation, groups=self.groups, bias=self.bias
        )
        return built


def _wrong_sizes(row: conv | deconv) -> ShapeError | None:
    least_one = {"out": row.out, "kernel": row.kernel, "stride": row.stride, "dilation": row.dilation}
    return positive(row, least_one) or (
        None if isinstance(row.padding, str) else positive(row, {"padding": row.padding}, least=0)
    )


def same_border(row: Row, size: Shape, padding: str, *settings: Size) -> list[tuple[int, int]]:
    """(before, after) of each axis of `size` with which N pixels give ceil(N/stride).

    `padding`: "same", an odd pixel goes after; "same^", it goes before. `settings`: kernel, stride, dilation.
    """
    if padding not in ("same", "same^"):
        raise ShapeError(f'{row} has padding {padding!r}; it is a number, "same" or "same^".', row=row)
    border = []
    for along in zip(size, *(per_axis(value, len(size)) for value in settings), strict=True):
        total = same_total(*along)
        less, more = total // 2, total - total // 2
        border.append((more, less) if padding == "same^" else (less, more))
    return border


def zeros(*border: tuple[int, int]) -> nn.Module:
    """A layer that puts zeros around its input: (before, after) for each axis, height first.

    >>> zeros((1, 0), (2, 3))
    ZeroPad2d((2, 3, 1, 0))
    """
    layer: Any = ZEROS[len(border) - 1]
    built: nn.Module = layer(tuple(side for sides in reversed(border) for side in sides))
    return built


@dataclass(frozen=True, repr=False)
class deconv(Printed):
    """A transposed convolution to `out` maps: (N−1)·stride − 2·padding + dilation·(K−1) + 1 + output_padding."""

    out: int
    kernel: Size
    _: KW_ONLY
    stride: Size = 1
    padding: Size = 0
    output_padding: Size = 0
    dilation: Size = 1
    groups: int = 1
    bias: bool = True

    def __call__(self, shape: Shape) -> nn.Module:
        axes = image_axes(self, shape)
        if problem := _wrong_sizes(self) or divides(self, self.groups, shape[0], self.out):
            raise problem
        *sizes, dilation = (per_axis(v, axes) for v in (self.kernel, self.stride, self.padding, self.dilation))
        more = per_axis(self.output_padding, axes)
        if problem := vanishes(self, shape[1:], tuple(zip(*sizes, dilation, strict=True)), more):
            raise problem
        layer: Any = TRANSPOSED[axes - 1]
        built: nn.Module = layer(
            shape[0], self.out, *sizes, more, groups=self.groups, bias=self.bias, dilation=dilation
        )
        return built


@dataclass(frozen=True, repr=False)
class norm(Printed):
    """Batch normalisation over each map (or feature). `momentum` is torch's: the share of the new batch."""

    eps: float = 1e-5
    _: KW_ONLY
    momentum: float = 0.1

    def __call__(self, shape: Shape) -> nn.Module:
        layer = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[len(shape) - 1]
        return layer(shape[0], self.eps, self.momentum)


@dataclass(frozen=True, repr=False)
class linear(Printed):
    """A fully connected layer to `out` features."""

    out: int
    _: KW_ONLY
    bias: bool = True

    def __call__(self, shape: Shape) -> nn.Linear:
        if len(shape) != 1:
            raise needs_features(self, shape)
        if problem := positive(self, {"out": self.out}):
            raise problem
        return nn.Linear(shape[0], self.out, bias=self.bias)


def image_axes(row: Any, shape: Shape) -> int:
    """1, 2 or 3: the spatial axes of `shape`; `ShapeError` where it is not (channels, ...)."""
    if not 2 <= len(shape) <= 4:
        raise needs_maps(row, shape)
    return len(shape) - 1
