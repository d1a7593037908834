"""Pixels of every kind made 8-bit grey or RGB, by the rules of docs/pixels.md: nothing is clipped or cut.

Each function takes numpy arrays (h, w) or (h, w, c) and gives uint8; the conversions go by a few rows at once, so that
a large picture takes little more memory than its pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Pixels = NDArray[np.uint8]

AT_ONCE = 2**20  # values


@dataclass
class Read:
    """What a decoder gives: (h, w, c) uint8 as stored, the mode it was stored in (Pillow's name), and notes in words.

    `turn`: the EXIF orientation that is still to be applied; `turned`: the one that the decoder has applied by itself.
    `profile`: the ICC profile, or its beginning.
    """

    pixels: Pixels
    mode: str
    turn: int = 1
    turned: int = 1
    profile: bytes = field(default=b"", repr=False)
    notes: list[str] = field(default_factory=list)


def from_16_bits(values: Array, most: int = 65535) -> Pixels:
    """value · 255 / `most`, rounded.

    >>> from_16_bits(np.array([[0, 128, 129, 65535]], np.uint16)).tolist()
    [[0, 0, 1, 255]]
    """
    return _by_rows(lambda some: (some.astype(np.uint32) * 255 + most // 2) // most, values)


def over_white(values: Array) -> Pixels:
    """Colours of 8 or 16 bits, white where the last channel of (h, w, c), their alpha, lets it through.

    >>> over_white(np.array([[[10, 255], [10, 0], [0, 51]]], np.uint8)).ravel().tolist()
    [10, 255, 204]
    """
    full = np.iinfo(values.dtype).max
    scale = full * full // 255

    def laid(some: Array) -> Array:
        part, through = some[..., :-1].astype(np.uint64), some[..., -1:].astype(np.uint64)
        return (part * through + full * (full - through) + scale // 2) // scale

    return _by_rows(laid, values)


def through_key(values: Array, key: tuple[int, ...]) -> Array:
    """The same (h, w, c) with white where all channels have the values of `key`."""
    made = values.copy()
    made[(values == np.array(key, values.dtype)).all(2)] = np.iinfo(values.dtype).max
    return made


def from_whole_numbers(values: Array) -> Pixels:
    """Whole numbers, where all lie in 0..255. Raises `ValueError`, which says what they are."""
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest > 255:
        raise ValueError(f"whole-number pixels from {lowest} to {highest}, which is not 0..255")
    return values.astype(np.uint8)


def from_floating_point(values: Array) -> Pixels:
    """Numbers of 0..1 times 255, rounded; else whole numbers of 0..255. Raises `ValueError`, which says what they are.

    >>> from_floating_point(np.array([[0, 0.5, 1]])).tolist()
    [[0, 128, 255]]
    """
    lowest, highest = float(values.min()), float(values.max())
    if not (lowest >= 0 and highest <= 255):  # so that NaN is refused too
        raise ValueError(f"floating-point pixels from {lowest:g} to {highest:g}, which is not 0..1 or 0..255")
    if highest <= 1:
        return _by_rows(lambda some: np.rint(some * 255), values)
    if not np.array_equal(np.rint(values), values):
        raise ValueError(f"floating-point pixels up to {highest:g} with fractions, which is not 0..1")
    return values.astype(np.uint8)


def _by_rows(change: Callable[[Array], Array], values: Array) -> Pixels:
    made: Pixels | None = None
    rows = max(1, AT_ONCE // max(1, values[0].size))
    for start in range(0, len(values), rows):
        some = change(values[start : start + rows])
        if made is None:
            made = np.empty((len(values), *some.shape[1:]), np.uint8)
        made[start : start + rows] = some
    return np.empty(values.shape, np.uint8) if made is None else made
