"""Numbers and pictures as they stand on a sheet: Pillow images, in the colours of `colours`, and scales that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from striate.explain.canvas import Canvas, figure, text_width
from striate.explain.colours import STEPS, ramp

MARGIN = 32  # pixels around a sheet
TITLE, WORDS, SMALL = 24, 15, 13  # sizes of text
HEAD = 96  # pixels above the first row: the title and a line of words
ELLIPSIS = "..."


@dataclass(frozen=True)
class Scale:
    """What colours stand for. `signed`: -`top`, 0, `top` as orange, paper, blue; else 0 to `top`, light to dark."""

    top: float
    signed: bool

    @classmethod
    def of(cls, values: Tensor) -> Scale:
        """The scale that shows all of `values`."""
        finite = values.detach().float()[values.isfinite()]
        least, most = (float(v) for v in finite.aminmax()) if finite.numel() else (0.0, 0.0)
        return cls(max(-least, most, 1e-12), least < 0)

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        return ramp("light", "signed" if self.signed else "strength")

    def __call__(self, values: Tensor) -> Image.Image:
        """(h, w) numbers as a picture of as many pixels; what is not a number is as 0."""
        share = torch.nan_to_num(values.detach().float().cpu(), 0, self.top, -self.top) / self.top
        share = share / 2 + 0.5 if self.signed else share
        steps = (share.clamp(0, 1) * (STEPS - 1)).round().long()
        pixels = torch.tensor(self.colours, dtype=torch.uint8)[steps]
        return Image.fromarray(pixels.contiguous().numpy())

    def draw(self, canvas: Canvas, right: float, y: float, width: float = 150) -> None:
        """The scale itself with its numbers, its right end at `right` and its middle at the height `y`."""
        low, high = figure(-self.top if self.signed else 0.0), figure(self.top)
        canvas.text((right, y), high, SMALL, canvas.palette.soft, anchor="r")
        end = right - text_width(high, SMALL) - 8
        strip = Image.new("RGB", (STEPS, 1))
        strip.putdata(self.colours)
        canvas.paste(strip, (end - width, y - 6, width, 12))
        canvas.box((end - width, y - 6, width, 12), None, canvas.palette.line)
        canvas.text((end - width - 8, y), low, SMALL, canvas.palette.soft, anchor="r")


def headed(width: float, height: float, title: str, words: Sequence[str] = ()) -> tuple[Canvas, float]:
    """A sheet with its title and a line of words for each of `words`; the first row starts at `below(words)`.

    Gives the sheet and its width, which is more than `width` where the words need it.
    """
    needed = max([text_width(title, TITLE) * 1.03, *(text_width(line, WORDS) for line in words)], default=0)
    width = max(width, needed + 2 * MARGIN)
    canvas = Canvas(width, height)
    canvas.text((MARGIN, MARGIN + TITLE / 2), title, TITLE, canvas.palette.ink, bold=True)
    for number, line in enumerate(words):
        canvas.text((MARGIN, MARGIN + TITLE + 22 + 22 * number), line, WORDS, canvas.palette.soft)
    return canvas, width


def below(words: Sequence[str] = ()) -> float:
    """Where the first row under such a head starts."""
    return MARGIN + TITLE + 22 * len(words) + 28


def photograph(picture: Tensor) -> Image.Image:
    """(c, h, w) of 1 or 3 channels, uint8 or floats in 0..1, as a Pillow image; of other channels the mean, in grey."""
    pixels = picture.detach().cpu()
    if pixels.dtype is not torch.uint8:
        pixels = (pixels.float().clamp(0, 1) * 255).round().byte()
    if pixels.shape[0] not in (1, 3):
        pixels = pixels.float().mean(0, keepdim=True).round().byte()
    plain = pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)
    return Image.fromarray(plain.contiguous().numpy()).convert("RGB")


def plane(values: Tensor) -> Tensor:
    """One map of any number of axes as (h, w): a vector is a row, of a volume it is the middle slice."""
    while values.ndim > 2:
        values = values[len(values) // 2]
    return values if values.ndim == 2 else values.reshape(1, -1)


def shortened(text: str, width: float, size: float = SMALL) -> str:
    """`text`, its middle left out where it is wider than `width` pixels.

    >>> shortened("features.denseblock3.denselayer12.norm2", 150)
    'features.d...12.norm2'
    """
    if text_width(text, size) <= width:
        return text
    cut = (text[: (kept + 1) // 2] + ELLIPSIS + text[len(text) - kept // 2 :] for kept in range(len(text), 1, -1))
    return next((short for short in cut if text_width(short, size) <= width), ELLIPSIS)


def fitted(size: tuple[int, int], width: float, height: float) -> tuple[float, float]:
    """(width, height) of the largest picture of the form of `size` (w, h) that lies within."""
    scale = min(width / size[0], height / size[1])
    return size[0] * scale, size[1] * scale
