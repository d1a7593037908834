"""What units see after they have been moved: views, permutations, slices, concatenation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import accumulate
from math import prod
from typing import Any

import torch
from torch import Tensor

from striate.analysis.receptive_field import Span, at_once, hull, rolled, shifted, through, whole, windowed
from striate.analysis.sight import Given, Rule, Sight, all_of, along, merged, moved, per_axis, positive, renumbered

aten = torch.ops.aten


def reshape(given: Given, out: Tensor, x: Tensor, *_: Any, **__: Any) -> Sight:
    """Elements keep their order, so the units of an axis stay equally far apart in it."""
    return tuple(_reshaped(span, x.shape, out.shape) for span in given[0][1])


def _reshaped(span: Span, before: Sequence[int], after: Sequence[int]) -> Span:
    if span.dim is None:
        return span
    apart = span.inner * prod(before[span.dim + 1 :])
    steps = [prod(after[dim + 1 :]) for dim in range(len(after))]
    for dim in reversed(range(len(after))):
        if steps[dim] % apart == 0 and apart < steps[dim] < apart * span.length:  # the axis is cut in pieces
            piece = steps[dim] // apart
            if span.length % piece:
                return whole([span])
            span, apart = windowed(span, span.length // piece, piece, piece), steps[dim]
    for dim, (step, size) in enumerate(zip(steps, after, strict=True)):
        alone = span.length > 1 or size == 1
        if alone and apart % step == 0 and size % (apart // step * span.length) == 0:
            return replace(span, dim=dim, inner=apart // step)
    return whole([span])


def permute(given: Given, out: Tensor, x: Tensor, dims: Sequence[int]) -> Sight:
    order = positive(dims, x.dim())
    return renumbered(given[0][1], [order.index(dim) for dim in range(x.dim())])


def transpose(given: Given, out: Tensor, x: Tensor, first: int = 0, second: int = 1) -> Sight:
    order = list(range(x.dim()))
    if len(order) > 1:
        order[first], order[second] = order[second], order[first]
    return renumbered(given[0][1], order)


def unsqueeze(given: Given, out: Tensor, x: Tensor, dim: int) -> Sight:
    dim %= out.dim()
    return renumbered(given[0][1], [d + (d >= dim) for d in range(x.dim())])


def squeeze(given: Given, out: Tensor, x: Tensor, dims: Any = None) -> Sight:
    gone = [dim for dim in positive(dims, x.dim()) if x.shape[dim] == 1]
    return renumbered(given[0][1], _without(gone, x.dim()))


def _without(gone: Sequence[int], rank: int) -> list[int | None]:
    return [None if dim in gone else dim - sum(g < dim for g in gone) for dim in range(rank)]


def expand(given: Given, out: Tensor, x: Tensor, *_: Any, **__: Any) -> Sight:
    return tuple(broadcast(span, x, out) for span in given[0][1])


def broadcast(span: Span, tensor: Tensor, out: Tensor) -> Span:
    """The span of a tensor that is spread to the shape of `out`; one unit for many places is seen by all."""
    if span.dim is None or tensor.shape == out.shape:
        return span
    dim = span.dim + out.dim() - tensor.dim()
    if dim < 0 or tensor.shape[span.dim] != out.shape[dim]:
        return whole([span])
    return replace(span, dim=dim)


def select(given: Given, out: Tensor, x: Tensor, dim: int, index: int) -> Sight:
    dim %= x.dim()
    chosen = moved(x, given[0][1], [dim], lambda span, _: _one(span, index % span.length))
    return renumbered(chosen, _without([dim], x.dim()))


def _one(span: Span, unit: int) -> Span:
    return at_once(hull([span.fixed, span.real[unit]]))


def unbind(given: Given, out: Tensor, x: Tensor, dim: int = 0) -> list[Sight]:
    return [select(given, out, x, dim, index) for index in range(x.shape[dim])]


def slice_(
    given: Given, out: Tensor, x: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Sight:
    dim %= x.dim()
    first = min(max((start or 0) + (x.shape[dim] if (start or 0) < 0 else 0), 0), x.shape[dim])
    return moved(x, given[0][1], [dim], lambda span, d: shifted(span, out.shape[d], first, step))


def split(given: Given, out: Tensor, x: Tensor, sizes: int | Sequence[int], dim: int = 0) -> list[Sight]:
    dim %= x.dim()
    if isinstance(sizes, int):
        sizes = [min(sizes, x.shape[dim] - at) for at in range(0, x.shape[dim], sizes)]

    def piece(start: int, n: int) -> Sight:
        return moved(x, given[0][1], [dim], lambda span, _: shifted(span, n, start))

    return [piece(start, n) for start, n in zip(accumulate(sizes, initial=0), sizes, strict=False)]


def cat(given: Given, out: Tensor, tensors: Sequence[Tensor], dim: int = 0) -> Sight:
    """Side by side in the maps; end to end along an axis, where every unit is then taken to see all."""
    dim %= out.dim()
    return merged([along(sight, [dim], lambda span, _: whole([span])) for _, sight in given])


def stack(given: Given, out: Tensor, tensors: Sequence[Tensor], dim: int = 0) -> Sight:
    dim %= out.dim()
    places = [d + (d >= dim) for d in range(out.dim() - 1)]
    return merged([renumbered(sight, places) for _, sight in given])


def repeat(given: Given, out: Tensor, x: Tensor, times: Sequence[int]) -> Sight:
    """Whole copies one after the other: along an axis that is repeated every unit is taken to see all."""
    more = out.dim() - x.dim()
    copied = [dim for dim in range(x.dim()) if times[dim + more] > 1]
    sight = along(given[0][1], copied, lambda span, _: whole([span]))
    return renumbered(sight, [dim + more for dim in range(x.dim())])


def roll(given: Given, out: Tensor, x: Tensor, shifts: Any, dims: Any = ()) -> Sight:
    if not dims:
        return all_of(given)

    def turned(sight: Sight, turn: tuple[int, int]) -> Sight:
        return moved(x, sight, [turn[1]], lambda span, _: rolled(span, turn[0]))

    steps = zip(per_axis(shifts, 1), positive(dims, x.dim()), strict=True)
    return reduce(turned, steps, given[0][1])


def flip(given: Given, out: Tensor, x: Tensor, dims: Sequence[int]) -> Sight:
    return moved(
        x,
        given[0][1],
        positive(dims, x.dim()),
        lambda span, _: through(span, lambda j: (span.length - 1 - j,), span.length, over=-1),
    )


def index(given: Given, out: Tensor, x: Tensor, indices: Sequence[Tensor | None], *_: Any) -> Sight:
    """One list of places along one dimension keeps the others; anything more is taken to see all."""
    used = [dim for dim, chosen in enumerate(indices) if chosen is not None]
    own = [(tensor, sight) for tensor, sight in given if tensor is x]
    if not own or len(used) != 1 or indices[used[0]].dim() != 1:  # type: ignore[union-attr]
        return all_of(given)
    return along(own[0][1], used, lambda span, _: whole([span]))


def index_select(given: Given, out: Tensor, x: Tensor, dim: int, chosen: Tensor) -> Sight:
    return along(given[0][1], [dim % x.dim()], lambda span, _: whole([span]))


def as_strided(given: Given, out: Tensor, x: Tensor, shape: Sequence[int], *_: Any) -> Sight:
    """Torch itself uses it to set the order in memory; to cut pieces out of it there are no words here."""
    return given[0][1] if list(shape) == list(x.shape) else all_of(given)


def keep(given: Given, out: Tensor, *_: Any, **__: Any) -> Sight:
    return given[0][1]


RULES: dict[Any, Rule] = {
    **dict.fromkeys((aten.view, aten._unsafe_view, aten.reshape, aten._reshape_alias, aten.flatten), reshape),
    **dict.fromkeys((aten.channel_shuffle, aten.native_channel_shuffle, aten.alias, aten.detach, aten.fill), keep),
    aten.as_strided: as_strided,
    aten.permute: permute,
    aten.transpose: transpose,
    aten.t: transpose,
    aten.unsqueeze: unsqueeze,
    aten.squeeze: squeeze,
    aten.expand: expand,
    aten.select: select,
    aten.unbind: unbind,
    aten.slice: slice_,
    **dict.fromkeys((aten.split, aten.split_with_sizes, aten.unsafe_split, aten.unsafe_split_with_sizes), split),
    aten.cat: cat,
    aten.stack: stack,
    aten.repeat: repeat,
    aten.roll: roll,
    aten.flip: flip,
    aten.index: index,
    aten.index_select: index_select,
}
