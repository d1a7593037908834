"""Convolution and cross-correlation of anything with any kernel, as scipy.signal defines them.

A convolution turns the kernel by 180 degrees before it is laid on (Goodfellow et al., "Deep Learning", 2016, section
9.1): (I * K)(i, j) = sum over m, n of I(i − m, j − n) K(m, n). What networks compute, and call by the same name, is the
cross-correlation: sum over m, n of I(i + m, j + n) K(m, n).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from striate.errors import ConfigError
from striate.explain.named_kernels import read_kernel
from striate.explain.operations import Operation


def convolve(
    picture: Any,
    kernel: Any,
    *,
    mode: str = "valid",
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    correlate: bool = False,
) -> Tensor:
    """`picture` convolved with `kernel`, in as many dimensions as the kernel has; `correlate` leaves it unturned.

    `picture`: a tensor, an array or lists of numbers. Its last axes are those of the kernel; what comes before, as the
    channels of (3, h, w), is convolved one by one. `kernel`: numbers of one to three axes, their text, or a name
    (`named_kernels.NAMES`) which is taken as 1-D, 2-D or 3-D for a picture of 1, 2 or 3, or 4 axes.
    `mode`: valid, same or full, as in scipy.signal, with zeros beyond the border. `padding`: zeros around the picture
    before that. `stride`, `padding`, `dilation`: a number, or one an axis. The type of the result is that of a
    floating-point picture, else float64. Raises `ConfigError`, or `UnknownName` for a kernel's name.

    >>> convolve([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]], correlate=True).tolist()
    [[19.0, 25.0], [37.0, 43.0]]
    """
    numbers = as_numbers(picture, "the picture")
    if isinstance(kernel, str):
        weights = read_kernel(kernel, {1: 1, 2: 2, 3: 2}.get(numbers.ndim, 3))
    else:
        weights = as_numbers(kernel, "the kernel")
    if not 1 <= weights.ndim <= 3 or weights.numel() == 0:
        raise ConfigError(f"the kernel has the shape {tuple(weights.shape)}; it needs numbers along one to three axes.")
    if weights.ndim > numbers.ndim:
        raise ConfigError(f"the kernel has {weights.ndim} axes, the picture {numbers.ndim}. Take a kernel with fewer.")
    if not weights.double().isfinite().all():
        raise ConfigError("the kernel has a number that is not finite. Give finite ones.")
    operation = Operation(
        "convolution", weights, mode, _axes(stride), _axes(padding), _axes(dilation), correlate=correlate
    )
    return operation(numbers)


def as_numbers(given: Any, what: str) -> Tensor:
    """`given` as a tensor of real numbers; truth values as 0 and 1. `ConfigError` names `what` it should have been."""
    try:
        found = given.detach() if isinstance(given, Tensor) else torch.from_numpy(np.array(given, order="C"))
    except (TypeError, ValueError):  # text, rows of different lengths
        raise ConfigError(f"{what} must be numbers in rows of one length.") from None
    if found.is_complex():
        raise ConfigError(f"{what} has complex numbers. Give the real or the imaginary part.")
    return found.byte() if found.dtype is torch.bool else found


def _axes(given: int | Sequence[int]) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else tuple(given)
