"""SmoothGrad: removing noise by adding noise. Smilkov, Thorat, Kim, Viegas and Wattenberg, 2017, arXiv:1706.03825.

Every picture of a batch gets the same noise, scaled to its own range of values: its map does not depend on the others.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.errors import ConfigError
from striate.explain.answers import prepared
from striate.explain.gradients import weighted_gradients
from striate.explain.marks import explanation


@explanation(paper="Smilkov et al. 2017, arXiv:1706.03825", signed=False)
def smooth_grad(
    net: nn.Module, images: Tensor, targets: Tensor, *, copies: int = 25, noise: float = 0.15, seed: int = 0
) -> Tensor:
    """(n, *spatial), at least 0: the largest absolute value among the channels of each pixel of `attributions`."""
    return attributions(net, images, targets, copies=copies, noise=noise, seed=seed).abs().amax(1)


def attributions(
    net: nn.Module, images: Tensor, targets: Tensor, *, copies: int = 25, noise: float = 0.15, seed: int = 0
) -> Tensor:
    """(n, c, *spatial), signed: the mean slope at `copies` of each picture with Gaussian noise.

    `noise`: its standard deviation as a share of the picture's range, which the paper found best at 0.1 to 0.2.
    """
    if copies < 1 or noise < 0:
        raise ConfigError(f"smooth_grad: copies is {copies} and noise {noise}; they must be at least 1 and 0.")
    images, targets = prepared(net, images, targets)
    draw = torch.Generator().manual_seed(seed)
    noises = torch.randn(copies, *images.shape[1:], generator=draw).to(images)

    def copy(pictures: Tensor, numbers: Tensor) -> Tensor:
        axes = tuple(range(1, pictures.ndim))
        spread = pictures.amax(axes, keepdim=True) - pictures.amin(axes, keepdim=True)
        return pictures + noise * spread * noises[numbers]

    weights = torch.full((copies,), 1 / copies).to(images)
    return weighted_gradients(net, images, targets, weights=weights, copy=copy)
