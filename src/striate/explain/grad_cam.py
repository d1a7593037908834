"""Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization. Selvaraju et al., ICCV 2017,
arXiv:1610.02391, equations 1 and 2."""

from __future__ import annotations

from torch import Tensor, nn

from striate.explain.cam import maps_and_slopes, resized
from striate.explain.marks import explanation


@explanation(paper="Selvaraju et al. 2017, arXiv:1610.02391", signed=False, layered=True)
def grad_cam(net: nn.Module, images: Tensor, targets: Tensor, *, layer: str | None = None) -> Tensor:
    """(n, *spatial), at least 0: the maps of `layer`, each weighted by its mean slope, added, cut at 0 and stretched.

    `layer`: a key path; None: the last layer that gives maps, before pooling.

    >>> net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(96, 10))
    >>> import torch
    >>> grad_cam(net, torch.zeros(2, 1, 8, 8), torch.tensor([1, 9])).shape
    torch.Size([2, 8, 8])
    """
    maps, slopes = maps_and_slopes(net, images, targets, layer)
    weights = slopes.flatten(2).mean(2).view(*slopes.shape[:2], *[1] * (slopes.ndim - 2))
    return resized((weights * maps).sum(1).relu(), images)
