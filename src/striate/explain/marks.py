"""What marks a function as an explanation with a name, so that a new one is one new file.

    @explanation(paper="...", signed=False)
    def method(net: nn.Module, images: Tensor, targets: Tensor, *, own: int = 1) -> Tensor: ...

`images`: (n, c, *spatial) normalised float, in one, two or three dimensions; `targets`: (n,) int64. Gives the map
(n, *spatial): how much each pixel speaks for the target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

Method = TypeVar("Method", bound=Callable[..., Tensor])


@dataclass(frozen=True)
class Explanation:
    """What is known of a method.

    `signed`: below zero is evidence against the target; else maps are at least 0. `layered`: it explains by a layer of
    maps and takes `layer`. `asks_network`: False for the baselines, which look at no network.
    """

    paper: str
    signed: bool
    layered: bool = False
    asks_network: bool = True


def explanation(
    *, paper: str, signed: bool, layered: bool = False, asks_network: bool = True
) -> Callable[[Method], Method]:
    """Mark a function `(net, images, targets) -> maps` as an explanation that is found by the function's name."""

    def mark(method: Method) -> Method:
        marked = torch.inference_mode(False)(method)  # what is made under inference_mode cannot be differentiated
        marked.explanation = Explanation(paper, signed, layered, asks_network)  # type: ignore[attr-defined]
        return marked

    return mark
