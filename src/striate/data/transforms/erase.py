"""Random Erasing Data Augmentation. Zhong, Zheng, Kang, Li, Yang, 2017, arXiv 1708.04896.

A part of the picture is covered with random levels. Its share of the area is uniform between 2 % and 40 % and its
aspect ratio between 0.3 and 1/0.3, as in Algorithm 1. Deviations: the logarithm of the ratio is uniform, so that lying
parts are as likely as standing ones; after ten sizes that do not fit nothing is erased, where the paper draws on.
"""

from __future__ import annotations

import torch
from torch import Tensor

from striate.data.transforms.boxes import random_boxes

AREAS, RATIOS = (0.02, 0.4), (0.3, 1 / 0.3)


def erase(batch: Tensor, boxes: Tensor, fill: Tensor) -> Tensor:
    """Cover in each picture of `batch` (n, c, h, w) its box with the pixels there of `fill`.

    `boxes`: (n, 4) int64 pixels: top, left, height, width; one without height or width covers nothing. `fill`:
    (m, c, h, w), one for each picture that is covered, in order; an axis of length 1 stands for equal ones.
    """
    changed = batch.clone()
    covered = (boxes[:, 2:] > 0).all(1).nonzero()[:, 0]
    fill = fill.to(batch).expand(len(covered), *batch.shape[1:])
    for picture, pixels, box in zip(covered.tolist(), fill, boxes[covered].tolist(), strict=True):
        top, left, height, width = box
        part = (slice(None), slice(top, top + height), slice(left, left + width))
        changed[picture][part] = pixels[part]
    return changed


def random_patches(draws: Tensor, size: tuple[int, int], share: float) -> Tensor:
    """(n, 4) int64 `boxes` for `erase` of pictures of `size` (height, width); `share` of them get one that covers.

    `draws`: (n, 1 + 4 * TRIES) in [0, 1).
    """
    boxes, fits = random_boxes(draws[:, 1:], size, AREAS, RATIOS)
    covers = fits & (draws[:, 0] < share) & (boxes[:, 2:].prod(1) < size[0] * size[1])  # never the whole of a tiny one
    return torch.where(covers[:, None], boxes, torch.zeros_like(boxes))
