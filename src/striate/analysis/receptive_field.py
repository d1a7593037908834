"""The arithmetic of receptive fields: what the units of a map see along one axis of the image. No torch.

Unit i of a map sees the pixels low..high of the image, and the pattern repeats: after `period` units it is the same,
`advance` pixels further on. A convolution without holes in its stride has period 1; behind an upsampling by s it is s,
since s kinds of units stand side by side. Pixels outside the image are counted as if the image went on, so that a view
is that of a unit far from the border, however small the image. What a whole map sees ends where the image does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import gcd, lcm

from striate.analysis.result import View

Interval = tuple[int, int]  # first and last pixel


@dataclass(frozen=True, slots=True)
class Span:
    """What the units along one dimension of a tensor see along one axis of the image.

    `ends`: (low, high) of the units of one period, None for a unit that sees nothing. `real`: what each of the units
    that there are sees of the image that there is, without padding. `fixed`: the pixels that every unit sees, after
    something that looks at the whole map. `dim`: the dimension of the tensor along which the units stand, None where
    nothing of this axis is left; where several axes share it, a unit stands `inner` elements after the one before.
    """

    ends: tuple[Interval | None, ...]
    advance: int
    real: tuple[Interval | None, ...]
    fixed: Interval | None = None
    dim: int | None = None
    inner: int = 1

    @classmethod
    def pixels(cls, n: int, dim: int = 0) -> Span:
        """The pixels of an image themselves, `n` along this axis."""
        return cls(((0, 0),), 1, tuple((pixel, pixel) for pixel in range(n)), dim=dim)

    @property
    def length(self) -> int:
        """How many units there are."""
        return len(self.real)

    def at(self, unit: int) -> Interval | None:
        """The pixels that unit `unit` sees, leaving out `fixed`."""
        if len(self.ends) == 1:
            turn, end = unit, self.ends[0]
        else:
            turn, phase = divmod(unit, len(self.ends))
            end = self.ends[phase]
        return None if end is None else (end[0] + turn * self.advance, end[1] + turn * self.advance)

    def everywhere(self) -> Interval | None:
        """The pixels that any of its units sees."""
        return hull([self.fixed, *self.real])


def hull(intervals: Iterable[Interval | None]) -> Interval | None:
    """The smallest interval that holds all of them.

    >>> hull([(0, 2), None, (5, 6)])
    (0, 6)
    """
    some = [interval for interval in intervals if interval is not None]
    return (min(low for low, _ in some), max(high for _, high in some)) if some else None


def through(span: Span, taps: Callable[[int], Sequence[int]], length: int, *, every: int = 1, over: int = 1) -> Span:
    """The span behind an operation of which output unit j looks at the input units `taps(j)`.

    `every` outputs on, it looks `over` input units further on; `length`: the number of outputs.

    >>> through(Span.pixels(8), lambda j: range(2 * j - 1, 2 * j + 2), 4, over=2).ends  # 3x3, stride 2, padding 1
    ((-1, 1),)
    """
    turns = len(span.ends) // gcd(len(span.ends), over)
    period, advance = every * turns, span.advance * over * turns // len(span.ends)
    if period > length > 0:  # the map is shorter than its pattern
        period, advance = length, round(advance * length / period)
    ends = tuple(hull(span.at(tap) for tap in _outer(taps(unit), span)) for unit in range(period))
    inside = range(span.length)
    real = tuple(hull(span.real[tap] for tap in taps(unit) if tap in inside) for unit in range(length))
    return replace(span, ends=ends, advance=advance, real=real)


def _outer(taps: Sequence[int], span: Span) -> Sequence[int]:
    return (taps[0], taps[-1]) if len(span.ends) == 1 and len(taps) > 2 else taps


def windowed(span: Span, length: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Span:
    """Behind a convolution or pool."""
    if (length, kernel, stride, padding) == (span.length, 1, 1, 0):
        return span
    extent = dilation * (kernel - 1) + 1
    return through(
        span, lambda j: range(j * stride - padding, j * stride - padding + extent, dilation), length, over=stride
    )


def transposed(span: Span, length: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Span:
    """Behind a transposed convolution: input i goes to the outputs i·stride − padding + k·dilation."""

    def taps(j: int) -> list[int]:
        reached = [j + padding - k * dilation for k in reversed(range(kernel))]
        return [r // stride for r in reached if r % stride == 0]

    return through(span, taps, length, every=stride)


def adapted(span: Span, length: int) -> Span:
    """Behind an adaptive pool: output j looks at floor(j·n/m) up to ceil((j+1)·n/m), of n inputs and m outputs."""
    n, m = span.length, length
    common = gcd(n, m)
    return through(span, lambda j: range(j * n // m, -(-(j + 1) * n // m)), m, every=m // common, over=n // common)


def shifted(span: Span, length: int, by: int, step: int = 1) -> Span:
    """Behind a slice: output j is input by + j·step. Padding of p is by = −p."""
    if by == 0 and step == 1 and length == span.length:
        return span
    return through(span, lambda j: (by + j * step,), length, over=step)


def repeated(span: Span, times: int) -> Span:
    """Behind an upsampling in which each unit stands `times` times."""
    return through(span, lambda j: (j // times,), span.length * times, every=times)


def whole(spans: Iterable[Span]) -> Span:
    """Behind something of which every unit sees all of these units: no dimension goes with the axis any more."""
    return at_once(hull(span.everywhere() for span in spans))


def at_once(seen: Interval | None) -> Span:
    """The span of units that all see the same, wherever they are."""
    return Span((None,), 0, (), fixed=seen)


def rolled(span: Span, by: int) -> Span:
    """Behind a roll: what leaves at one end comes in at the other, which for the views is beyond the border."""
    turned = [*span.real[-by % span.length :], *span.real[: -by % span.length]]
    return replace(shifted(span, span.length, -by), real=tuple(turned))


def mixed(span: Span) -> Span:
    """Behind something that mixes all units but keeps their places, as a norm over the map does."""
    return replace(span, fixed=span.everywhere())


def joined(spans: Sequence[Span]) -> Span:
    """Behind something that reads several tensors unit by unit: each unit sees what any of them sees there."""
    first = next((span for span in spans if span.dim is not None), spans[0])
    for other in spans:
        if other is not first:
            first = _pair(first, other)
    return first


def _pair(span: Span, other: Span) -> Span:
    if other.dim is None or (other.dim, other.inner, other.length) != (span.dim, span.inner, span.length):
        return replace(span, fixed=hull([span.fixed, other.everywhere()]))
    if span.real is not other.real:
        span = replace(span, real=tuple(map(hull, zip(span.real, other.real, strict=True))))
    span = replace(span, fixed=hull([span.fixed, other.fixed]))
    if (span.ends, span.advance) == (other.ends, other.advance):
        return span
    period = lcm(len(span.ends), len(other.ends))
    advance = span.advance * period // len(span.ends)
    if advance * len(other.ends) != other.advance * period:  # their strides differ: every unit is a case of its own
        period, advance = span.length, round(span.advance * span.length / len(span.ends))
    ends = tuple(hull([span.at(unit), other.at(unit)]) for unit in range(period))
    return replace(span, ends=ends, advance=advance)


def view(spans: Sequence[Span]) -> View:
    """What people are told of the spans of one tensor."""
    return View(*(tuple(column) for column in zip(*map(_axis, spans), strict=True)))


def _axis(span: Span) -> tuple[int, float, float]:
    """(size, stride, start) along one axis. Where every unit sees the same pixels, views end at the border."""
    stride = span.advance / len(span.ends)
    if span.fixed is not None:
        first, centre = (hull([span.fixed, *span.real[unit : unit + 1]]) for unit in (0, span.length // 2))
        return _size(centre), _number(stride), _middle(first)
    seen = [end for end in span.ends if end is not None]
    return max(map(_size, seen), default=0), _number(stride), _middle(seen[0] if seen else None)


def _size(interval: Interval | None) -> int:
    return interval[1] - interval[0] + 1 if interval else 0


def _middle(interval: Interval | None) -> float:
    return _number((interval[0] + interval[1]) / 2) if interval else 0


def _number(value: float) -> float:
    """2.0 as 2: what most strides and many centres are."""
    return int(value) if value == int(value) else value
