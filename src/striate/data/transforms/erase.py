"""Random Erasing Data Augmentation. Zhong, Zheng, Kang, Li, Yang, 2017, arXiv 1708.04896.

A part of the picture is covered with random levels. Its share of the area is uniform between 2 % and 40 % and its
aspect ratio between 0.3 and 1/0.3, as in Algorithm 1. Deviations: the logarithm of the ratio is uniform, so that lying
parts are as likely as standing ones; after ten draws that do not fit nothing is erased, where the paper draws on.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

AREAS, RATIOS = (0.02, 0.4), (0.3, 1 / 0.3)
TRIES = 10


def erase(batch: Tensor, boxes: Tensor, fill: Tensor) -> Tensor:
    """Cover in each picture of `batch` (n, c, h, w) its box with the pixels there of `fill`, of the batch's shape.

    `boxes`: (n, 4) int64 pixels: top, left, height, width; one without height or width covers nothing. `fill` may have
    an axis of length 1 for one that is the same all along, and it need have no pictures whose box is empty: then it
    has those of the other ones, in order.
    """
    changed = batch.clone()
    covered = (boxes[:, 2:] > 0).all(1).nonzero()[:, 0]
    fill = fill.to(batch).expand(-1, *batch.shape[1:])
    if len(fill) == len(batch) != len(covered):
        fill = fill[covered.to(fill.device)]
    for picture, pixels, box in zip(covered.tolist(), fill, boxes[covered].tolist(), strict=True):
        top, left, height, width = box
        part = (slice(None), slice(top, top + height), slice(left, left + width))
        changed[picture][part] = pixels[part]
    return changed


def random_boxes(draws: Tensor, size: tuple[int, int], share: float) -> Tensor:
    """(n, 4) int64 `boxes` for `erase` of pictures of `size` (height, width); `share` of them get one that covers.

    `draws`: (n, 1 + 4 * TRIES) in [0, 1).
    """
    tall, wide = size
    tries = draws[:, 1:].reshape(-1, TRIES, 4)
    area = tall * wide * (AREAS[0] + (AREAS[1] - AREAS[0]) * tries[..., 0])
    low, high = (math.log(ratio) for ratio in RATIOS)
    ratio = (low + (high - low) * tries[..., 1]).exp()
    width, height = (area * ratio).sqrt().round().long(), (area / ratio).sqrt().round().long()
    fits = (width >= 1) & (width < wide) & (height >= 1) & (height < tall)
    boxes = torch.stack(
        [(tries[..., 2] * (tall - height + 1)).long(), (tries[..., 3] * (wide - width + 1)).long(), height, width], 2
    )
    first = boxes[torch.arange(len(boxes)), fits.long().argmax(1)]
    return torch.where((fits.any(1) & (draws[:, 0] < share))[:, None], first, torch.zeros(4, dtype=torch.int64))
