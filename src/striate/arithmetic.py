"""The arithmetic of the lectures in whole numbers: output sizes, what does not fit, padding, counts. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod


def output_fraction(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Fraction:
    """(N + P − D(K−1) − 1)/S + 1 along one axis, exactly; `padding` is the total of both sides.

    >>> output_fraction(7, 3, 3)
    Fraction(7, 3)
    """
    return Fraction(size + padding - dilation * (kernel - 1) - 1, stride) + 1


def output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, *, ceil: bool = False
) -> int:
    """Windows along one axis of `size` pixels, `padding` pixels in all; a remainder is cut off (or, `ceil`, looked at).

    As torch does, a window that would start beyond the picture in `ceil` mode does not count; `padding` is then taken
    as half before and half after.

    >>> output_size(32, 5, padding=4), output_size(7, 3, 3), output_size(112, 3, 2, ceil=True)
    (32, 2, 56)
    """
    exact = output_fraction(size, kernel, stride, padding, dilation)
    if not ceil:
        return exact.numerator // exact.denominator
    windows = -(-exact.numerator // exact.denominator)
    return windows - ((windows - 1) * stride >= size + padding // 2)


def transposed_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> int:
    """(N−1)S − P + D(K−1) + 1 + O: what a transposed convolution gives; `padding` is the total of both sides.

    >>> transposed_size(7, 4, 2, padding=2)
    14
    """
    return (size - 1) * stride - padding + dilation * (kernel - 1) + 1 + output_padding


def never_seen(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Pixels at the end of the (padded) axis that no window reaches.

    >>> never_seen(7, 3, 3), never_seen(7, 3, 2)
    (1, 0)
    """
    return max(0, size + padding - dilation * (kernel - 1) - 1) % stride


def same_padding(kernel: int, dilation: int = 1, *, upper: bool = False) -> tuple[int, int]:
    """(before, after) that keeps the size at stride 1; an even kernel needs one more after, or, `upper`, before.

    >>> same_padding(5), same_padding(2), same_padding(2, upper=True)
    ((2, 2), (0, 1), (1, 0))
    """
    total = dilation * (kernel - 1)
    small, large = total // 2, total - total // 2
    return (large, small) if upper else (small, large)


def same_total(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> int:
    """Pixels of padding, both sides together, with which an axis of N pixels gives ceil(N/stride).

    >>> same_total(224, 3, 2), same_total(165, 3, 2), same_total(5, 2)
    (1, 2, 1)
    """
    return max((-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)


def window_formula(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> str:
    """The output size written out with its numbers; `padding` is that of one side.

    >>> window_formula(7, 3, 3)
    '(7 + 2·0 − 3)/3 + 1 = 2.33'
    """
    exact = output_fraction(size, kernel, stride, 2 * padding, dilation)
    value = str(exact.numerator) if exact.denominator == 1 else f"{float(exact):.2f}"
    extent = str(kernel) if dilation == 1 else f"({dilation}·({kernel}−1) + 1)"
    return f"({size} + 2·{padding} − {extent})/{stride} + 1 = {value}".replace("= -", "= −")


def conv_parameters(kernel: Sequence[int], channels: int, out: int, *, groups: int = 1, bias: bool = True) -> int:
    """Weights and biases of a convolution: K·C/G·M + M.

    >>> conv_parameters((5, 5), 3, 6)
    456
    """
    return prod(kernel) * channels // groups * out + bias * out


def conv_multiply_adds(output: Sequence[int], kernel: Sequence[int], channels: int, *, groups: int = 1) -> int:
    """Multiply-adds of a convolution whose output is (maps, height, width); the border counts as if it were real.

    >>> conv_multiply_adds((64, 222, 222), (3, 3), 3)
    85162752
    """
    return prod(output) * prod(kernel) * channels // groups
