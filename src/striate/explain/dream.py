"""Inceptionism: Going Deeper into Neural Networks. Mordvintsev, Olah, Tyka, Google Research Blog, June 2015.

DeepDream: a photograph is changed by gradient ascent so that a layer finds more of what it finds. It is done at several
sizes (octaves), from small to large; what was lost in shrinking the photograph is put back at each. The picture is
shifted at random before each step (jitter), so that the grid of the strides leaves no mark.

Deviations from the authors' notebook: the slope is smoothed a little, in each step at another scale, which keeps colour
noise out; all of the picture is looked at, not its tiles; the layer is chosen by depth where none is named.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from striate.errors import ConfigError
from striate.explain.goals import Goal
from striate.explain.painting import Watch, resized
from striate.explain.viewer import Viewer

SCALE = 1.4  # from octave to octave
JITTER = 32  # pixels
SMALLEST = 32  # pixels of the shorter side of an octave
SMOOTHED = (0.5, 1.0, 2.0)  # standard deviations in pixels, in turn


@dataclass(frozen=True)
class Dreamt:
    """`picture`: (1, c, h, w) in 0..1; `before`, `after`: scores of the goal for the first and the last picture."""

    picture: Tensor
    before: float
    after: float


@dataclass(frozen=True)
class Octaves:
    """`count` sizes with `steps` steps each of `rate`: the mean change of a pixel in 0..1."""

    count: int = 5
    steps: int = 20
    rate: float = 0.008

    def sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """(height, width) of each, from small to large; those that would be too small are left out.

        >>> Octaves(3).sizes(392, 196)
        [(200, 100), (280, 140), (392, 196)]
        """
        divisors = [SCALE**k for k in reversed(range(self.count))]
        sizes = [(round(height / d), round(width / d)) for d in divisors]
        return [size for size in sizes if min(size) >= SMALLEST] or [(height, width)]


def dream(
    viewer: Viewer,
    picture: Tensor,
    goal: Goal,
    octaves: Octaves = Octaves(),
    *,
    seed: int = 0,
    watch: Watch = Watch(),  # noqa: B008  frozen
) -> Dreamt:
    """`picture` (1, c, h, w) in 0..1 with more of `goal` in it; the same again for the same `seed`."""
    _, channels, height, width = picture.shape
    if channels != viewer.image[0]:
        raise ConfigError(f"the picture has {channels} channels, and the network takes {viewer.image[0]}.")
    draw = torch.Generator().manual_seed(seed)
    sizes = octaves.sizes(height, width)
    dreamt, steps, done = torch.zeros_like(picture), len(sizes) * octaves.steps, 0
    for size in sizes:
        base, detail = resized(picture, size), resized(dreamt, size)
        for step in range(octaves.steps):
            value, slope = _slope(viewer, base + detail, goal, draw)
            slope = smoothed(slope, SMOOTHED[step % len(SMOOTHED)])
            detail = (base + detail + octaves.rate * slope / (slope.abs().mean() + 1e-12)).clamp(0, 1) - base
            done += 1
            watch(done, steps, value, base + detail)
        dreamt = detail
    found = (picture + dreamt).clamp(0, 1)
    before, after = score(viewer, picture, goal), score(viewer, found, goal)
    return Dreamt(found, before, after)


def score(viewer: Viewer, picture: Tensor, goal: Goal) -> float:
    """How much of `goal` is in `picture` (1, c, h, w)."""
    with torch.no_grad():
        return float(goal(viewer, picture.detach()).mean())


def _slope(viewer: Viewer, picture: Tensor, goal: Goal, draw: torch.Generator) -> tuple[float, Tensor]:
    """The score of a shifted copy, and its slope shifted back."""
    most = min(JITTER, *(side // 4 for side in picture.shape[2:]))
    down, right = (int(n) for n in torch.randint(-most, most + 1, (2,), generator=draw))
    shifted = picture.roll((down, right), (2, 3)).detach().requires_grad_()
    with torch.enable_grad():
        value = goal(viewer, shifted).mean()
        slope = slope_of(value, shifted)
    return float(value.detach()), slope.roll((-down, -right), (2, 3))


def slope_of(value: Tensor, picture: Tensor) -> Tensor:
    """The slope of `value` with respect to `picture`; `ConfigError` where there is none."""
    if not value.requires_grad:
        raise ConfigError(
            "this layer has no slope: a part of the network cannot be differentiated. Name another layer."
        )
    try:
        (slope,) = torch.autograd.grad(value, picture, allow_unused=True)
    except (RuntimeError, NotImplementedError) as error:
        if "derivative" not in str(error):
            raise
        first = str(error).splitlines()[0]
        raise ConfigError(f"this layer has no slope: {first} Name a layer before it.") from None
    if slope is None or not bool(slope.isfinite().all()):
        raise ConfigError("the slope is not a number everywhere: look at the weights, or name another layer.")
    return slope.detach()


def smoothed(values: Tensor, deviation: float) -> Tensor:
    """(n, c, h, w) under a Gaussian of `deviation` pixels; outside the border is what is at the border."""
    reach = min(max(1, round(3 * deviation)), *(side - 1 for side in values.shape[2:]))
    place = torch.arange(-reach, reach + 1, dtype=values.dtype, device=values.device)
    weights = torch.exp(-0.5 * (place / deviation) ** 2)
    weights = (weights / weights.sum()).expand(values.shape[1], 1, -1)
    padded = torch.nn.functional.pad(values, (reach,) * 4, mode="replicate")
    across = torch.nn.functional.conv2d(padded, weights[:, :, None], groups=values.shape[1])
    return torch.nn.functional.conv2d(across, weights[..., None], groups=values.shape[1])
