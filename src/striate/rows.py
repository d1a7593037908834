"""A row is a torch module, or a function from its input shape to one; `stack` tells each row the shape above it.

What comes out is a plain `nn.Sequential`. The shape a layer gives is found by running that layer on torch's meta
device, so no formula can disagree with the layer, and no memory is taken.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import KW_ONLY, MISSING, dataclass, fields
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.func import functional_call

from striate.arithmetic import same_padding
from striate.errors import ShapeError
from striate.misfit import CONVOLUTIONS, TRANSPOSED, divides, misfit, named, per_axis, times, too_large

Shape = tuple[int, ...]  # (channels, height, width), (channels, length), ... or (features,); never the batch
Row = nn.Module | Callable[[Shape], nn.Module]
Size = int | tuple[int, ...]  # one number for every axis, or one an axis

_known: WeakKeyDictionary[nn.Module, tuple[Shape, Shape]] = WeakKeyDictionary()  # what stack() has already measured


def output_shape(layer: nn.Module, *shapes: Shape) -> Shape:
    """Shape of the one output of `layer` (without the batch), found by running it on the meta device.

    >>> output_shape(nn.MaxPool2d(2), (6, 28, 28))
    (6, 14, 14)
    """
    if len(shapes) == 1 and layer in _known and _known[layer][0] == shapes[0]:
        return _known[layer][1]
    state = {key: value.to("meta") for key, value in chain(layer.named_parameters(), layer.named_buffers())}
    inputs = tuple(torch.empty(2, *shape, device="meta") for shape in shapes)
    with torch.no_grad():
        return tuple(functional_call(layer, state, inputs).shape[1:])


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
        except (RuntimeError, ValueError, IndexError) as error:
            raise _explained(layers.get(name, row), shape, error).inside(name) from error
    net = nn.Sequential(layers)
    _known[net] = (given, shape)
    return net


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

    `padding` is per side, or "same": the size stays (stride 1), an even kernel is padded one more at the end.

    >>> conv(64, 7, stride=2, padding=3)
    conv(64, 7, stride=2, padding=3)
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
        if problem := divides(self, self.groups, shape[0], self.out):
            raise problem
        kernel, stride, dilation = (per_axis(v, axes) for v in (self.kernel, self.stride, self.dilation))
        layer: Any = CONVOLUTIONS[axes - 1]
        if self.padding == "same" and any(s != 1 for s in stride):
            raise ShapeError(f"{self} cannot keep the size with a stride: give padding as a number, or stride=1.")
        padding = per_axis(self.padding, axes)
        if self.padding != "same" and (
            problem := too_large(self, shape[1:], tuple(zip(kernel, stride, padding, dilation, strict=True)))
        ):
            raise problem
        same: Any = padding
        if self.padding == "same":
            sides = [same_padding(k, d) for k, d in zip(kernel, dilation, strict=True)]
            same = "same" if any(before != after for before, after in sides) else tuple(before for before, _ in sides)
        built: nn.Module = layer(
            shape[0], self.out, kernel, stride, same, dilation=dilation, groups=self.groups, bias=self.bias
        )
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
        if problem := divides(self, self.groups, shape[0], self.out):
            raise problem
        layer: Any = TRANSPOSED[axes - 1]
        sizes = (per_axis(v, axes) for v in (self.kernel, self.stride, self.padding, self.output_padding))
        dilation = per_axis(self.dilation, axes)
        built: nn.Module = layer(shape[0], self.out, *sizes, groups=self.groups, bias=self.bias, dilation=dilation)
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
            raise ShapeError(f"{self} needs (features,), but its input is {shape}. Put nn.Flatten() in the row above.")
        return nn.Linear(shape[0], self.out, bias=self.bias)


def image_axes(row: Any, shape: Shape) -> int:
    """1, 2 or 3: the spatial axes of `shape`; `ShapeError` where it is not (channels, ...)."""
    if not 2 <= len(shape) <= 4:
        raise ShapeError(f"{row} needs (channels, height, width), but its input is {shape}.")
    return len(shape) - 1
