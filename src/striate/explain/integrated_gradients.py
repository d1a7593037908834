"""Axiomatic Attribution for Deep Networks. Sundararajan, Taly and Yan, ICML 2017, arXiv:1703.01365.

The attributions of a picture sum to the difference between its score and that of the baseline (completeness).

Deviation: the paper adds the slopes at equal steps with equal weights. The slope of a network of ReLUs jumps, and such
a sum is off by where between two points it does. But the scores at the points are known as well, and they say how much
of each interval belongs to the slope before the jump. So the points of an interval are weighted by the share that gives
its rise of the score, which is a half where the slope changes evenly: the trapezoidal rule. Where the sum is still off
by more than TOLERANCE, the intervals whose rise no such share explains are halved.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from striate.errors import ConfigError
from striate.explain.answers import pictures_at_once, prepared
from striate.explain.gradients import gradients_and_scores
from striate.explain.marks import explanation

TOLERANCE = 0.005  # of the difference between the scores


@explanation(paper="Sundararajan, Taly, Yan 2017, arXiv:1703.01365", signed=True)
def integrated_gradients(
    net: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    steps: int = 50,
    most: int = 400,
    baseline: float | Tensor = 0.0,
) -> Tensor:
    """(n, *spatial), signed: the sum of `attributions` over the channels of each pixel."""
    return attributions(net, images, targets, steps=steps, most=most, baseline=baseline).sum(1)


def attributions(
    net: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    steps: int = 50,
    most: int = 400,
    baseline: float | Tensor = 0.0,
) -> Tensor:
    """(n, c, *spatial), signed: the mean slope on the straight way from `baseline` to the picture, times the way.

    `steps`: points on the way, both ends among them; `most`: up to so many where halving intervals is called for;
    `baseline`: a picture that says nothing, as a number or a tensor that fits (c, *spatial); 0 is the mean colour of
    normalised pictures.
    """
    if steps < 2:
        raise ConfigError(f"integrated_gradients: steps is {steps}; it must be at least 2, the ends of the way.")
    images, targets = prepared(net, images, targets)
    start = torch.as_tensor(baseline).to(images)
    if start.ndim > images.ndim - 1 or not _fits(start, images):
        raise ConfigError(f"integrated_gradients: baseline is {(*start.shape,)}; pictures are {(*images.shape[1:],)}.")
    many = max(1, pictures_at_once(images) // steps)
    found = []
    for x, wanted in zip(images.split(many), targets.split(many), strict=True):
        places = torch.linspace(0, 1, steps, dtype=torch.double, device=x.device)
        slopes, scores = _measured(net, x, wanted, start, places.expand(len(x), steps))
        for i, image in enumerate(x):
            way = Way(image - start, places, slopes[i], scores[i])
            while not way.complete() and len(way.places) < most:
                halves = way.halves(most)
                if not len(halves):
                    break
                more = _measured(net, image[None], wanted[i, None], start, halves[None])
                way = way.joined(halves, more[0][0], more[1][0])
            found.append(way.attributions())
    return torch.stack(found)


@dataclass
class Way:
    """What is known on the way of one picture, (c, *spatial): at each of the `places` in 0..1 (m,), ascending, the
    slopes (m, c, *spatial) and the scores (m,)."""

    way: Tensor
    places: Tensor
    slopes: Tensor
    scores: Tensor

    def shares(self) -> tuple[Tensor, Tensor]:
        """(m - 1,) twice: how much of each interval has the slope of its beginning, and what rise that leaves over."""
        uphill = (self.slopes * self.way).flatten(1).sum(1).double()
        widths, rises = self.places.diff(), self.scores.double().diff()
        first, last = uphill[:-1] * widths, uphill[1:] * widths
        jump = first - last
        share = torch.where(jump == 0, 0.5, (rises - last) / torch.where(jump == 0, 1.0, jump)).clamp(0, 1)
        return share, rises - share * first - (1 - share) * last

    def complete(self) -> bool:
        """Whether the attributions sum to the difference between the scores of the ends, near enough."""
        left = self.shares()[1].sum()
        return bool(left.abs() <= TOLERANCE * (self.scores[-1] - self.scores[0]).abs())

    def halves(self, most: int) -> Tensor:
        """The middles of the intervals that leave more than their part of what may be left over, worst first."""
        left = self.shares()[1].abs()
        worst = left.argsort(descending=True)[: min(len(left), most - len(self.places))]
        allowed = TOLERANCE * (self.scores[-1] - self.scores[0]).abs() / len(left)
        worst = worst[left[worst] > allowed]
        return (self.places[worst] + self.places[worst + 1]) / 2

    def joined(self, places: Tensor, slopes: Tensor, scores: Tensor) -> Way:
        """With what was measured at further places."""
        order = torch.cat([self.places, places]).argsort()
        pairs = ((self.places, places), (self.slopes, slopes), (self.scores, scores))
        return Way(self.way, *(torch.cat(pair)[order] for pair in pairs))

    def attributions(self) -> Tensor:
        """(c, *spatial)."""
        share, widths = self.shares()[0], self.places.diff()
        weights = torch.zeros_like(self.places)
        weights[:-1] += share * widths
        weights[1:] += (1 - share) * widths
        mean: Tensor = torch.tensordot(weights.to(self.slopes), self.slopes, 1)
        return self.way * mean


def _measured(net: nn.Module, images: Tensor, targets: Tensor, start: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes (n, m, c, *spatial) and scores (n, m) at `places` (n, m) on the way to each of `images`."""
    many, per_picture = places.shape[1], (*places.shape, *[1] * (images.ndim - 1))
    points = start + places.to(images).view(per_picture) * (images - start)[:, None]
    slopes, scores = gradients_and_scores(net, points.flatten(0, 1), targets.repeat_interleave(many))
    return slopes.view(points.shape), scores.view(places.shape)


def _fits(start: Tensor, images: Tensor) -> bool:
    pairs = zip(reversed(start.shape), reversed(images.shape), strict=False)
    return all(size in (1, wanted) for size, wanted in pairs)
