"""Visualizing and Understanding Convolutional Networks. Zeiler and Fergus, ECCV 2014, arXiv:1311.2901, section 2.1.

A class is projected back to the pixels: unpooled to where the maxima were, rectified, and filtered with the transposed
kernels, which is the way of the gradient but for ReLU: it passes back what is positive, wherever it was open or not.
Layers that the paper's network does not have (batch norm, response norm) pass back their gradient.
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.explain.answers import prepared
from striate.explain.gradients import gradients
from striate.explain.marks import explanation


@explanation(paper="Zeiler, Fergus 2014, arXiv:1311.2901", signed=False)
def deconvnet(net: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """(n, *spatial), at least 0: the largest absolute value among the channels of each pixel of `attributions`."""
    return attributions(net, images, targets).abs().amax(1)


def attributions(net: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """(n, c, *spatial), signed: the projection of the target's score. ReLU6 is treated as ReLU.

    `ConfigError` for a network without ReLU.
    """
    return gradients(net, *prepared(net, images, targets), rule=lambda passed, handed: handed.clamp_min(0))
