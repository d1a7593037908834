"""Kernels by name, and kernels as text.

The numbers are those of the lectures: gaussian_5x5, vertical_edge and horizontal_edge of deck 003, gaussian, sharpen
and edge_detection of deck 004 (in which 8/−1 is the edge detector). Sobel: Sobel and Feldman 1968, as in Gonzalez and
Woods, "Digital Image Processing". Emboss: as in GIMP's manual of its convolution matrix.

They are written as lectures draw them, for cross-correlation. A convolution turns them by 180 degrees, which changes
the sign of vertical_edge, horizontal_edge and Sobel, the light of emboss, and nothing else here.

The Gabor bank: 7x7 numbers, exp(−(u² + γ²v²)/2σ²) · cos(2πu/λ), u across and v along the stripes, wavelength λ = 4
pixels, σ = 2 pixels, aspect γ = 0.5, phase 0, at 0, 45, 90 and 135 degrees (Daugman 1985; of the angle by which u is
turned from the x axis towards the bottom of the picture, so gabor_0 has upright stripes). From each its mean is taken
away, so that an even grey answers 0, and its magnitudes are made to sum to 1.
"""

from __future__ import annotations

import json
from math import cos, exp, pi, radians, sin
from typing import Any

import torch
from torch import Tensor

from striate.errors import ConfigError, UnknownName
from striate.registry import nearest, plain

