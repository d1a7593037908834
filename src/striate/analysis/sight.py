"""What a whole tensor sees of the image: one `Span` an axis of the image, and the words the rules are written with.

The rules themselves, one small function an operation, are in `sight_windows`, `sight_moves` and `sight_mixes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from striate.analysis.receptive_field import Span, joined, repeated, whole

Sight = tuple[Span, ...]
Given = Sequence[tuple[Tensor, Sight]]  # the inputs that depend on the image, each with what it sees
# (given, first output, *args, **kwargs) -> the sight of every output, or a list of one for each
Rule = Callable[..., "Sight | list[Sight]"]


def of_image(image: Tensor) -> Sight:
    """The pixels of an image (n, c, ...) see themselves."""
    return tuple(Span.pixels(size, dim) for dim, size in enumerate(image.shape) if dim > 1)


def all_of(given: Given) -> Sight:
    """Every unit sees all that any unit of the inputs sees."""
    return tuple(whole(spans) for spans in zip(*(sight for _, sight in given), strict=True))


def merged(sights: Sequence[Sight]) -> Sight:
    """Each unit sees what the units at its place in any of the tensors see."""
    return tuple(joined(spans) for spans in zip(*sights, strict=True))


def along(sight: Sight, dims: Sequence[int], change: Callable[[Span, int], Span]) -> Sight:
    """The sight with the spans that lie along one of `dims` changed."""
    return tuple(span if span.dim is None or span.dim not in dims else change(span, span.dim) for span in sight)


def moved(tensor: Tensor, sight: Sight, dims: Sequence[int], change: Callable[[Span, int], Span]) -> Sight:
    """As `along`, for changes that need the dimension to themselves; where axes share it all of it is seen."""

    def own(span: Span, dim: int) -> Span:
        single = alone(span, tensor.shape[dim])
        return whole([span]) if single is None else change(single, dim)

    return along(sight, dims, own)


def alone(span: Span, size: int) -> Span | None:
    """The span with its dimension of `size` to itself, each unit repeated if need be; None where axes share it."""
    if span.inner * span.length != size:
        return None
    return span if span.inner == 1 else replace(repeated(span, span.inner), inner=1)


def renumbered(sight: Sight, places: Sequence[int | None]) -> Sight:
    """The sight after dimension d has become dimension `places[d]`; None where it is gone."""

    def change(span: Span, dim: int) -> Span:
        place = places[dim]
        return whole([span]) if place is None else span if place == dim else replace(span, dim=place)

    return along(sight, range(len(places)), change)


def is_map(sight: Sight, shape: Sequence[int]) -> bool:
    """Whether the units still stand in rows and columns: each axis that is left has a dimension to itself."""
    spans = [span for span in sight if span.dim is not None]
    return bool(spans) and all(span.length == shape[span.dim or 0] and span.inner == 1 for span in spans)


def positive(dims: Any, rank: int) -> list[int]:
    """Dimensions counted from the front; None and [] mean all of them."""
    if dims is None or dims == [] or dims == ():
        return list(range(rank))
    return [dim % rank for dim in (dims if isinstance(dims, (list, tuple)) else [dims])]


def per_axis(value: Any, axes: int, default: Sequence[int] = ()) -> list[int]:
    """torch's int lists: one number for all axes, or one an axis; `default` where the list is empty."""
    numbers = list(value) if isinstance(value, (list, tuple)) else [value]
    numbers = numbers or list(default)
    return numbers * axes if len(numbers) == 1 else numbers
