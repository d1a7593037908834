"""Colour ramps for maps of numbers, made in OKLab so that equal steps of a value are equal steps to the eye.

Lightness runs one way only (away from the middle in `signed`), so that they read without colour too; blue and orange,
never red and green. OKLab: A perceptual color space for image processing, Björn Ottosson, 2020.
"""

from __future__ import annotations

from functools import cache
from math import cos, pi, sin

SCHEMES = ("light", "dark")
STEPS = 65  # odd, so that `signed` has a middle; few enough that small pictures stay small

STOPS = {  # (lightness, chroma, hue in degrees) at equal distances
    ("light", "strength"): (
        (0.975, 0.006, 90), (0.86, 0.055, 205), (0.66, 0.1, 225), (0.45, 0.11, 250), (0.25, 0.075, 265),
    ),
    ("light", "signed"): (
        (0.5, 0.135, 48), (0.68, 0.135, 58), (0.84, 0.07, 68), (0.97, 0.006, 90),
        (0.82, 0.06, 235), (0.62, 0.115, 245), (0.42, 0.125, 255),
    ),
    ("dark", "strength"): (
        (0.23, 0.018, 260), (0.36, 0.075, 255), (0.54, 0.1, 235), (0.78, 0.085, 200), (0.97, 0.035, 105),
    ),
    ("dark", "signed"): (
        (0.83, 0.12, 70), (0.66, 0.13, 58), (0.44, 0.085, 52), (0.25, 0.012, 260),
        (0.44, 0.085, 250), (0.65, 0.115, 240), (0.85, 0.08, 220),
    ),
}  # fmt: skip


@cache
def ramp(scheme: str, name: str) -> tuple[tuple[int, int, int], ...]:
    """`STEPS` sRGB colours from low to high. `scheme`: "light" or "dark"; `name`: "strength" or "signed".

    `strength` starts at the colour of an empty page; `signed` runs from orange through empty to blue.

    >>> ramp("light", "signed")[32]
    (247, 245, 241)
    """
    stops = [_lab(*stop) for stop in STOPS[scheme, name]]
    colours = []
    for step in range(STEPS):
        place = step / (STEPS - 1) * (len(stops) - 1)
        below = min(len(stops) - 2, int(place))
        colours.append(_rgb(*(a + (b - a) * (place - below) for a, b in zip(*stops[below : below + 2], strict=True))))
    return tuple(colours)


def _lab(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    return lightness, chroma * cos(hue * pi / 180), chroma * sin(hue * pi / 180)


def _rgb(lightness: float, a: float, b: float) -> tuple[int, int, int]:
    """OKLab to sRGB bytes, colours outside its range clipped."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _gamma(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _gamma(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _gamma(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _gamma(linear: float) -> int:
    curved = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(255 * min(1.0, max(0.0, curved)))
