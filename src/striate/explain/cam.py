"""Maps of a layer and the slope of the answer at them: what Grad-CAM and those after it are made of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from striate.errors import ConfigError, UnknownName
from striate.explain.answers import as_found, hooked, pictures_at_once, prepared, scores
from striate.explain.gradients import slope
from striate.explain.target_layer import channel_axis, is_map, target_layer
from striate.registry import nearest


def maps_and_slopes(net: nn.Module, images: Tensor, targets: Tensor, layer: str | None = None) -> tuple[Tensor, Tensor]:
    """(n, maps, *positions) twice: what a layer gives, and the slope of each picture's score there.

    `layer`: a key path, of several calls the last, or "name:1" for the first; None: the last that gives maps.
    `UnknownName` offers the nearest layer and lists them; `ConfigError` where the layer gives no maps. Nothing before
    the layer is differentiated.
    """
    images, targets = prepared(net, images, targets)
    module, call = _module(net, target_layer(net, images) if layer is None else layer)
    parts = pictures_at_once(images)
    with as_found(net):
        found = [
            _at_layer(net, module, call, x, t) for x, t in zip(images.split(parts), targets.split(parts), strict=True)
        ]
    outputs, slopes = (torch.cat(tensors) for tensors in zip(*found, strict=True))
    if not is_map(images, outputs):
        last = target_layer(net, images)
        raise ConfigError(
            f"layer '{layer}' gives {tuple(outputs.shape[1:])} a picture, which is no map of places. The last layer "
            f"with maps is {last}."
        )
    axis = channel_axis(images, outputs)
    return outputs.movedim(axis, 1), slopes.movedim(axis, 1)


def resized(maps: Tensor, images: Tensor) -> Tensor:
    """(n, *spatial): `maps` (n, *positions) stretched linearly to the size of `images` (n, c, *spatial)."""
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[maps.ndim - 1]
    return interpolate(maps[:, None], size=images.shape[2:], mode=mode, align_corners=False)[:, 0]


def _module(net: nn.Module, layer: str) -> tuple[nn.Module, int | None]:
    modules = {name: module for name, module in net.named_modules() if name}
    name, _, call = layer.rpartition(":")
    if layer in modules:
        return modules[layer], None
    if name in modules and call.isdecimal():
        return modules[name], int(call)
    close, names = nearest(layer, list(modules)), list(modules)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    more = f" and {len(names) - 30} more" if len(names) > 30 else ""
    raise UnknownName(f"there is no layer called '{layer}'.{hint} There are {', '.join(names[:30])}{more}.")


def _at_layer(
    net: nn.Module, module: nn.Module, call: int | None, images: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    """The layer's output and the slope there. The graph begins at the layer: what it gives is handed on as a leaf."""
    kept: list[Tensor] = []
    calls = 0

    def cut(layer: nn.Module, given: Any, output: Any) -> Any:
        nonlocal calls
        calls += 1
        if call is not None and calls != call:
            return None
        return _replaced(output, kept)

    with hooked(module.register_forward_hook(cut)):
        score = scores(net, images, targets)
    if not kept:
        often = f"was called {calls} time{'s' if calls > 1 else ''}" if calls else "was not used"
        raise ConfigError(f"the layer {often} for these pictures, so it says nothing about them. Name another layer.")
    return kept[-1].detach(), slope(score, kept[-1])


def _replaced(output: Any, kept: list[Tensor]) -> Any:
    """`output` with its first tensor handed on as the copy of a leaf, which goes to `kept`."""
    if isinstance(output, Tensor):
        if not output.is_floating_point():
            return output
        kept.append(output.detach().clone().requires_grad_())
        return kept[-1].clone()  # what follows may work in place
    if isinstance(output, dict):
        changed = dict(output)
        for key, value in output.items():
            before = len(kept)
            changed[key] = _replaced(value, kept)
            if len(kept) > before:
                break
        return type(output)(changed)
    if isinstance(output, tuple | list):
        items = list(output)
        for i, item in enumerate(items):
            before = len(kept)
            items[i] = _replaced(item, kept)
            if len(kept) > before:
                break
        return type(output)(*items) if hasattr(output, "_fields") else type(output)(items)
    return output
