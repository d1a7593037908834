"""Striving for Simplicity: The All Convolutional Net. Springenberg, Dosovitskiy, Brox and Riedmiller, 2014,
arXiv:1412.6806, section 3.4: a ReLU passes back only what is positive, and only where it was open."""

from __future__ import annotations

from torch import Tensor, nn

from striate.explain.answers import prepared
from striate.explain.gradients import gradients
from striate.explain.marks import explanation


@explanation(paper="Springenberg et al. 2014, arXiv:1412.6806", signed=False)
def guided_backpropagation(net: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """(n, *spatial), at least 0: the largest absolute value among the channels of each pixel of `attributions`."""
    return attributions(net, images, targets).abs().amax(1)


def attributions(net: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """(n, c, *spatial), signed: the picture that is usually drawn. ReLU6 is treated as ReLU.

    `ConfigError` for a network without ReLU.
    """
    return gradients(net, *prepared(net, images, targets), rule=lambda passed, handed: passed.clamp_min(0))
