"""Why a torch module cannot take a shape, in the words and the arithmetic of the lectures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd, prod

from torch import nn

from striate.arithmetic import output_size, transposed_size, window_formula
from striate.errors import ShapeError

Shape = tuple[int, ...]
Window = tuple[int, int, int, int]  # kernel, stride, padding of one side, dilation: along one axis

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
CHANNELS = ("in_channels", "num_features", "num_channels")  # what torch calls the maps that a layer takes


def times(shape: Sequence[int]) -> str:
    """(3, 32, 32) as people write it: 3x32x32."""
    return "x".join(map(str, shape))


def per_axis(value: int | tuple[int, ...] | str, axes: int) -> tuple[int, ...]:
    """One number an axis, from one number or from one an axis; torch's "valid" is 0."""
    if isinstance(value, str):
        return (0,) * axes
    if isinstance(value, int):
        return (value,) * axes
    if len(value) not in (1, axes):
        raise ShapeError(
            f"{times(value)} has {len(value)} numbers, but its input has {axes} {'axis' if axes == 1 else 'axes'}. "
            "Give one number for all axes, or one for each.",
            formula=f"{len(value)} ≠ {axes}",
        )
    return tuple(value) if len(value) == axes else tuple(value) * axes


def named(layer: nn.Module) -> str:
    """A module in one word, or in one line where it has no children."""
    return f"{layer}" if not any(layer.children()) else type(layer).__name__


def window(layer: nn.Module, axes: int) -> tuple[Window, ...]:
    """(kernel, stride, padding, dilation) of each axis of a convolution or pool."""
    kernel = per_axis(layer.kernel_size, axes)  # type: ignore[arg-type]
    stride = per_axis(layer.stride if layer.stride is not None else kernel, axes)  # type: ignore[arg-type]
    padding = per_axis(layer.padding, axes)  # type: ignore[arg-type]
    dilation = per_axis(getattr(layer, "dilation", 1), axes)
    return tuple(zip(kernel, stride, padding, dilation, strict=True))


def axes_of(layer: nn.Module) -> int:
    """1, 2 or 3: the spatial axes a torch convolution, pool or norm works on."""
    return next(axes for axes in (1, 2, 3) if any(kind.__name__.endswith(f"{axes}d") for kind in type(layer).__mro__))


def positive(row: object, sizes: Mapping[str, int | tuple[int, ...]], *, least: int = 1) -> ShapeError | None:
    """The error of a size below `least`, or None."""
    for name, value in sizes.items():
        smallest = value if isinstance(value, int) else min(value)
        if smallest < least:
            problem = f"{row} has {name} {smallest}; it must be at least {least}."
            return ShapeError(problem, formula=f"{smallest} < {least}", row=row)
    return None


def too_large(row: object, size: Shape, windows: tuple[Window, ...]) -> ShapeError | None:
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
    try:
        return _misfit(layer, shape)
    except ShapeError as error:  # its sizes are not for so many axes
        error.row = layer
        return error


def _misfit(layer: nn.Module, shape: Shape) -> ShapeError | None:
    if isinstance(layer, nn.Linear):
        return _linear(layer, shape) if shape[-1:] != (layer.in_features,) else None
    if isinstance(layer, nn.LayerNorm):
        return _trailing(layer, shape)
    if isinstance(layer, (nn.GroupNorm, *CONVOLUTIONS, *TRANSPOSED, *POOLS, *NORMS)):
        return _maps(layer, shape)
    if isinstance(layer, nn.PixelShuffle) and shape and shape[0] % layer.upscale_factor**2:
        square = layer.upscale_factor**2
        return ShapeError(
            f"{layer} makes {layer.upscale_factor}x{layer.upscale_factor} pixels of each {square} maps, but its input "
            f"{times(shape)} has {shape[0]}. Give it a multiple of {square}.",
            formula=f"{shape[0]} mod {square} = {shape[0] % square}",
            row=layer,
        )
    if isinstance(layer, nn.Unflatten):
        return _unflatten(layer, shape)
    return None


def _maps(layer: nn.Module, shape: Shape) -> ShapeError | None:
    """The misfit of a layer that works on maps."""
    if not isinstance(layer, nn.GroupNorm):
        axes = axes_of(layer)
        if len(shape) != axes + 1 and not (isinstance(layer, nn.BatchNorm1d) and len(shape) == 1):
            return needs_maps(layer, shape, axes)
    wants = next((getattr(layer, name) for name in CHANNELS if hasattr(layer, name)), shape[0])
    if wants != shape[0]:
        return ShapeError(
            f"{layer} takes {wants} channels, but its input {times(shape)} has {shape[0]}. Make it take {shape[0]}.",
            formula=f"{wants} ≠ {shape[0]}",
            row=layer,
        )
    if isinstance(layer, TRANSPOSED):
        return vanishes(layer, shape[1:], window(layer, axes), per_axis(layer.output_padding, axes))
    if isinstance(layer, POOLS):
        return wide_border(layer, window(layer, axes)) or _pool(layer, shape, axes)
    if isinstance(layer, CONVOLUTIONS) and layer.padding != "same":
        return too_large(layer, shape[1:], window(layer, axes))
    return None


