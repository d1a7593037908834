"""Why a torch module cannot take a shape, in the words and the arithmetic of the lectures."""

from __future__ import annotations

from math import gcd

from torch import nn

from striate.arithmetic import window_formula
from striate.errors import ShapeError

Shape = tuple[int, ...]

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def times(shape: Shape) -> str:
    """(3, 32, 32) as people write it: 3x32x32."""
    return "x".join(map(str, shape))


def per_axis(value: int | tuple[int, ...] | str, axes: int) -> tuple[int, ...]:
    """One number an axis, from one number or from one an axis; torch's "valid" is 0."""
    if isinstance(value, str):
        return (0,) * axes
    return (value,) * axes if isinstance(value, int) else (tuple(value) * axes)[:axes]


def named(layer: nn.Module) -> str:
    """A module in one word, or in one line where it has no children."""
    return f"{layer}" if not any(layer.children()) else type(layer).__name__


def window(layer: nn.Module, axes: int) -> tuple[tuple[int, int, int, int], ...]:
    """(kernel, stride, padding, dilation) of each axis of a convolution or pool."""
    kernel = per_axis(layer.kernel_size, axes)  # type: ignore[arg-type]
    stride = per_axis(layer.stride if layer.stride is not None else kernel, axes)  # type: ignore[arg-type]
    padding = per_axis(layer.padding, axes)  # type: ignore[arg-type]
    dilation = per_axis(getattr(layer, "dilation", 1), axes)
    return tuple(zip(kernel, stride, padding, dilation, strict=True))


def axes_of(layer: nn.Module) -> int:
    """1, 2 or 3: the spatial axes a torch convolution, pool or norm works on."""
    return int(type(layer).__name__[-2])


def too_large(row: object, size: Shape, windows: tuple[tuple[int, int, int, int], ...]) -> ShapeError | None:
    """The error of a window that is larger than its padded input along some axis, or None."""
    for n, (kernel, stride, padding, dilation) in zip(size, windows, strict=True):
        extent = dilation * (kernel - 1) + 1
        if extent > n + 2 * padding:
            short = extent - n - 2 * padding
            return ShapeError(
                f"{row} looks through a window of {extent}, but only {n} {'is' if n == 1 else 'are'} there"
                f"{f' and {2 * padding} of padding' if padding else ''}. "
                f"Give it an input {short} larger, or padding={padding + (short + 1) // 2}.",
                formula=f"{window_formula(n, kernel, stride, padding, dilation)}, which is less than 1",
                row=row,
            )
    return None


def misfit(layer: nn.Module, shape: Shape) -> ShapeError | None:
    """Why `layer` cannot take `shape` (without the batch), where that can be told from the layer; else None."""
    if isinstance(layer, nn.Linear) and shape[-1:] != (layer.in_features,):
        return _linear(layer, shape)
    if not isinstance(layer, (*CONVOLUTIONS, *TRANSPOSED, *POOLS, *NORMS)):
        return None
    axes = axes_of(layer)
    if len(shape) != axes + 1 and not (isinstance(layer, nn.BatchNorm1d) and len(shape) == 1):
        wanted = ", ".join(("channels", *("depth", "height", "width")[3 - axes :]))
        fix = " Put it above the row that flattens." if len(shape) == 1 else ""
        return ShapeError(f"{layer} needs ({wanted}), but its input is {shape}.{fix}", row=layer)
    wants = getattr(layer, "in_channels", getattr(layer, "num_features", shape[0]))
    if wants != shape[0]:
        return ShapeError(
            f"{layer} takes {wants} channels, but its input {times(shape)} has {shape[0]}. Make it take {shape[0]}.",
            formula=f"{wants} ≠ {shape[0]}",
            row=layer,
        )
    if isinstance(layer, (*CONVOLUTIONS, *POOLS)):
        return too_large(layer, shape[1:], window(layer, axes))
    return None


def _linear(layer: nn.Linear, shape: Shape) -> ShapeError:
    flat = 1
    for n in shape:
        flat *= n
    if len(shape) > 1:
        fix = "Put nn.Flatten() above it" + ("" if flat == layer.in_features else f" and make it take {flat} features")
        return ShapeError(
            f"{layer} needs ({layer.in_features},), but its input is {shape}. {fix}.",
            formula=f"{'·'.join(map(str, shape))} = {flat}",
            row=layer,
        )
    return ShapeError(
        f"{layer} takes {layer.in_features} features, but its input has {flat}. Make it take {flat}.",
        formula=f"{layer.in_features} ≠ {flat}",
        row=layer,
    )


def divides(row: object, groups: int, channels: int, out: int) -> ShapeError | None:
    """The error of groups that do not divide a convolution's maps, or None."""
    if channels % groups == 0 and out % groups == 0:
        return None
    return ShapeError(
        f"{row} has {groups} groups, which must divide its {channels} input and {out} output maps. "
        f"The greatest number that does is {gcd(channels, out)}.",
        formula=f"{channels} mod {groups} = {channels % groups}, {out} mod {groups} = {out % groups}",
        row=row,
    )
