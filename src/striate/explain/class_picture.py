"""Feature Visualization. Olah, Mordvintsev, Schubert, Distill 2017. doi 10.23915/distill.00007

A picture made from nothing that excites a class, a channel or a layer the most. It is optimised as the numbers of its
Fourier transform in independent colours (`painting`), and so that it still does when it is shifted, turned, scaled and
looked at more closely (transformation robustness), at the size that the network was made for. So a picture of any size
can be made for any network, and one whose size is fixed too.

Deviations: views are cut from a larger picture, while the article pads and crops one of the network's own size; the
frequencies fall as 1/f^1.2 where the article divides by f, which leaves less fine noise.
"""

from __future__ import annotations

from math import pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional

from striate.explain.dream import Dreamt, score, slope_of
from striate.explain.goals import Goal
from striate.explain.painting import Watch, frequencies, mixed, noise
from striate.explain.viewer import Viewer

RATE = 0.05
FALL = 1.2  # how the strength of a frequency falls with it
START = 0.01  # standard deviation of the first numbers
SOFT = 7  # times as strong as that the numbers would saturate the picture
TURN = 10 * pi / 180
CLOSEST = 0.45  # the share of a side that the closest view shows
FARTHEST = 1.1  # beyond 1 the border is seen, where the picture goes on mirrored
FINER = 2  # points looked at for each pixel of a view, along a side: what is smaller than a pixel is averaged


def class_picture(
    viewer: Viewer,
    goal: Goal,
    size: tuple[int, int],
    *,
    steps: int = 256,
    views: int = 2,
    seed: int = 0,
    watch: Watch = Watch(),  # noqa: B008  frozen
) -> Dreamt:
    """A picture of `size` (height, width) that excites `goal`; the same again for the same `seed`.

    `views`: how many are looked at in each step. `before` is the score of a picture of faint noise, `after` that of the
    result, both whole, at the network's own size.
    """
    draw = torch.Generator().manual_seed(seed)
    channels = viewer.image[0]
    spectrum = _first(channels, *size, draw).requires_grad_()
    adam = torch.optim.Adam([spectrum], lr=RATE)
    for step in range(1, steps + 1):
        with torch.enable_grad():
            picture = _picture(spectrum, size)
            value = goal(viewer, seen(viewer, picture, views, draw)).mean()
            spectrum.grad = -slope_of(value, spectrum)
        adam.step()
        watch(step, steps, float(value.detach()), picture)
    found = _picture(spectrum.detach(), size)
    start = viewer.own_size(noise((channels, *size), seed))
    return Dreamt(found, score(viewer, start, goal), score(viewer, viewer.own_size(found), goal))


def seen(viewer: Viewer, picture: Tensor, views: int, draw: torch.Generator) -> Tensor:
    """(views, c, h, w): random views of `picture` (1, c, h, w), each of the network's own size."""
    height, width = viewer.image[1:]
    numbers = torch.rand(views, 4, generator=draw)
    share = CLOSEST + (FARTHEST - CLOSEST) * numbers[:, 0].sqrt()
    turn = TURN * (2 * numbers[:, 1] - 1)
    room = (1 - share).clamp(min=0.05)
    across, down = room * (2 * numbers[:, 2] - 1), room * (2 * numbers[:, 3] - 1)
    cos, sin = share * turn.cos(), share * turn.sin()
    moves = torch.stack([torch.stack([cos, -sin, across], 1), torch.stack([sin, cos, down], 1)], 1).to(picture)
    grid = functional.affine_grid(moves, [views, 1, FINER * height, FINER * width], align_corners=False)
    looked = functional.grid_sample(
        picture.expand(views, -1, -1, -1), grid, padding_mode="reflection", align_corners=False
    )
    return functional.avg_pool2d(looked, FINER)


def _first(channels: int, height: int, width: int, draw: torch.Generator) -> Tensor:
    return START * torch.randn(1, channels, height, width // 2 + 1, 2, generator=draw)


def _picture(spectrum: Tensor, size: tuple[int, int]) -> Tensor:
    """The numbers of a Fourier transform as a picture in 0..1."""
    falling = frequencies(*size) ** -FALL * sqrt(size[0] * size[1])
    return torch.sigmoid(mixed(torch.fft.irfft2(torch.view_as_complex(spectrum) * falling, s=size)) / SOFT)
