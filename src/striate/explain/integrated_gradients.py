"""Axiomatic Attribution for Deep Networks. Sundararajan, Taly and Yan, ICML 2017, arXiv:1703.01365.

The attributions of a picture sum to the difference between its score and that of the baseline (completeness).

Deviation: the paper adds the slopes at equal steps with equal weights. The slope of a network of ReLUs jumps, and such
a sum is off by where between two points it does. But the scores at the points are known as well, and they say how much
of each interval belongs to the slope before the jump. So the points of an interval are weighted by the share that gives
its rise of the score, which is a half where the slope changes evenly: the trapezoidal rule.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.errors import ConfigError
from striate.explain.answers import pictures_at_once, prepared
from striate.explain.gradients import gradients_and_scores
from striate.explain.marks import explanation


@explanation(paper="Sundararajan, Taly, Yan 2017, arXiv:1703.01365", signed=True)
def integrated_gradients(
    net: nn.Module, images: Tensor, targets: Tensor, *, steps: int = 50, baseline: float | Tensor = 0.0
) -> Tensor:
    """(n, *spatial), signed: the sum of `attributions` over the channels of each pixel."""
    return attributions(net, images, targets, steps=steps, baseline=baseline).sum(1)


def attributions(
    net: nn.Module, images: Tensor, targets: Tensor, *, steps: int = 50, baseline: float | Tensor = 0.0
) -> Tensor:
    """(n, c, *spatial), signed: the mean slope on the straight way from `baseline` to the picture, times the way.

    `steps`: points on the way, both ends among them; `baseline`: a picture that says nothing, as a number or a tensor
    that fits (c, *spatial); 0 is the mean colour of normalised pictures.
    """
    if steps < 2:
        raise ConfigError(f"integrated_gradients: steps is {steps}; it must be at least 2, the ends of the way.")
    images, targets = prepared(net, images, targets)
    start = torch.as_tensor(baseline).to(images)
    if start.ndim > images.ndim - 1 or not _fits(start, images):
        raise ConfigError(f"integrated_gradients: baseline is {(*start.shape,)}; pictures are {(*images.shape[1:],)}.")
    many = max(1, pictures_at_once(images) // steps)
    parts = zip(images.split(many), targets.split(many), strict=True)
    return torch.cat([_integrated(net, x, wanted, start, steps) for x, wanted in parts])


def _fits(start: Tensor, images: Tensor) -> bool:
    pairs = zip(reversed(start.shape), reversed(images.shape), strict=False)
    return all(size in (1, wanted) for size, wanted in pairs)


def _integrated(net: nn.Module, images: Tensor, targets: Tensor, start: Tensor, steps: int) -> Tensor:
    way = images - start
    along = torch.linspace(0, 1, steps).to(images).view(-1, *[1] * way.ndim)
    points = (start + along * way).transpose(0, 1).flatten(0, 1)  # the steps of the first picture first
    found, scores = gradients_and_scores(net, points, targets.repeat_interleave(steps))
    slopes, score = found.view(len(images), steps, *images.shape[1:]), scores.view(len(images), steps)
    uphill = (slopes * way[:, None]).flatten(2).sum(2)  # (n, steps): the slope of the score along the way
    rise = score.diff() * (steps - 1)
    jump = uphill[:, :-1] - uphill[:, 1:]
    share = ((rise - uphill[:, 1:]) / torch.where(jump == 0, 1.0, jump)).clamp(0, 1)
    share = torch.where(jump == 0, 0.5, share)
    weights = torch.zeros_like(score)
    weights[:, :-1] += share
    weights[:, 1:] += 1 - share
    weights = weights.view(*weights.shape, *[1] * (images.ndim - 1)) / (steps - 1)
    return way * (slopes * weights).sum(1)