def _pool(layer: nn.Module, shape: Shape, axes: int) -> ShapeError | None:
    windows = window(layer, axes)
    if isinstance(layer, nn.AvgPool3d):  # torch wants windows here that fit without their border
        return too_large(layer, shape[1:], tuple((k, s, 0, d) for k, s, _, d in windows))
    ceil = bool(getattr(layer, "ceil_mode", False))
    gives = (output_size(n, k, s, 2 * p, d, ceil=ceil) for n, (k, s, p, d) in zip(shape[1:], windows, strict=True))
    return too_large(layer, shape[1:], windows) if min(gives) < 1 else None


def wide_border(row: object, windows: tuple[Window, ...]) -> ShapeError | None:
    """The error of a pool whose padding is more than half its window, which torch refuses, or None."""
    for kernel, _, padding, dilation in windows:
        extent = dilation * (kernel - 1) + 1
        if 2 * padding > extent:
            return ShapeError(
                f"{row} pads {padding} on each side, more than half of its window of {extent}: some windows would see "
                f"nothing. The most is {extent // 2}.",
                formula=f"2·{padding} = {2 * padding} > {extent}",
                row=row,
            )
    return None


def vanishes(row: object, size: Shape, windows: tuple[Window, ...], more: tuple[int, ...]) -> ShapeError | None:
    """The error of a transposed convolution that gives less than one pixel, or whose `output_padding` is too wide."""
    for n, (kernel, stride, padding, dilation), extra in zip(size, windows, more, strict=True):
        if extra >= max(stride, dilation):
            return ShapeError(
                f"{row} adds {extra} pixels at the end (output_padding), which must be fewer than its stride or its "
                f"dilation. The most is {max(stride, dilation) - 1}.",
                formula=f"{extra} ≥ max({stride}, {dilation})",
                row=row,
            )
        gives = transposed_size(n, kernel, stride, 2 * padding, dilation, extra)
        if gives < 1:
            spread = f"({n}−1)·{stride} − 2·{padding} + {dilation}·({kernel}−1) + 1 + {extra}"
            return ShapeError(
                f"{row} cuts {padding} from each side and nothing is left of an axis of {n}. Give it less padding.",
                formula=f"{spread} = {gives}, which is less than 1".replace("= -", "= −"),
                row=row,
            )
    return None


def needs_maps(row: object, shape: Shape, axes: int = 2) -> ShapeError:
    """The error of a row that wants maps of so many `axes` and is given something else."""
    sizes = ("depth", "height", "width")[3 - axes :] if axes > 1 else ("length",)
    hint = " Put it above the row that flattens." if len(shape) == 1 else ""
    return ShapeError(
        f"{row} needs ({', '.join(('channels', *sizes))}), but its input is {shape}.{hint}",
        formula=f"{len(shape) - 1} ≠ {axes} spatial axes",
        row=row,
    )


def needs_features(row: object, shape: Shape) -> ShapeError:
    """The error of a fully connected row that is given maps."""
    return ShapeError(
        f"{row} needs (features,), but its input is {shape}. Put nn.Flatten() in the row above.",
        formula=f"{'·'.join(map(str, shape))} = {prod(shape)}",
        row=row,
    )


def _linear(layer: nn.Linear, shape: Shape) -> ShapeError:
    flat = prod(shape)
    if len(shape) > 1:
        more = "" if flat == layer.in_features else f" and make it take {flat} features"
        return ShapeError(
            f"{layer} needs ({layer.in_features},), but its input is {shape}. Put nn.Flatten() above it{more}.",
            formula=f"{'·'.join(map(str, shape))} = {flat}",
            row=layer,
        )
    return ShapeError(
        f"{layer} takes {layer.in_features} features, but its input has {flat}. Make it take {flat}.",
        formula=f"{layer.in_features} ≠ {flat}",
        row=layer,
    )


def _unflatten(layer: nn.Unflatten, shape: Shape) -> ShapeError | None:
    wants = tuple(int(n) for n in layer.unflattened_size)
    if layer.dim != 1 or not shape or min(wants) < 1 or prod(wants) == shape[0]:
        return None
    return ShapeError(
        f"{layer} makes {times(wants)} of {prod(wants)} values, but its input has {shape[0]}. "
        f"Let the row above it give {prod(wants)}.",
        formula=f"{'·'.join(map(str, wants))} = {prod(wants)} ≠ {shape[0]}",
        row=layer,
    )


def _trailing(layer: nn.LayerNorm, shape: Shape) -> ShapeError | None:
    wants = tuple(layer.normalized_shape)
    last = shape[-len(wants) :]
    if last == wants:
        return None
    return ShapeError(
        f"{layer} takes inputs that end in {times(wants)}, but its input is {shape}. Make it take {times(last)}.",
        formula=f"{times(wants)} ≠ {times(last)}",
        row=layer,
    )


def divides(row: object, groups: int, channels: int, out: int) -> ShapeError | None:
    """The error of groups that do not divide a convolution's maps, or None."""
    if groups >= 1 and channels % groups == 0 and out % groups == 0:
        return None
    if groups < 1:
        return positive(row, {"groups": groups})
    return ShapeError(
        f"{row} has {groups} groups, which must divide its {channels} input and {out} output maps. "
        f"The greatest number that does is {gcd(channels, out)}.",
        formula=f"{channels} mod {groups} = {channels % groups}, {out} mod {groups} = {out % groups}",
        row=row,
    )
