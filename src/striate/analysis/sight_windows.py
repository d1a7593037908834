"""What the units behind a window see: convolutions, pools, padding, upsampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from striate.analysis.receptive_field import Span, adapted, repeated, shifted, through, transposed, whole, windowed
from striate.analysis.sight import Given, Rule, Sight, all_of, along, merged, moved, per_axis
from striate.arithmetic import output_size

aten = torch.ops.aten


def convolution(
    given: Given,
    out: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    is_transposed: bool,
    *_: Any,
) -> Sight:
    """Weights (or a bias) that depend on the image bring all that they see to every unit."""
    kernel = list(weight.shape[2:])
    stride, padding, dilation = (per_axis(value, len(kernel)) for value in (stride, padding, dilation))
    behind = transposed if is_transposed else windowed

    def change(span: Span, dim: int) -> Span:
        return behind(span, out.shape[dim], kernel[dim - 2], stride[dim - 2], padding[dim - 2], dilation[dim - 2])

    sights = []
    for tensor, sight in given:
        if tensor is x:
            maps = along(sight, [1], lambda span, _: whole([span]))
            sights.append(moved(x, maps, range(2, x.dim()), change))
        else:
            sights.append(all_of([(tensor, sight)]))
    return merged(sights)


def pool(
    given: Given,
    out: Tensor,
    x: Tensor,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    *_: Any,
) -> Sight:
    axes = len(kernel)
    stride, padding, dilation = per_axis(stride, axes, kernel), per_axis(padding, axes), per_axis(dilation, axes)
    front = x.dim() - axes

    def change(span: Span, dim: int) -> Span:
        axis = dim - front
        return windowed(span, out.shape[dim], per_axis(kernel, axes)[axis], stride[axis], padding[axis], dilation[axis])

    return moved(x, given[0][1], range(front, x.dim()), change)


def average_pool(
    given: Given, out: Tensor, x: Tensor, kernel: Any, stride: Any = (), padding: Any = 0, *_: Any, **__: Any
) -> Sight:
    return pool(given, out, x, kernel, stride, padding)


def adaptive_pool(given: Given, out: Tensor, x: Tensor, size: Sequence[int]) -> Sight:
    """One unit for a whole axis is no map any more, whatever the size of the axis."""

    def change(span: Span, dim: int) -> Span:
        return adapted(span, out.shape[dim]) if out.shape[dim] > 1 else whole([span])

    return moved(x, given[0][1], range(x.dim() - len(size), x.dim()), change)


def unpool(given: Given, out: Tensor, x: Tensor, indices: Tensor, size: Sequence[int], *_: Any) -> Sight:
    """A value goes back to one place of the window that it came from."""

    def change(span: Span, dim: int) -> Span:
        times = -(-out.shape[dim] // span.length)
        return through(span, lambda j: (j // times,), out.shape[dim], every=times)

    own = [sight for tensor, sight in given if tensor is x]
    return moved(x, own[0], range(x.dim() - len(size), x.dim()), change)


def pad(given: Given, out: Tensor, x: Tensor, sides: Sequence[int], *_: Any) -> Sight:
    """`sides`: before and after, the last dimension first."""

    def change(span: Span, dim: int) -> Span:
        return shifted(span, out.shape[dim], -sides[2 * (x.dim() - 1 - dim)])

    return moved(x, given[0][1], range(x.dim() - len(sides) // 2, x.dim()), change)


def nearest(given: Given, out: Tensor, x: Tensor, size: Any, *scales: Any) -> Sight:
    def change(span: Span, dim: int) -> Span:
        ratio = _ratio(span.length, out.shape[dim], scales, dim)
        return through(span, lambda j: (int(j * ratio),), out.shape[dim], every=ratio.denominator, over=ratio.numerator)

    return moved(x, given[0][1], range(2, x.dim()), change)


def linear_upsample(given: Given, out: Tensor, x: Tensor, size: Any, corners: bool, *scales: Any) -> Sight:
    return _between(given, out, x, corners, scales, reach=0)


def cubic_upsample(given: Given, out: Tensor, x: Tensor, size: Any, corners: bool, *scales: Any) -> Sight:
    return _between(given, out, x, corners, scales, reach=1)


def _between(given: Given, out: Tensor, x: Tensor, corners: bool, scales: Sequence[Any], *, reach: int) -> Sight:
    """Each unit lies between two input units, and looks at `reach` more on either side; on one, only at that one."""

    def change(span: Span, dim: int) -> Span:
        n, m = span.length, out.shape[dim]
        ratio = Fraction(n - 1, max(m - 1, 1)) if corners else _ratio(n, m, scales, dim)
        offset = Fraction(0) if corners else (ratio - 1) / 2

        def taps(j: int) -> Sequence[int]:
            below, rest = divmod(j * ratio + offset, 1)
            return range(int(below) - reach, int(below) + reach + 2) if rest else (int(below),)

        return through(span, taps, m, every=ratio.denominator, over=ratio.numerator)

    return moved(x, given[0][1], range(2, x.dim()), change)


def _ratio(n: int, m: int, scales: Sequence[Any], dim: int) -> Fraction:
    """Input units an output unit: from the scale where the network gives one, else from the sizes."""
    scale = scales[dim - 2] if dim - 2 < len(scales) else None
    return 1 / Fraction(scale).limit_denominator(1000) if scale else Fraction(n, m)


def pixel_shuffle(given: Given, out: Tensor, x: Tensor, factor: int) -> Sight:
    return moved(x, given[0][1], range(x.dim() - 2, x.dim()), lambda span, _: repeated(span, factor))


def pixel_unshuffle(given: Given, out: Tensor, x: Tensor, factor: int) -> Sight:
    return moved(
        x, given[0][1], range(x.dim() - 2, x.dim()), lambda span, dim: windowed(span, out.shape[dim], factor, factor)
    )


def unfolded(given: Given, out: Tensor, x: Tensor, dim: int, size: int, step: int) -> Sight:
    """`Tensor.unfold`: the windows along `dim`; what stands in each goes to a new last dimension."""
    return moved(x, given[0][1], [dim % x.dim()], lambda span, d: windowed(span, out.shape[d], size, step))


def columns(given: Given, out: Tensor, x: Tensor, *window: Sequence[int]) -> Sight:
    """`nn.Unfold`: (n, c, h, w) -> (n, c·k·k, windows), the windows row by row.

    `window`: kernel, dilation, padding, stride.
    """
    rows, cols = given[0][1]
    (k, d, p, s), (k2, d2, p2, s2) = zip(*window, strict=True)
    if (rows.dim, rows.inner, cols.dim, cols.inner) != (2, 1, 3, 1):
        return all_of(given)
    rows = windowed(rows, output_size(rows.length, k, s, 2 * p, d), k, s, p, d)
    cols = windowed(cols, output_size(cols.length, k2, s2, 2 * p2, d2), k2, s2, p2, d2)
    return replace(rows, dim=2, inner=cols.length), replace(cols, dim=2, inner=1)


def uncolumns(given: Given, out: Tensor, x: Tensor, size: Sequence[int], *window: Sequence[int]) -> Sight:
    """`nn.Fold`, the inverse of `columns`: overlapping windows are added up."""
    rows, cols = given[0][1]
    if (rows.dim, cols.dim, cols.inner, rows.inner) != (2, 2, 1, cols.length):
        return all_of(given)
    placed = [replace(span, dim=axis, inner=1) for axis, span in enumerate((rows, cols), out.dim() - 2)]
    return tuple(transposed(span, n, k, s, p, d) for span, n, k, d, p, s in zip(placed, size, *window, strict=True))


RULES: dict[Any, Rule] = {
    aten.convolution: convolution,
    aten.max_pool2d_with_indices: pool,
    aten.max_pool3d_with_indices: pool,
    aten.max_pool2d: pool,
    aten.max_pool3d: pool,
    aten.avg_pool2d: average_pool,
    aten.avg_pool3d: average_pool,
    aten._adaptive_avg_pool2d: adaptive_pool,
    aten._adaptive_avg_pool3d: adaptive_pool,
    aten.adaptive_max_pool2d: adaptive_pool,
    aten.adaptive_max_pool3d: adaptive_pool,
    aten.max_unpool2d: unpool,
    aten.max_unpool3d: unpool,
    aten.constant_pad_nd: pad,
    aten.reflection_pad1d: pad,
    aten.reflection_pad2d: pad,
    aten.reflection_pad3d: pad,
    aten.replication_pad1d: pad,
    aten.replication_pad2d: pad,
    aten.replication_pad3d: pad,
    aten.upsample_nearest1d: nearest,
    aten.upsample_nearest2d: nearest,
    aten.upsample_nearest3d: nearest,
    aten.upsample_linear1d: linear_upsample,
    aten.upsample_bilinear2d: linear_upsample,
    aten.upsample_trilinear3d: linear_upsample,
    aten.upsample_bicubic2d: cubic_upsample,
    aten.pixel_shuffle: pixel_shuffle,
    aten.pixel_unshuffle: pixel_unshuffle,
    aten.unfold: unfolded,
    aten.im2col: columns,
    aten.col2im: uncolumns,
}
