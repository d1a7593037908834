"""What a paper says of its network, kept beside the function that builds it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

from striate.rows import Shape

Build = TypeVar("Build", bound=Callable[..., nn.Module])


@dataclass(frozen=True)
class Facts:
    """Facts of one network at its default image and classes.

    `parameters` counts every trainable number once; `multiply_adds` those of convolutions and fully connected layers,
    one picture, without biases. `top1`, `top5`: published accuracy in percent, `source` says whose and how measured;
    None where nobody published one.
    """

    paper: str
    year: int
    parameters: int
    multiply_adds: int
    image: Shape
    classes: int
    top1: float | None = None
    top5: float | None = None
    source: str = ""


def network(
    *,
    paper: str,
    year: int,
    parameters: int,
    multiply_adds: int,
    top1: float | None = None,
    top5: float | None = None,
    source: str = "",
) -> Callable[[Build], Build]:
    """Mark a function `(image=..., classes=...) -> nn.Module` as a network of the zoo and attach its facts."""

    def mark(build: Build) -> Build:
        defaults = {name: p.default for name, p in inspect.signature(build).parameters.items()}
        facts = Facts(
            paper, year, parameters, multiply_adds, defaults["image"], defaults["classes"], top1, top5, source
        )
        build.facts = facts  # type: ignore[attr-defined]
        return build

    return mark
