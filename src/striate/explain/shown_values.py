"""Numbers made a picture by a rule that is said: nothing is cut off silently.

auto     what lies in 0..255 as it is, if it was made of pixels; else "clip" if the kernel keeps the brightness (its
         numbers sum to 1), "signed" if there are negative numbers, "scaled" if not
clip     below 0 is black, above 255 white, and how many of the numbers that are is said
signed   0 is mid-grey, the largest magnitude black or white
scaled   the least number is black (0, if none is negative), the largest white
"""

from __future__ import annotations

from math import isclose

import torch
from torch import Tensor

from striate.explain.canvas import figure

VALUES = ("auto", "clip", "signed", "scaled")
GREY = 128


def as_pixels(
    numbers: Tensor, values: str = "auto", *, sum_of_kernel: float | None = None, of_pixels: bool = True
) -> tuple[Tensor, str]:
    """`numbers` as uint8 of the same shape, and the rule by which, in a sentence.

    `of_pixels`: whether they were made of numbers 0..255; of others the range says nothing.

    >>> pixels, rule = as_pixels(torch.tensor([-10.0, 0.0, 5.0]))
    >>> pixels.tolist(), rule
    ([1, 128, 192], '0 is mid-grey; −10 is black, 10 white')
    """
    least, most = (float(value) for value in numbers.aminmax())
    fits = of_pixels and least > -0.5 and most < 255.5
    if values == "auto" and fits:
        return _whole(numbers), f"{figure(least)} to {figure(most)}, as they are"
    if values == "auto":
        keeps = of_pixels and sum_of_kernel is not None and isclose(sum_of_kernel, 1, abs_tol=1e-6)
        values = "clip" if keeps else "signed" if least < 0 else "scaled"
    if values == "clip":
        out = int(((numbers < -0.5) | (numbers >= 255.5)).count_nonzero()) / numbers.numel()
        return _whole(
            numbers
        ), f"{figure(least)} to {figure(most)}; {100 * out:.2g} % lie outside 0 to 255 and are cut off"
    if values == "signed":
        peak = max(-least, most) or 1.0
        return _whole(
            numbers.mul(127 / peak).add_(GREY)
        ), f"0 is mid-grey; {figure(-peak)} is black, {figure(peak)} white"
    floor = min(least, 0.0)
    return (
        _whole(numbers.sub(floor).mul_(255 / ((most - floor) or 1.0))),
        f"{figure(floor)} is black, {figure(most)} white",
    )


def _whole(numbers: Tensor) -> Tensor:
    return numbers.round().clamp_(0, 255).to(torch.uint8)
