"""Networks that cannot be built or run, each made from a seed: notation, rows, `nn.Sequential`, and classes.

Every one of them is broken by construction and was seen to fail in torch, without this package's repair, before it is
given out. One in three has two or three mistakes.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from broken_modules import broken_module, broken_sequential
from broken_rows import broken_list
from broken_texts import broken_text

from striate.errors import ShapeError
from striate.notation import build
from striate.rows import Shape, stack

MISTAKES = (
    "kernel",
    "channels",
    "groups",
    "flatten",
    "strides",
    "dilation",
    "transposed",
    "skip",
    "concat",
    "features",
)
KINDS: dict[str, Callable[[random.Random, Shape, tuple[str, ...]], Any]] = {
    "notation": broken_text,
    "rows": broken_list,
    "sequential": broken_sequential,
    "module": broken_module,
}


@dataclass(frozen=True)
class Broken:
    """A network that does not fit `image`, and what was done to it (a class has a mistake of its own)."""

    seed: int
    kind: str
    mistakes: tuple[str, ...]
    network: Any
    image: Shape
    classes: int = 10


def image_of(dice: random.Random) -> Shape:
    """Mostly pictures, square or not; some signals and volumes."""
    axes, channels = dice.choice((1, 2, 2, 2, 2, 3)), dice.choice((1, 2, 3, 4))
    side = dice.choice((8, 12, 16, 20, 28, 32)) if axes < 3 else dice.choice((6, 8, 10))
    if dice.random() < 0.6:
        return (channels, *(side,) * axes)
    return (channels, *(side + dice.randrange(0, 9) for _ in range(axes)))


def fails(kind: str, network: Any, image: Shape) -> bool:
    """Whether the network cannot be built, or torch cannot run it."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            if kind == "notation":
                network = build(network, image, 10)
            elif kind == "rows":
                network = stack(image, *network)
            network.eval()(torch.zeros(2, *image))
        except (ShapeError, RuntimeError, ValueError, IndexError):
            return True
    return False


def broken_network(seed: int) -> Broken:
    """The broken network of a seed."""
    for attempt in range(100):
        dice = random.Random(f"{seed} {attempt}")
        torch.manual_seed(seed)
        kind = list(KINDS)[seed % len(KINDS)]
        image = image_of(dice)
        mistakes = tuple(dice.choice(MISTAKES) for _ in range(dice.choice((1, 1, 1, 1, 1, 1, 2, 2, 3))))
        network = KINDS[kind](dice, image, mistakes)
        if fails(kind, network, image):
            return Broken(seed, kind, mistakes, network, image)
    raise AssertionError(f"no broken network was found for seed {seed}")
