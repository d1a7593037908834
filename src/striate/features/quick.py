"""A network that only answers, made quick: norms folded, pixels last, on a CPU activations fused and weights packed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from striate.analysis.result import Layer, Shape
from striate.features.folded import folded, put
from striate.features.fused import fuse, there
from striate.features.quick_response_norm import QuickResponseNorm

PIXELS = 2**20  # that a thread has in work: a large network has its weights read once for all of them
PIXELS_OF_A_DEVICE = 2**24
FEWEST, MOST = 4, 512  # pictures


def quick(
    net: nn.Module, layers: Sequence[Layer], image: Shape, *, device: torch.device, dtype: torch.dtype
) -> nn.Module:
    """A copy of `net` on `device` that computes with `dtype` and gives the same, but for rounding, in less time.

    `layers`: as `analyse` found them for pictures of `image` (channels, height, width). It takes pictures with their
    channels last; raises what torch raises where that or `dtype` is not known to a layer.
    """
    made = folded(net, layers).to(device, dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cpu":
        maps = {layer.name for layer in layers if len(layer.output) == 3}
        for name, module in list(made.named_modules()):
            if type(module) is nn.LocalResponseNorm and name in maps:
                put(made, name, QuickResponseNorm(module))
        if there(dtype):
            fuse(made, layers, image, at_once(image, device))
    return made  # type: ignore[no-any-return]


def at_once(image: Shape, device: torch.device) -> int:
    """How many pictures of `image` a thread, or the device, computes at a time."""
    _, height, width = image
    pixels = PIXELS if device.type == "cpu" else PIXELS_OF_A_DEVICE
    return max(FEWEST, min(MOST, pixels // (height * width)))
