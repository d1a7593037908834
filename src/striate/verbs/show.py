"""What a network is before it runs: shapes, counts, memory, what each unit sees, what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from striate.errors import ConfigError
from striate.settings import setting

if TYPE_CHECKING:
    from torch import nn

    from striate.analysis.result import Analysis
    from striate.errors import StriateError
    from striate.networks import Net
    from striate.repair import Diagnosis
    from striate.rows import Shape

SIZES = (16, 24, 28, 32, 48, 64, 75, 96, 128, 160, 192, 224, 227, 256, 299, 331, 384, 512)  # pixels of a side
FARTHEST = 33  # pixels of a side within which a picture without remainders is looked for
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


def check_images(settings: ShowSettings) -> None:
    """Raise `ConfigError` where a drawing could not be written, before anything is worked out."""
    for path in (settings.svg, settings.png):
        if path is not None and not path.resolve().parent.is_dir():
            raise ConfigError(f"{path}: there is no folder {path.resolve().parent}. Make it, or name another.")


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


def why_not(
    net: Net,
    image: Shape | None = None,
    *,
    classes: int | None = None,
    letters: Mapping[str, int] | None = None,
    strict: bool = False,
) -> Diagnosis | None:
    """Why `net` cannot be built or run, and fixes that were tried; None where it can, or where nobody can tell.

    `strict`: a remainder is a reason too.
    """
    from torch import nn

    from striate import networks
    from striate.errors import StriateError
    from striate.repair import diagnose

    shape = full_image(image, net)
    count = classes or networks.default_classes(net)
    if isinstance(net, str) and networks.refer(net).kind == "notation":
        found = diagnose(net, shape, count, letters=letters)
    elif isinstance(net, nn.Module):
        found = diagnose(net, shape)
    else:
        try:
            found = diagnose(built(net, shape, count, letters), shape)
        except StriateError as error:
            own = networks.default_image(net)
            return None if own in (None, shape) else larger_picture(net, shape, count, error)
    return found or (without_remainder(net, shape, count, letters) if strict else None)


def without_remainder(net: Net, image: Shape, classes: int, letters: Mapping[str, int] | None) -> Diagnosis | None:
    """The diagnosis of a network in which a stride leaves a remainder: the nearest pictures for which none does."""
    from striate.errors import ShapeError, StriateError
    from striate.misfit import times
    from striate.repair import Diagnosis, Fix

    def remainder(shape: Shape) -> StriateError | None:
        try:
            show(net, shape, classes=classes, strict=True, letters=letters)
        except StriateError as error:
            return error
        return None

    problem = remainder(image)
    if not isinstance(problem, ShapeError):
        return None
    steps = (step for far in range(1, FARTHEST + 1) for step in (far, -far) if step > -min(image[1:]))
    near = ((image[0], *(side + step for side in image[1:])) for step in steps)
    fitting = islice((shape for shape in near if remainder(shape) is None), 2)
    fixes = tuple(Fix(f"Take {times(shape)} pictures", shape, told={"image": list(shape)}) for shape in fitting)
    return Diagnosis(".".join(problem.path), problem.problem, problem.formula, None, None, fixes, problem)


def larger_picture(net: Net, image: Shape, classes: int, error: StriateError) -> Diagnosis | None:
    """The diagnosis of a network of the zoo that `image` is too small for: the smallest picture that it can take."""
    from striate.errors import ShapeError, StriateError
    from striate.misfit import times
    from striate.repair import Diagnosis, Fix

    if not isinstance(error, ShapeError):
        return None
    for size in SIZES:
        larger = (image[0], *(max(size, side) for side in image[1:]))
        try:
            built(net, larger, classes, None)
        except StriateError:
            continue
        fix = Fix(f"Take {times(larger)} pictures", larger, told={"image": list(larger)})
        row = ".".join(error.path)
        return Diagnosis(row, error.problem, error.formula, error.given, None, (fix,), error)
    return None


def built(net: Net, image: Shape, classes: int | None, letters: Mapping[str, int] | None) -> nn.Module:
    """The module of `net` on the meta device, where it takes no memory; a module as it is."""
    import torch

    from striate import networks

    with torch.device("meta"):
        return networks.build(net, image, classes or networks.default_classes(net), letters=letters)
