"""Where units look: a receptive field drawn on the picture, and the patches that excite a channel the most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from PIL import Image
from torch import Tensor

from striate.explain.canvas import Canvas, figure, text_width
from striate.explain.plates import MARGIN, SMALL, WORDS, below, fitted, headed, photograph, shortened

Box = tuple[int, int, int, int]  # top, left, bottom, right in pixels of the picture, the last two exclusive

SIDE = 560  # pixels of the picture's longer side
CLOSE = 240  # pixels of the field's longer side, enlarged
GAP = 28
PATCH, APART, CAPTION = 132, 16, 40
COLUMNS = 6
VEIL = 0.55  # of the paper's colour over what the unit does not see


@dataclass(frozen=True)
class Exciting:
    """A patch (c, h, w) that excites a channel, how much, and what it is cut from."""

    patch: Tensor
    value: float
    source: str


def field_sheet(picture: Tensor, box: Box, layer: str, unit: Sequence[int], *, size: Sequence[int] = ()) -> Image.Image:
    """`picture` (c, h, w) with the receptive field `box` of one unit bright and the rest pale, and the field enlarged.

    `unit`: (channel, row, column) of the layer; `size`: (height, width) of the whole field in theory, which is larger
    than `box` where it reaches over the border, into the padding. Parts of `box` outside the picture are cut off.
    """
    height, width = picture.shape[1:]
    top, left = max(0, box[0]), max(0, box[1])
    bottom, right = min(height, box[2]), min(width, box[3])
    image = photograph(picture)
    named = ", ".join(f"{what} {k}" for what, k in zip(("channel", "row", "column"), unit, strict=False))
    if bottom <= top or right <= left:
        words = [f"{named}: sees nothing of the picture, only padding"]
        seen = None
    else:
        seen = image.crop((left, top, right, bottom))
        words = [f"{named}: sees rows {top} to {bottom - 1} and columns {left} to {right - 1}"]
    if size and seen is not None and (size[0], size[1]) != (bottom - top, right - left):
        words[0] += f" of its {size[0]}×{size[1]} pixels; the rest lies outside"
    pale = Image.blend(image, Image.new("RGB", image.size, "#f7f5f0"), VEIL)
    if seen is not None:
        pale.paste(seen, (left, top))
    large = fitted(image.size, SIDE, SIDE)
    close = fitted(seen.size, CLOSE, CLOSE) if seen is not None else (0.0, 0.0)
    start = below(words)
    end = start + max(large[1], close[1] + 30) + MARGIN
    total = MARGIN + large[0] + (GAP + CLOSE if seen is not None else 0) + MARGIN
    canvas, _ = headed(total, end, f"What a unit of {layer} sees", words)
    canvas.paste(pale, (MARGIN, start, *large))
    canvas.box((MARGIN, start, *large), None, canvas.palette.line)
    if seen is not None:
        scale = large[0] / width
        edge = (MARGIN + left * scale, start + top * scale, (right - left) * scale, (bottom - top) * scale)
        canvas.box(edge, None, canvas.palette.card, 4)
        canvas.box(edge, None, canvas.palette.warn, 2)
        at = (MARGIN + large[0] + GAP, start, *close)
        canvas.paste(seen, at)
        canvas.box(at, None, canvas.palette.warn, 2)
        said = f"enlarged: {bottom - top}×{right - left} pixels"
        canvas.text((at[0], start + close[1] + 18), said, SMALL, canvas.palette.soft)
    return canvas.finished()


def exciting_sheet(found: Sequence[Exciting], layer: str, channel: int, *, of: int = 0) -> Image.Image:
    """The patches that excite `channel` of `layer` the most, in the order in which they are given.

    `of`: the number of pictures that were looked through.
    """
    words = [f"cut to the receptive field; the number is what the channel gives{f', of {of:,} pictures' if of else ''}"]
    columns = min(COLUMNS, max(1, len(found)))
    rows = ceil(len(found) / columns)
    top = below(words)
    end = top + rows * (PATCH + CAPTION + APART) - APART + MARGIN - 8
    total = 2 * MARGIN + columns * (PATCH + APART) - APART
    canvas, _ = headed(total, end, f"What excites channel {channel} of {layer} most", words)
    for number, one in enumerate(found):
        row, column = divmod(number, columns)
        _patch(canvas, one, MARGIN + column * (PATCH + APART), top + row * (PATCH + CAPTION + APART))
    return canvas.finished()


def _patch(canvas: Canvas, one: Exciting, x: float, y: float) -> None:
    image = photograph(one.patch)
    size = fitted(image.size, PATCH, PATCH)
    at = (x + (PATCH - size[0]) / 2, y + (PATCH - size[1]) / 2, *size)
    canvas.paste(image, at)
    canvas.box(at, None, canvas.palette.line)
    value = figure(one.value)
    canvas.text((x, y + PATCH + 13), value, WORDS, canvas.palette.ink, bold=True)
    room = PATCH - text_width(value, WORDS) - 12
    if room > 30:
        canvas.text((x + PATCH, y + PATCH + 13), shortened(one.source, room), SMALL, canvas.palette.soft, anchor="r")
