"""What a network is before it runs: shapes, counts, memory, what each unit sees, what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from striate.errors import ConfigError
from striate.settings import setting

if TYPE_CHECKING:
    from torch import nn

    from striate.analysis.result import Analysis
    from striate.networks import Net
    from striate.rows import Shape

NOTATION_IMAGE = (3, 32, 32)  # what a network in the lectures' notation is shown for, unless an image is given


@dataclass(frozen=True)
class ShowSettings:
    """Which network to show, for which pictures, and how."""

    net: str = setting(positional="NET", meaning="a network by name, the lectures' notation, or file.py:function")
    image: tuple[int, ...] | None = setting(None, meaning="the picture it takes; the network's own size")
    batch: int = setting(1, meaning="pictures at once; the bytes are for so many", low=1)
    classes: int | None = setting(None, meaning="classes of the last layer; the network's own number", low=1)
    optimizer: str = setting(
        "momentum", meaning="whose state a training step keeps", choices=("sgd", "momentum", "adam")
    )
    strict: bool = setting(False, meaning="make a window that does not fit exactly an error")
    fix: bool = setting(False, meaning="print the repaired network where this one cannot be built")
    svg: Path | None = setting(None, meaning="draw the network into this SVG file")
    png: Path | None = setting(None, meaning="draw the network into this PNG file")
    N: int | None = setting(None, meaning="the letter N of the lectures' pattern", low=0)
    M: int | None = setting(None, meaning="the letter M of the lectures' pattern", low=0)
    K: int | None = setting(None, meaning="the letter K of the lectures' pattern", low=0)


def letters_of(settings: object) -> dict[str, int]:
    """The letters N, M, K that were given."""
    given = {letter: getattr(settings, letter) for letter in "NMK"}
    return {letter: value for letter, value in given.items() if value is not None}


def full_image(image: Shape | None, net: Net) -> Shape:
    """`image` with channels: a size alone takes the network's own channels; None is the network's own picture."""
    from striate import networks

    own = networks.default_image(net)
    if own is None and networks.refer(net).kind == "notation":
        own = NOTATION_IMAGE
    if image is None:
        if own is None:
            raise ConfigError("this network does not say which picture it takes. Give --image, as 3x224x224.")
        return own
    channels = own[0] if own else 3
    if len(image) == 1:
        return (channels, image[0], image[0])
    return (channels, *image) if len(image) == 2 else image


def show(
    net: Net,
    image: Shape | None = None,
    *,
    batch: int = 1,
    classes: int | None = None,
    strict: bool = False,
    optimizer: str = "momentum",
    letters: Mapping[str, int] | None = None,
) -> Analysis:
    """The analysis of `net` (a name, notation, `file.py:function`, or any module) for pictures of `image` (c, h, w).

    Nothing is allocated: all of it happens on torch's meta device. `ShapeError` or `NotationError` where the network
    cannot be built, and, if `strict`, where a stride leaves a remainder.
    """
    from striate.analysis.analyse import analyse

    shape = full_image(image, net)
    return analyse(built(net, shape, classes, letters), shape, batch=batch, strict=strict, optimizer=optimizer)


def built(net: Net, image: Shape, classes: int | None, letters: Mapping[str, int] | None) -> nn.Module:
    """The module of `net` on the meta device, where it takes no memory; a module as it is."""
    import torch

    from striate import networks

    with torch.device("meta"):
        return networks.build(net, image, classes or networks.default_classes(net), letters=letters)
