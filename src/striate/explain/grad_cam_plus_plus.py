"""Grad-CAM++: Improved Visual Explanations for Deep Convolutional Networks. Chattopadhyay et al., WACV 2018,
arXiv:1710.11063.

Section 3.2 takes the exponential of the score, whose derivatives are then powers of the slope g (equation 19): the
weight of each place is g² / (2 g² + sum of A g³). The factor exp(score), the same for the whole map, is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.explain.cam import maps_and_slopes, resized
from striate.explain.marks import explanation


@explanation(paper="Chattopadhyay et al. 2018, arXiv:1710.11063", signed=False, layered=True)
def grad_cam_plus_plus(net: nn.Module, images: Tensor, targets: Tensor, *, layer: str | None = None) -> Tensor:
    """(n, *spatial), at least 0: as `grad_cam`, with slopes weighted by place, so that small second objects count.

    `layer`: a key path; None: the last layer that gives maps, before pooling.
    """
    maps, slopes = maps_and_slopes(net, images, targets, layer)
    axes = tuple(range(2, maps.ndim))
    below = 2 * slopes**2 + (maps.sum(axes, keepdim=True) * slopes**3)
    places = torch.where(below == 0, 0.0, slopes**2 / torch.where(below == 0, 1.0, below))
    weights = (places * slopes.relu()).sum(axes, keepdim=True)
    return resized((weights * maps).sum(1).relu(), images)
