"""What one layer of a network makes of pictures: its output, or what the classifier is given."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from striate.errors import ConfigError, UnknownName
from striate.layers.neighbours import Neighbours
from striate.registry import nearest


def layer_output(net: nn.Module, images: Tensor, layer: str) -> Tensor:
    """What the layer with the key path `layer` gives for `images`; of several calls, the last.

    `images`: (n, c, h, w) or whatever `net` takes, already normalised. `UnknownName` offers the nearest layer.

    >>> net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(6, 10))
    >>> layer_output(net, torch.zeros(2, 1, 5, 5), "0").shape
    torch.Size([2, 6, 1, 1])
    """
    layers = {name: module for name, module in net.named_modules() if name}
    if layer not in layers:
        close = nearest(layer, list(layers))
        hint = f"Did you mean {' or '.join(close)}?" if close else "`striate show` lists them."
        raise UnknownName(f"there is no layer called '{layer}'. {hint}")
    caught: list[Any] = []
    hook = layers[layer].register_forward_hook(lambda module, given, output: caught.append(_copy(output)))
    return _last(net, images, caught, [hook], layer)


def classifier_input(net: nn.Module, images: Tensor, classes: int) -> Tensor:
    """What the last layer that gives `classes` outputs is given for `images`: (n, features), or maps (n, c, h, w).

    >>> net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(6, 10))
    >>> classifier_input(net, torch.zeros(2, 1, 5, 5), 10).shape
    torch.Size([2, 6])
    """
    caught: list[Any] = []
    last = [module for module in net.modules() if outputs(module) == classes]
    hooks = [module.register_forward_pre_hook(lambda module, given: caught.append(_copy(given[0]))) for module in last]
    found = _last(net, images, caught, hooks, "the classifier")
    return found.flatten(1) if found.ndim == 4 and found.shape[2:] == (1, 1) else found


def _last(net: nn.Module, images: Tensor, caught: list[Any], hooks: list[Any], layer: str) -> Tensor:
    with ExitStack() as undo:
        for hook in hooks:
            undo.callback(hook.remove)
        with torch.no_grad():
            net(images)
    if not caught or not isinstance(caught[-1], Tensor):
        raise ConfigError(f"{layer} gives no tensor for a picture. Name another layer.")
    return caught[-1]


def _copy(given: Any) -> Any:
    return given.detach().clone() if isinstance(given, Tensor) else None  # layers that work in place may follow


def outputs(layer: nn.Module) -> int:
    """How many outputs a layer has that is fully connected, convolutional or a classifier that remembers, else 0."""
    if isinstance(layer, Neighbours):
        return layer.votes.shape[1]
    weight = getattr(layer, "weight", None)
    return len(weight) if isinstance(weight, Tensor) and weight.ndim > 1 else 0
