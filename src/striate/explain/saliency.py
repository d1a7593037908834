"""Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency Maps. Simonyan, Vedaldi and
Zisserman, 2013, arXiv:1312.6034, section 3: the slope of the score of a class at every pixel."""

from __future__ import annotations

from torch import Tensor, nn

from striate.explain.answers import prepared
from striate.explain.gradients import gradients
from striate.explain.marks import explanation


@explanation(paper="Simonyan, Vedaldi, Zisserman 2013, arXiv:1312.6034", signed=False)
def saliency(net: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """(n, *spatial), at least 0: the largest absolute slope among the channels of each pixel (section 3.1).

    >>> import torch
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    >>> saliency(net, torch.zeros(1, 1, 2, 2), torch.tensor([1])).view(-1).equal(net[1].weight[1].abs())
    True
    """
    return attributions(net, images, targets).abs().amax(1)


def attributions(net: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """(n, c, *spatial), signed: the slope of the score of the target."""
    return gradients(net, *prepared(net, images, targets))
