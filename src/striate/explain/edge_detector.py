"""The edges of the picture by Sobel's operator: what an explanation that shows edges has to be better than.

Adebayo et al., Sanity Checks for Saliency Maps, 2018, arXiv:1810.03292, section 1: an edge detector needs no network,
and looks like an explanation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from striate.explain.marks import explanation


@explanation(paper="Sobel, Feldman 1968; after Adebayo et al. 2018, arXiv:1810.03292", signed=False, asks_network=False)
def edge_detector(net: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """(n, *spatial), at least 0: the length of Sobel's gradient of the mean over channels, borders repeated.

    >>> step = torch.tensor([0.0, 0, 0, 1, 1, 1])[None, None]
    >>> edge_detector(nn.Identity(), step, torch.tensor([0])).tolist()
    [[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]]
    """
    grey = images.detach().mean(1, keepdim=True)
    axes = range(2, grey.ndim)
    slopes = []
    for along in axes:
        slope = grey
        for axis in axes:
            slope = _filtered(slope, axis, (-1.0, 0.0, 1.0) if axis == along else (1.0, 2.0, 1.0))
        slopes.append(slope.square())
    return torch.stack(slopes).sum(0).sqrt()[:, 0]


def _filtered(x: Tensor, axis: int, weights: tuple[float, ...]) -> Tensor:
    sides = [0] * (2 * (x.ndim - 2))
    last = 2 * (x.ndim - 1 - axis)
    sides[last : last + 2] = [1, 1]
    windows = pad(x, sides, mode="replicate").unfold(axis, len(weights), 1)
    return (windows * x.new_tensor(weights)).sum(-1)
