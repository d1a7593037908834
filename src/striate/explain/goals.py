"""What a dream is to have more of: a layer, one of its channels, a class, or what is in another picture.

Each is asked (viewer, pictures) and gives (n,) scores that have a slope.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from striate.errors import ConfigError
from striate.explain.viewer import Viewer

AT_ONCE = 2**24  # products of positions of two pictures that are held together


class Goal(Protocol):
    """Anything that scores pictures (n, c, h, w) in 0..1: (n,), the more the better."""

    def __call__(self, viewer: Viewer, pictures: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Layer:
    """All that the layer finds: the mean square of its outputs."""

    name: str

    def __call__(self, viewer: Viewer, pictures: Tensor) -> Tensor:
        return viewer.maps(pictures, [self.name])[self.name].square().flatten(1).mean(1)


@dataclass(frozen=True)
class Channel:
    """The mean of one channel of a layer, counted from 0."""

    name: str
    channel: int

    def __call__(self, viewer: Viewer, pictures: Tensor) -> Tensor:
        return viewer.maps(pictures, [self.name])[self.name][:, self.channel].flatten(1).mean(1)


@dataclass(frozen=True)
class Class:
    """The score of a class, before any softmax."""

    number: int

    def __call__(self, viewer: Viewer, pictures: Tensor) -> Tensor:
        sized = pictures if viewer.any_size else viewer.own_size(pictures)
        return viewer.scores(sized)[:, self.number]


@dataclass(frozen=True)
class Guide:
    """At every place the features of a layer that are most like there, of those in another picture.

    `features`: (channels, positions) of that picture, as `guided` gives them.
    """

    name: str
    features: Tensor = field(repr=False)

    def __call__(self, viewer: Viewer, pictures: Tensor) -> Tensor:
        own = viewer.maps(pictures, [self.name])[self.name].flatten(2)
        scores = []
        for one in own:
            parts = [(part.T @ self.features).amax(1).sum() for part in one.split(self._columns(), 1)]
            scores.append(torch.stack(parts).sum() / one.shape[1])
        return torch.stack(scores)

    def _columns(self) -> int:
        return max(1, AT_ONCE // self.features.shape[1])


def guided(viewer: Viewer, name: str, guide: Tensor) -> Guide:
    """The goal to find what `guide` (1, c, h, w) in 0..1 shows the layer."""
    with torch.no_grad():
        found = viewer.maps(guide, [name])[name].detach()
    if found.ndim != 4:
        raise ConfigError(f"layer '{name}' gives {tuple(found.shape)}, no maps to be guided by. Name a convolution.")
    return Guide(name, found[0].flatten(1))


def channel_of(viewer: Viewer, name: str, channel: int) -> Channel:
    """The goal of one channel; `ConfigError` where the layer has no such."""
    shape = viewer.check(name).shape
    if len(shape) < 2 or not 0 <= channel < shape[1]:
        raise ConfigError(f"layer '{name}' has channels 0 to {shape[1] - 1 if len(shape) > 1 else 0}, not {channel}.")
    return Channel(name, channel)
