"""Random parts of a picture: boxes (n, 4) int64 of whole pixels, each top, left, height, width."""

from __future__ import annotations

import math

import torch
from torch import Tensor

TRIES = 10  # before a picture is left without a box


def random_boxes(
    draws: Tensor, size: tuple[int, int], areas: tuple[float, float], ratios: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Boxes within pictures of `size` (height, width), and (n,) whether one of the tries gave one that fits.

    `draws`: (n, 4 * TRIES) in [0, 1). `areas`: the least and the largest share of the picture's area, between which it
    is uniform. `ratios`: the same of width to height; uniform is the logarithm. Any place where it fits is as likely.
    """
    tall, wide = size
    tries = draws.reshape(-1, TRIES, 4)
    area = tall * wide * (areas[0] + (areas[1] - areas[0]) * tries[..., 0])
    low, high = (math.log(ratio) for ratio in ratios)
    ratio = (low + (high - low) * tries[..., 1]).exp()
    width, height = (area * ratio).sqrt().round().long(), (area / ratio).sqrt().round().long()
    fits = (width >= 1) & (width <= wide) & (height >= 1) & (height <= tall)
    top = (tries[..., 2] * (tall - height + 1)).long()
    left = (tries[..., 3] * (wide - width + 1)).long()
    boxes = torch.stack([top, left, height, width], 2)
    return boxes[torch.arange(len(boxes)), fits.long().argmax(1)], fits.any(1)
