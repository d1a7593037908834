"""What the pictures of this room are drawn on: text, boxes and tables of numbers in the colours of a palette.

All sizes are pixels of the finished picture; everything is drawn twice as large and scaled down, so edges are smooth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from math import isclose

from PIL import Image, ImageDraw, ImageFont

from striate.palette import LIGHT, Palette

ZOOM = 2
SIGNS = "−×→"  # not in the font that Pillow brings along; drawn as lines
BOLD = 0.018  # of the size: by how much bold letters are thicker


class Canvas:
    """A sheet of `width` x `height` pixels to draw on."""

    def __init__(self, width: float, height: float, palette: Palette = LIGHT):
        self.palette = palette
        self._image = Image.new("RGB", (round(width * ZOOM), round(height * ZOOM)), palette.paper)
        self._draw = ImageDraw.Draw(self._image)

    def finished(self) -> Image.Image:
        """The picture."""
        return self._image.reduce(ZOOM)

    def text(
        self, at: tuple[float, float], text: str, size: float, colour: str, *, anchor: str = "l", bold: bool = False
    ) -> None:
        """One line of text, its middle at the height of `at`; it starts (l), has its middle (m) or ends (r) there."""
        x, y = at[0] * ZOOM, at[1] * ZOOM
        x -= text_width(text, size) * ZOOM * {"l": 0.0, "m": 0.5, "r": 1.0}[anchor]
        baseline = y + 0.35 * size * ZOOM
        for run in _runs(text):
            if run in SIGNS:
                self._sign(run, x, baseline, size * ZOOM, colour, bold)
            else:
                stroke = BOLD * size * ZOOM if bold else 0
                self._draw.text((x, baseline), run, colour, _font(size * ZOOM), anchor="ls", stroke_width=stroke)
            x += _run_width(run, size * ZOOM)

    def _sign(self, sign: str, x: float, baseline: float, size: float, colour: str, bold: bool) -> None:
        width, pen = _run_width(sign, size), max(2, round(size * (0.07 + BOLD * bold)))
        middle, y, arm = x + width / 2, baseline - 0.31 * size, 0.2 * size
        lines = {
            "−": [((x + 0.07 * size, y), (x + width - 0.07 * size, y))],
            "×": [
                ((middle - arm, y - arm), (middle + arm, y + arm)),
                ((middle - arm, y + arm), (middle + arm, y - arm)),
            ],
            "→": [
                ((x + 0.08 * size, y), (x + width - 0.08 * size, y)),
                ((x + width - 0.1 * size, y), (x + width - 0.32 * size, y - 0.2 * size)),
                ((x + width - 0.1 * size, y), (x + width - 0.32 * size, y + 0.2 * size)),
            ],
        }
        for start, end in lines[sign]:
            self._draw.line([start, end], colour, pen)

    def box(self, box: tuple[float, float, float, float], fill: str | None, edge: str | None, pen: float = 1) -> None:
        """A rectangle (x, y, width, height); the edge, `pen` pixels wide, lies half outside."""
        x, y, width, height = (side * ZOOM for side in box)
        half = pen * ZOOM / 2 if edge else 0
        corners = (round(x - half), round(y - half), round(x + width + half) - 1, round(y + height + half) - 1)
        self._draw.rectangle(corners, fill, edge, round(pen * ZOOM) if edge else 0)

    def line(self, points: Sequence[tuple[float, float]], colour: str, pen: float = 1) -> None:
        """A line through `points`."""
        self._draw.line([(x * ZOOM, y * ZOOM) for x, y in points], colour, round(pen * ZOOM), joint="curve")

    def paste(self, picture: Image.Image, box: tuple[float, float, float, float]) -> None:
        """`picture` scaled into the box (x, y, width, height): pixels stay squares where it is enlarged."""
        x, y, width, height = (round(side * ZOOM) for side in box)
        enlarged = width >= picture.width
        scaled = picture.resize((width, height), Image.Resampling.NEAREST if enlarged else Image.Resampling.LANCZOS)
        self._image.paste(scaled, (x, y))


@cache
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _runs(text: str) -> list[str]:
    return [run for run in re.split(f"([{SIGNS}])", text) if run]


def _run_width(run: str, size: float) -> float:
    return {"−": 0.6, "×": 0.6, "→": 1.0}.get(run, 0) * size or _font(size).getlength(run)


def text_width(text: str, size: float) -> float:
    """Pixels that one line of text takes."""
    return sum(_run_width(run, size * ZOOM) for run in _runs(text)) / ZOOM


def fitting_size(texts: Sequence[str], width: float, most: float) -> float:
    """The largest size, at most `most`, at which each of `texts` is no wider than `width`."""
    widest = max((text_width(text, 100) for text in texts), default=0)
    return min(most, 100 * width / widest) if widest else most


def figure(value: float) -> str:
    """A number as it stands in a cell: whole, or with two decimals.

    >>> figure(-3.0), figure(2.5), figure(1 / 3), figure(0.0004)
    ('−3', '2.5', '0.33', '4e−4')
    """
    if isclose(value, round(value), abs_tol=1e-9) and abs(value) < 1e6:
        text = f"{round(value)}"
    elif 0.005 <= abs(value) < 1e6:
        text = f"{value:.2f}".rstrip("0").rstrip(".")
    else:
        text = re.sub(r"e([+-])0*", r"e\1", f"{value:.0e}").replace("e+", "e")
    return text.replace("-", "−")


def mixed(one: str, other: str, share: float) -> str:
    """The colour `share` of the way from `one` to `other`, both as #rrggbb.

    >>> mixed("#000000", "#ff8000", 0.5)
    '#804000'
    """
    pairs = ((int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share + 1e-9):02x}" for a, b in pairs)
