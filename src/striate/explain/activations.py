"""What every layer of a network makes of a picture."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Activation:
    """What one call of a layer gave.

    `name`: the key path of the module; its second call, where it is used twice, is "name:2".
    `given`: shape of its first input; `output`: (n, ...), detached, its own copy, on the device of the network.
    """

    name: str
    layer: nn.Module
    given: tuple[int, ...]
    output: Tensor


def activations(net: nn.Module, images: Tensor) -> list[Activation]:
    """The output of every layer of `net` (modules without children) for `images`, in the order they are computed.

    `images`: (n, c, h, w) or whatever `net` takes, already normalised. The network answers as in use (dropout silent,
    batch norm with its running values) and is left as it was found. Outputs that are not one tensor are left out.

    >>> net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(inplace=True))
    >>> [(a.name, tuple(a.output.shape)) for a in activations(net, torch.zeros(1, 1, 28, 28))]
    [('0', (1, 6, 24, 24)), ('1', (1, 6, 24, 24))]
    """
    seen: list[Activation] = []

    def note(name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        calls = count(1)

        def hook(layer: nn.Module, given: tuple[Any, ...], output: Any) -> None:
            call = next(calls)
            if isinstance(output, Tensor):
                shape = tuple(given[0].shape) if given and isinstance(given[0], Tensor) else ()
                copy = output.detach().clone()  # layers that work in place may follow
                seen.append(Activation(name if call == 1 else f"{name}:{call}", layer, shape, copy))

        return hook

    training = {layer: layer.training for layer in net.modules()}
    with ExitStack() as undo:
        for name, layer in net.named_modules():
            if not any(layer.children()):
                undo.callback(layer.register_forward_hook(note(name)).remove)
        try:
            net.eval()
            with torch.no_grad():
                net(images)
        finally:
            for layer, flag in training.items():
                layer.training = flag
    return seen


def strongest(output: Tensor, most: int = 16) -> list[int]:
    """The `most` channels of one picture's `output` (c, ...) with the largest mean magnitude, in their own order."""
    strength = output.float().abs().flatten(1).mean(1) if output.ndim > 1 else output.float().abs()
    return sorted(strength.topk(min(most, len(strength))).indices.tolist())
