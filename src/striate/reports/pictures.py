"""Tensors as small PNG pictures inside the page: where colours stand for numbers, one for light and one for dark."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from math import ceil, sqrt

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, adaptive_max_pool2d

from striate.explain.colours import SCHEMES, STEPS, ramp

SIDE = 64  # pixels that a map needs at most: on the page it is about a hundred wide
THUMB = 112  # pixels of a photograph's longer side


@dataclass(frozen=True)
class Picture:
    """An `<img>`: data addresses for light and dark pages (`dark` is empty where both are the same) and its words."""

    light: str
    dark: str
    width: int
    height: int
    words: str
    smooth: bool = False  # a photograph, which enlarges smoothly; else every number stays a square


def strength(values: Tensor, words: str, *, top: float | None = None) -> Picture:
    """(h, w) numbers from zero up: the page's own colour is zero, full colour is `top` (else the largest)."""
    top = float(values.max()) if top is None else top
    return _mapped(values / (top or 1.0), "strength", words)


def signed(values: Tensor, words: str, *, top: float | None = None) -> Picture:
    """(h, w) numbers of both signs: orange is -`top`, the page's own colour zero, blue `top` (else the largest)."""
    top = float(values.abs().max()) if top is None else top
    return _mapped(values / (top or 1.0) / 2 + 0.5, "signed", words)


def photograph(image: Tensor, words: str) -> Picture:
    """(c, h, w) uint8. Three channels are colour; one is grey, or ink where the border is dark as in scanned digits."""
    if image.shape[0] not in (1, 3):
        return strength(image.float().mean(0), words, top=255)
    if image.shape[0] == 1 and _is_ink(image[0]):
        return strength(shrunk(image[0].float()), words, top=255)
    pixels = image.permute(1, 2, 0) if image.shape[0] == 3 else image[0]
    picture = Image.fromarray(pixels.contiguous().numpy())
    picture.thumbnail((THUMB, THUMB), Image.Resampling.LANCZOS)
    size, smooth = picture.size, max(image.shape[1:]) > SIDE
    if smooth and picture.mode == "RGB":
        picture = picture.quantize(
            256, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG
        )  # a third of the bytes
    return Picture(_address(picture), "", *size, words, smooth)


def plain_picture(picture: Image.Image, words: str) -> Picture:
    """A Pillow image as it is, which enlarges smoothly; the same on light and dark pages."""
    return Picture(_address(picture), "", *picture.size, words, smooth=True)


def coloured(kernel: Tensor, words: str, *, top: float) -> Picture:
    """(3, h, w) kernel of an RGB picture as a picture: grey is zero, `top` the largest magnitude."""
    pixels = ((kernel / (top or 1.0) / 2 + 0.5).clamp(0, 1) * 255).round().byte()
    picture = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    return Picture(_address(picture), "", *picture.size, words)


def shrunk(values: Tensor, side: int = SIDE, *, keep_peaks: bool = False) -> Tensor:
    """(h, w) with at most `side` rows and columns: means of what falls together, or, `keep_peaks`, the largest."""
    height, width = (min(n, side) for n in values.shape)
    if (height, width) == tuple(values.shape):
        return values
    pool = adaptive_max_pool2d if keep_peaks else adaptive_avg_pool2d
    small: Tensor = pool(values[None, None].float(), (height, width))[0, 0]
    return small


def mosaic(planes: Tensor) -> Tensor:
    """(p, h, w) planes side by side as one (H, W), nearly square, a blank (zero) line between neighbours."""
    count, height, width = planes.shape
    columns = ceil(sqrt(count * height / width))
    rows = ceil(count / columns)
    sheet = torch.zeros(rows * (height + 1) - 1, columns * (width + 1) - 1)
    for k, plane in enumerate(planes):
        top, left = k // columns * (height + 1), k % columns * (width + 1)
        sheet[top : top + height, left : left + width] = plane
    return sheet


def _is_ink(image: Tensor) -> bool:
    border = torch.cat([image[0], image[-1], image[:, 0], image[:, -1]])
    return int(border.median()) < 32


def _mapped(share: Tensor, name: str, words: str) -> Picture:
    """(h, w) of 0..1 through a colour ramp, once for each scheme."""
    steps = (torch.nan_to_num(share.float()).clamp(0, 1) * (STEPS - 1)).round().byte()
    picture = Image.fromarray(steps.cpu().contiguous().numpy(), "P")
    addresses = {}
    for scheme in SCHEMES:
        picture.putpalette([value for colour in ramp(scheme, name) for value in colour])
        addresses[scheme] = _address(picture)
    return Picture(addresses["light"], addresses["dark"], *picture.size, words)


def _address(picture: Image.Image) -> str:
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
