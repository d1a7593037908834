"""Parts of pictures.

The random part is that of Szegedy et al., "Going Deeper with Convolutions", 2014, arXiv 1409.4842, section 6: of an
area between 8 % and 100 % of the picture and an aspect ratio between 3/4 and 4/3. As in all that use it since, the
logarithm of the ratio is uniform, and where ten draws give no part that fits, the largest middle one of an allowed
ratio is taken.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from striate.data.transforms.boxes import random_boxes
from striate.data.transforms.layout import layout
from striate.data.transforms.resize import resize

RATIOS = (3 / 4, 4 / 3)


def centre(batch: Tensor, size: tuple[int, int], *, fill: float = 0) -> Tensor:
    """The middle (height, width) = `size` of `batch` (n, c, h, w); what a smaller picture lacks is `fill`."""
    missing = [max(0, there - here) for there, here in zip(size, batch.shape[2:], strict=True)]
    if any(missing):
        (tall, wide) = missing
        batch = functional.pad(batch, (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2), value=fill)
    top, left = (round((here - there) / 2) for there, here in zip(size, batch.shape[2:], strict=True))
    return batch[..., top : top + size[0], left : left + size[1]].clone()


def crop(batch: Tensor, boxes: Tensor, size: tuple[int, int], interpolation: str = "bilinear") -> Tensor:
    """The part of each picture of `batch` (n, c, h, w) in its row of `boxes`, brought to `size` (height, width).

    `boxes`: (n, 4) int64 pixels: top, left, height, width.
    """
    made = torch.empty((*batch.shape[:2], *size), dtype=batch.dtype, device=batch.device, memory_format=layout(batch))
    for index, (top, left, height, width) in enumerate(boxes.tolist()):
        part = batch[index : index + 1, :, top : top + height, left : left + width]
        made[index : index + 1] = resize(part, size, interpolation)
    return made


def random_crops(draws: Tensor, size: tuple[int, int], *, least: float, ratios: tuple[float, float] = RATIOS) -> Tensor:
    """(n, 4) int64 `boxes` for `crop` of pictures of `size` (height, width).

    `draws`: (n, 4 * TRIES) in [0, 1). `least`: the smallest share of the area, above 0 and at most 1. `ratios`: the
    least and the largest of width to height.
    """
    boxes, fits = random_boxes(draws, size, (least, 1), ratios)
    return torch.where(fits[:, None], boxes, torch.tensor(_middle(*size, ratios)))


def _middle(tall: int, wide: int, ratios: tuple[float, float]) -> tuple[int, int, int, int]:
    width = min(wide, max(1, round(tall * ratios[1])))
    height = min(tall, max(1, round(wide / ratios[0])))
    return (tall - height) // 2, (wide - width) // 2, height, width
