"""Visualizing and Understanding Convolutional Networks. Zeiler and Fergus, ECCV 2014, arXiv:1311.2901, section 4.2: a
grey square is moved over the picture, and where the score falls, something of the class was covered.

The paper draws the probability at the place of the square. Here each pixel gets the mean fall of the score (not its
probability) over all windows that cover it; the last windows are cut off at the border, so that all pixels are covered.
"""

from __future__ import annotations

from itertools import product
from math import ceil

import torch
from torch import Tensor, nn

from striate.errors import ConfigError
from striate.explain.answers import as_found, pairs, pictures_at_once, prepared, scores
from striate.explain.marks import explanation


@explanation(paper="Zeiler, Fergus 2014, arXiv:1311.2901", signed=True)
def occlusion(
    net: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    window: int | None = None,
    stride: int | None = None,
    fill: float = 0.0,
) -> Tensor:
    """(n, *spatial), signed: by how much the score falls where a pixel is covered. No slope is taken.

    `window`: pixels a side, by default a seventh of the longest side, but at least `stride`; `stride`: pixels, by
    default half the window; `fill`: what covers, 0 the mean colour of normalised pictures.
    """
    images, targets = prepared(net, images, targets)
    sizes = images.shape[2:]
    window = max(1, round(max(sizes) / 7), stride or 1) if window is None else window
    stride = max(1, window // 2) if stride is None else stride
    if not 1 <= stride <= window:
        raise ConfigError(f"occlusion: stride is {stride}; it must be 1 to the window, {window}, to cover all pixels.")
    if window >= max(sizes):
        raise ConfigError(f"occlusion: a window of {window} covers the whole picture of {'x'.join(map(str, sizes))}.")
    starts = torch.tensor([*product(*(_starts(size, window, stride) for size in sizes))], device=images.device)
    fall, times = images.new_zeros(len(images), *sizes), images.new_zeros(len(images), *sizes)
    per_picture = (-1, *[1] * len(sizes))
    with as_found(net), torch.no_grad():
        parts = zip(images.split(pictures_at_once(images)), targets.split(pictures_at_once(images)), strict=True)
        whole = torch.cat([scores(net, part, wanted) for part, wanted in parts])
        for picture, number in pairs(images, len(starts)):
            inside = _covered(starts[number], window, sizes)
            covered = images[picture].masked_fill(inside[:, None], fill)
            lost = whole[picture] - scores(net, covered, targets[picture])
            fall.index_add_(0, picture, lost.view(per_picture) * inside)
            times.index_add_(0, picture, inside.to(times))
    return fall / times


def _starts(size: int, window: int, stride: int) -> list[int]:
    """First pixels of the windows along one axis.

    >>> _starts(10, 4, 3), _starts(10, 4, 4)
    ([0, 3, 6], [0, 4, 8])
    """
    return [stride * i for i in range(max(0, ceil((size - window) / stride)) + 1)]


def _covered(starts: Tensor, window: int, sizes: tuple[int, ...]) -> Tensor:
    """(m, *sizes) of bool: what the windows at `starts` (m, axes) cover."""
    inside = torch.ones(len(starts), *[1] * len(sizes), dtype=torch.bool, device=starts.device)
    for axis, size in enumerate(sizes):
        offset = torch.arange(size, device=starts.device) - starts[:, axis, None]
        shape = [len(starts), *(size if other == axis else 1 for other in range(len(sizes)))]
        inside = inside & ((offset >= 0) & (offset < window)).view(shape)
    return inside
