"""Pooling rows that take pictures, signals and volumes alike: the number of axes is that of their input."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

from torch import nn

from striate.arithmetic import output_size
from striate.misfit import Window, per_axis, positive, too_large, wide_border
from striate.rows import Printed, Shape, Size, image_axes, same_border, stack, zeros

MAX = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
AVERAGE = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
BORDER = (nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d)
GLOBAL_MAX = (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
GLOBAL_AVERAGE = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)


@dataclass(frozen=True, repr=False)
class max_pool(Printed):
    """The largest value of each window. `stride` is the kernel unless given.

    `padding` is per side, at most half the window; "same" and "same^" as in `conv`, where the border never is the
    largest. `ceil`: a last window that hangs over the border counts too.

    >>> max_pool(2)((8, 14)), max_pool(3, stride=2, padding=1)((8, 14, 14))
    (MaxPool1d(kernel_size=(2,), stride=(2,), padding=(0,), dilation=(1,), ceil_mode=False), \
MaxPool2d(kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), dilation=(1, 1), ceil_mode=False))
    """

    kernel: Size
    _: KW_ONLY
    stride: Size | None = None
    padding: Size | str = 0
    dilation: Size = 1
    ceil: bool = False

    def __call__(self, shape: Shape) -> nn.Module:
        if isinstance(self.padding, str):
            stride = self.kernel if self.stride is None else self.stride
            border = same_border(self, shape[1:], self.padding, self.kernel, stride, self.dilation)
            if any(before != after for before, after in border):
                return stack(shape, pad=smallest(*border), pool=replace(self, padding=0))
            return replace(self, padding=tuple(before for before, _ in border))(shape)
        kernel, stride, padding, dilation = sizes(self, shape, self.padding, self.dilation)
        layer: Any = MAX[len(shape) - 2]
        built: nn.Module = layer(kernel, stride, padding, dilation, ceil_mode=self.ceil)
        return built


@dataclass(frozen=True, repr=False)
class avg_pool(Printed):
    """The mean of each window, zeros of the padding counted. The arguments are those of `max_pool`."""

    kernel: Size
    _: KW_ONLY
    stride: Size | None = None
    padding: Size | str = 0
    ceil: bool = False

    def __call__(self, shape: Shape) -> nn.Module:
        if isinstance(self.padding, str):
            stride = self.kernel if self.stride is None else self.stride
            border = same_border(self, shape[1:], self.padding, self.kernel, stride, 1)
            if any(before != after for before, after in border):
                return stack(shape, pad=zeros(*border), pool=replace(self, padding=0))
            return replace(self, padding=tuple(before for before, _ in border))(shape)
        kernel, stride, padding, _ = along = sizes(self, shape, self.padding, 1)
        if len(shape) == 4 and (problem := too_large(self, shape[1:], without_border(along))):
            raise problem  # torch averages volumes by windows that fit without their border only
        layer: Any = AVERAGE[len(shape) - 2]
        built: nn.Module = layer(kernel, stride, padding, ceil_mode=self.ceil)
        return built


@dataclass(frozen=True, repr=False)
class pool_to(Printed):
    """Maps of `size`, whatever the input's: the mean (or, `largest`, the maximum) of as many equal parts.

    >>> pool_to(1)((8, 14, 14)), pool_to(7, largest=True)((8, 14, 14))
    (AdaptiveAvgPool2d(output_size=(1, 1)), AdaptiveMaxPool2d(output_size=(7, 7)))
    """

    size: Size = 1
    _: KW_ONLY
    largest: bool = False

    def __call__(self, shape: Shape) -> nn.Module:
        axes = image_axes(self, shape)
        if problem := positive(self, {"size": self.size}):
            raise problem
        layer: Any = (GLOBAL_MAX if self.largest else GLOBAL_AVERAGE)[axes - 1]
        built: nn.Module = layer(per_axis(self.size, axes))
        return built


def sizes(row: max_pool | avg_pool, shape: Shape, padding: Size, dilation: Size) -> list[tuple[int, ...]]:
    """Kernel, stride, padding and dilation of each axis of `shape`; `ShapeError` where the row does not fit it."""
    axes = image_axes(row, shape)
    stride = row.kernel if row.stride is None else row.stride
    if problem := positive(row, {"kernel": row.kernel, "stride": stride, "dilation": dilation}):
        raise problem
    if problem := positive(row, {"padding": padding}, least=0):
        raise problem
    settings = [per_axis(value, axes) for value in (row.kernel, stride, padding, dilation)]
    windows: tuple[Window, ...] = tuple(zip(*settings, strict=True))
    if problem := wide_border(row, windows):
        raise problem
    gives = [output_size(n, k, s, 2 * p, d, ceil=row.ceil) for n, (k, s, p, d) in zip(shape[1:], windows, strict=True)]
    if min(gives) < 1 and (problem := too_large(row, shape[1:], windows)):
        raise problem
    return settings


def without_border(along: list[tuple[int, ...]]) -> tuple[Window, ...]:
    """The windows of each axis, less their padding."""
    kernel, stride, _, dilation = along
    return tuple((k, s, 0, d) for k, s, d in zip(kernel, stride, dilation, strict=True))


def smallest(*border: tuple[int, int]) -> nn.Module:
    """A layer that puts minus infinity around its input: (before, after) for each axis, height first."""
    layer: Any = BORDER[len(border) - 1]
    built: nn.Module = layer(tuple(side for sides in reversed(border) for side in sides), -math.inf)
    return built