NUMBERS: dict[str, tuple[int, list[list[int]]]] = {  # divisor, numbers
    "identity": (1, [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "box": (9, [[1, 1, 1], [1, 1, 1], [1, 1, 1]]),
    "gaussian": (16, [[1, 2, 1], [2, 4, 2], [1, 2, 1]]),
    "gaussian_5x5": (
        256,
        [[1, 4, 6, 4, 1], [4, 16, 24, 16, 4], [6, 24, 36, 24, 6], [4, 16, 24, 16, 4], [1, 4, 6, 4, 1]],
    ),
    "sharpen": (1, [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "edge_detection": (1, [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "vertical_edge": (1, [[1, 0, -1], [1, 0, -1], [1, 0, -1]]),
    "horizontal_edge": (1, [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]),
    "sobel_x": (1, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "sobel_y": (1, [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "emboss": (1, [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
}
LINES: dict[str, tuple[int, list[int]]] = {  # those that are the product of one line along each axis
    "identity": (1, [0, 1, 0]),
    "box": (3, [1, 1, 1]),
    "gaussian": (4, [1, 2, 1]),
    "gaussian_5x5": (16, [1, 4, 6, 4, 1]),
}
GABOR = {"gabor_0": 0, "gabor_45": 45, "gabor_90": 90, "gabor_135": 135}  # degrees
ALSO = {
    "box_3x3": "box",
    "box_blur": "box",
    "blur": "gaussian",
    "gaussian_3x3": "gaussian",
    "gaussian_blur": "gaussian",
    "gaussian_blur_5x5": "gaussian_5x5",
    "edge": "edge_detection",
}
NAMES = (*NUMBERS, *GABOR)
MOST_TEXT = 1_000_000  # characters of a kernel


def read_kernel(text: str, dimensions: int = 2) -> Tensor:
    """The kernel that `text` names or, as JSON, writes out: float64, in `dimensions` axes if it is a name.

    Raises `UnknownName` with the nearest names, `ConfigError` for text that is not numbers in rows of one length.

    >>> read_kernel("[[1, 0, -1]]").tolist()
    [[1.0, 0.0, -1.0]]
    """
    if text.lstrip().startswith(("[", "{")) or not any(letter.isalpha() for letter in text):
        return _written(text)
    return named_kernel(text, dimensions)


def full_name(text: str) -> str | None:
    """The name in `NAMES` that `text` means, None if it means none.

    >>> full_name("Sobel X")
    'sobel_x'
    """
    known = {plain(name): name for name in NAMES} | {plain(name): meant for name, meant in ALSO.items()}
    return known.get(plain(text))


def named_kernel(name: str, dimensions: int = 2) -> Tensor:
    """The kernel called `name`, float64; in 1 or 3 dimensions there are those that no direction is chosen by.

    >>> named_kernel("gaussian", 1).tolist()
    [0.25, 0.5, 0.25]
    """
    known = full_name(name)
    if known is None:
        close = nearest(name, [*NAMES, *ALSO])
        hint = f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(NAMES)}."
        raise UnknownName(f"there is no kernel called '{name}'. {hint}")
    if known in GABOR and dimensions == 2:
        return gabor(GABOR[known])
    if dimensions == 2:
        divisor, numbers = NUMBERS[known]
        return torch.tensor(numbers, dtype=torch.float64).div(divisor)
    if known == "edge_detection":  # 8/−1, in any dimensions: the middle against all that surrounds it
        return (named_kernel("identity", dimensions) - named_kernel("box", dimensions)).mul(3**dimensions)
    if known not in LINES:
        there = ", ".join([*LINES, "edge_detection"])
        raise ConfigError(
            f"kernel {known} is 2-D, here it would have to be {dimensions}-D. Take {there}, or write its numbers."
        )
    divisor, line = LINES[known]
    numbers_1d = torch.tensor(line, dtype=torch.float64)
    product = numbers_1d
    for _ in range(dimensions - 1):
        product = product[..., None] * numbers_1d
    return product.div(divisor**dimensions)


def gabor(degrees: float, *, size: int = 7, wavelength: float = 4.0, sigma: float = 2.0, aspect: float = 0.5) -> Tensor:
    """A Gabor kernel (size, size), float64, of mean 0, its magnitudes summing to 1; the formula stands at the top.

    `wavelength`, `sigma`: pixels.
    """
    turn, middle = radians(degrees), (size - 1) / 2
    rows: list[list[float]] = []
    for y in range(size):
        rows.append([])
        for x in range(size):
            u = (x - middle) * cos(turn) + (y - middle) * sin(turn)
            v = (y - middle) * cos(turn) - (x - middle) * sin(turn)
            rows[-1].append(exp(-(u**2 + (aspect * v) ** 2) / (2 * sigma**2)) * cos(2 * pi * u / wavelength))
    found = torch.tensor(rows, dtype=torch.float64)
    found -= found.mean()
    return found / found.abs().sum()


def _written(text: str) -> Tensor:
    """The numbers of JSON text such as [[1, 0, -1], [2, 0, -2]]."""
    if len(text) > MOST_TEXT:
        raise ConfigError(f"the kernel is {len(text):,} characters long, more than {MOST_TEXT:,}. Take a smaller one.")
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError(
            f"the kernel {_short(text)} is neither a name nor numbers. Write it as [[1, 0, -1], [2, 0, -2]]."
        ) from None
    shape = _shape(read, text)
    if not 1 <= len(shape) <= 3:
        raise ConfigError(f"the kernel {_short(text)} needs one to three axes, as [[1, 0, -1], [2, 0, -2]].")
    try:
        found = torch.tensor(read, dtype=torch.float64)
    except (OverflowError, RuntimeError):  # whole numbers beyond those of floating point
        found = torch.full((1,), float("inf"))
    if not found.isfinite().all():
        raise ConfigError(f"the kernel {_short(text)} has a number that is not finite. Give finite ones.")
    return found


def _shape(read: Any, text: str) -> tuple[int, ...]:
    """The sizes of nested lists; `ConfigError` where they are ragged, empty or hold what is no number."""
    if not isinstance(read, list):
        if isinstance(read, bool) or not isinstance(read, int | float):
            raise ConfigError(f"the kernel {_short(text)} holds {_short(json.dumps(read))}, which is not a number.")
        return ()
    if not read:
        raise ConfigError(f"the kernel {_short(text)} has an empty row. Write it as [[1, 0, -1], [2, 0, -2]].")
    inner = [_shape(row, text) for row in read]
    for number, shape in enumerate(inner):
        if shape != inner[0]:
            first, other = ("×".join(map(str, s)) if s else "no row" for s in (inner[0], shape))
            raise ConfigError(
                f"the kernel {_short(text)} is ragged: row 1 is {first}, row {number + 1} {other}. Make them equal."
            )
    return (len(read), *inner[0])


def _short(text: str) -> str:
    said = text if text.isprintable() else ascii(text)[1:-1]
    return said if len(said) <= 60 else f"{said[:57]}..."
