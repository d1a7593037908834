"""Answers in bfloat16 that are those of float32: whatever bfloat16 might change is computed again in float32.

bfloat16 is twice as fast where the processor knows it, but on some networks it changes the best answer of 3 pictures in
100 and probabilities by 0.09 (EfficientNet-Lite0 on photographs). How far its outputs are from those of float32 is
measured on the first pictures; one whose answer could change by twice that is computed again.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, isfinite

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from striate.analysis.result import Shape
from striate.metrics.rejection import energy
from striate.tasks.classify import Classify

PROBES = 8  # pictures to measure on, spread over the first ones
ROOM = 2.0  # times as far as the outputs of the probes were apart is allowed for in those of others
MOST_AGAIN = 0.25  # of the probes; where more would be computed again, float32 alone is as fast
MOST = 50.0  # of a logarithm of odds: e to it is a number
ALIKE = 0.01  # probabilities

Doubt = Callable[[Tensor, float], Tensor]
"""Which of the outputs (n, classes) might mean another answer if two of them came `error` nearer: (n,) of bool."""


class CloseCalls(nn.Module):
    """`low`, a copy of `exact` in bfloat16, and `exact` for the pictures of which `doubt` says so."""

    def __init__(self, exact: nn.Module, low: nn.Module, doubt: Doubt, error: float):
        super().__init__()
        self.exact, self.low, self.doubt, self.error = exact, low, doubt, error

    def forward(self, x: Tensor) -> Tensor:  # (n, c, h, w) float32 -> (n, classes) float32
        found: Tensor = self.low(x.bfloat16()).float()
        again = self.doubt(found, self.error)
        if again.any():
            found[again] = self.exact(x[again].contiguous(memory_format=torch.channels_last))
        return found


def where_it_pays(exact: nn.Module, low: nn.Module, doubt: Doubt, probes: Tensor, more: Tensor) -> nn.Module:
    """`CloseCalls` if few of `probes` (n, c, h, w), pictures as the networks take them, are in doubt; else `exact`.

    `more`: others to measure on, as `probes` may be frames of one black film.
    """
    if not len(probes):
        return exact
    with torch.inference_mode():
        given = torch.cat([probes, more]).contiguous(memory_format=torch.channels_last)
        try:
            found = low(given.bfloat16()).float()
        except RuntimeError:  # a layer that does not know bfloat16
            return exact
        error = ROOM * float((found - exact(given)).abs().max())
        pays = isfinite(error) and float(doubt(found[: len(probes)], error).float().mean()) <= MOST_AGAIN
    return CloseCalls(exact, low, doubt, error) if pays else exact


def clouds(image: Shape) -> Tensor:
    """(4, c, h, w) uint8: pictures of `image` of which bfloat16 makes about as much as of photographs."""
    coarse = 255 * torch.rand(4, image[0], 9, 9, generator=torch.Generator().manual_seed(0))
    return interpolate(coarse, image[1:], mode="bilinear").to(torch.uint8)


def doubt_of(task: Classify, *, threshold: float | None = None, below: float | None = None) -> Doubt:
    """What asks whether another class could be the best, or a probability be `ALIKE` more or less, as `task` decodes.

    With `threshold` or `below` also: whether the best probability could be on its other side, or the energy.
    """

    def doubt(outputs: Tensor, error: float) -> Tensor:
        found = ~outputs.isfinite().all(1)
        if outputs.shape[1] > 1:
            best = outputs.topk(2).values
            found |= best[:, 0] - best[:, 1] < error
        p, most = task.decode(outputs), min(error / task.temperature, MOST)
        if task.kind == "mean-squared":
            change = torch.full_like(p, most)
        else:
            less, odds = torch.minimum(p, 1 - p), exp(most)  # the less probable of yes and no changes more
            change = less * odds / (1 - less + less * odds) - less
        found |= change.amax(1) > ALIKE
        if threshold is not None:
            found |= (p.amax(1) - threshold).abs() < ALIKE
        return found if below is None else found | ((energy(outputs) - below).abs() < error)

    return doubt
