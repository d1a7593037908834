"""A picture as numbers that are easy to optimise, and what is common to all that optimise one.

Feature Visualization. Olah, Mordvintsev, Schubert, Distill 2017, doi 10.23915/distill.00007, section "The Enemy of
Feature Visualization": colours that vary independently of each other in photographs, and a Fourier basis in which all
frequencies change alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

# Square root of the covariance of the colours (R, G, B) of photographs: lightness, blue to yellow, green to purple.
COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


@dataclass(frozen=True)
class Step:
    """How far it is. `value`: what is raised (a score) or lowered (a loss); `picture`: (c, h, w) in 0..1 if wanted."""

    step: int
    steps: int
    value: float
    picture: Tensor | None = None


Tell = Callable[[Step], None]


def silent(step: Step) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Watch:
    """Who is told of each step, and in which steps of them the picture is shown. `every` 0: in none."""

    tell: Tell = silent
    every: int = 0

    def __call__(self, step: int, steps: int, value: float, picture: Tensor) -> None:
        """`picture`: (1, c, h, w), of whatever range."""
        shown = self.every > 0 and step % self.every == 0
        self.tell(Step(step, steps, value, picture.detach()[0].clamp(0, 1).clone() if shown else None))


def colours_of(channels: int) -> Tensor:
    """(channels, channels): from independent colours to those of a picture, the strongest with length 1."""
    if channels == 1:
        return torch.ones(1, 1)
    mixing = torch.tensor(COLOURS)
    scaled: Tensor = mixing / mixing.norm(dim=0).max()
    return scaled


def mixed(independent: Tensor) -> Tensor:
    """(n, c, h, w) independent colours around 0 as those of a picture around 0."""
    return torch.einsum("ij,njhw->nihw", colours_of(independent.shape[1]).to(independent), independent)


def unmixed(colours: Tensor) -> Tensor:
    """The inverse of `mixed`."""
    return torch.einsum("ij,njhw->nihw", colours_of(colours.shape[1]).inverse().to(colours), colours)


def resized(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """`pictures` at another size, smooth both ways."""
    if tuple(pictures.shape[2:]) == size:
        return pictures
    return functional.interpolate(pictures, size, mode="bicubic", antialias=True, align_corners=False)


def noise(size: tuple[int, int, int], seed: int) -> Tensor:
    """(1, c, h, w): grey with a little noise that is coarse and fine at once, as in photographs."""
    draw = torch.Generator().manual_seed(seed)
    channels, height, width = size
    white = torch.randn(1, channels, height, width, generator=draw)
    spectrum = torch.fft.rfft2(white) * (1 / frequencies(height, width)) ** 0.75
    flat = torch.fft.irfft2(spectrum, s=(height, width))
    return (0.5 + 0.05 * mixed(flat / flat.std())).clamp(0, 1)


def frequencies(height: int, width: int) -> Tensor:
    """(height, width // 2 + 1): cycles a pixel of each number of `torch.fft.rfft2`, at least those of one cycle."""
    y, x = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    found: Tensor = (y.square() + x.square()).sqrt().clamp(min=1 / max(height, width))
    return found
