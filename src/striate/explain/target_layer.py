"""The layer that Grad-CAM looks at: the last one that still gives maps, before they are pooled or flattened.

One picture passes the network while every operation is watched. Each tensor that comes of the picture carries which
maps its numbers have all passed through. A module is a candidate if it gives maps of more than one position that come
of a convolution and were not pooled since. The last candidate that everything the answer is made of passed through is
taken; so branches of a stage, side heads and gates are not. Nothing is decided by the names of classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import log, prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from striate.errors import ConfigError
from striate.explain.answers import as_found, first_tensor, hooked

CONVOLVES = ("convolution", "im2col")


@dataclass
class Map:
    """A tensor of maps that a module gave. `names`: that module, and those around it that gave the same tensor on."""

    names: list[tuple[str, int]] = field(default_factory=list)  # key path, and which of its calls


@dataclass
class Mark:
    """What is known of a tensor that comes of the picture. Maps are told by the order in which they were made.

    `through`: the maps that all of it passed through; `last`: the latest that any of it did.
    """

    through: frozenset[int] = frozenset()
    last: int = -1
    convolved: bool = False
    pooled: bool = False
    own: int | None = None  # the map that this tensor is


class Watch(TorchDispatchMode):
    """Marks every tensor that comes of a marked one."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch wraps this mode in its compiler, and imports it for that: seconds

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        marks = [mark for tensor in _tensors((args, kwargs or {})) if (mark := _mark_of(tensor)) is not None]
        if marks:
            made = _made(str(func.overloadpacket.__name__), marks)
            for tensor in _tensors(out):
                tensor.striate_map = made  # type: ignore[attr-defined]  # lives as long as the tensor
        return out


def target_layer(net: nn.Module, images: Tensor) -> str:
    """The name of the last layer of `net` that gives maps of `images` (n, c, *spatial), before pooling.

    Its key path; ":2" is added where the second of more calls is meant. `ConfigError` for a network without
    convolutions, and where no layer gives maps.

    >>> net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    >>> target_layer(net, torch.zeros(1, 1, 8, 8))
    '1'
    """
    maps, calls, end = _watched(net, images[:1])
    if end is None and maps:
        raise ConfigError(
            f"the answer of {type(net).__name__} cannot be followed back to its maps, because a part of it is not done "
            "in torch. centre_blob, edge_detector and occlusion need no slope."
        )
    if end is None:
        raise ConfigError(
            f"{type(net).__name__} has no convolution, so there are no maps for Grad-CAM to look at. saliency, "
            "smooth_grad, integrated_gradients and occlusion take any network; guided_backpropagation and deconvnet "
            "any with ReLU."
        )
    chosen = max(end.through, default=end.last)
    if chosen < 0:
        raise ConfigError(
            f"no layer of {type(net).__name__} gives maps of more than one position for pictures of "
            f"{'x'.join(map(str, images.shape[1:]))}. Give larger pictures, or a network whose convolutions are "
            "modules. saliency, smooth_grad, integrated_gradients and occlusion need no layer."
        )
    name, call = _stage(maps[chosen].names, maps[0].names[0][0])
    return name if calls[name] == call else f"{name}:{call}"


def channel_axis(images: Tensor, maps: Tensor) -> int:
    """Which axis of `maps` holds the channels: 1, or the last if only that gives pixels as wide as high.

    >>> channel_axis(torch.empty(1, 3, 64, 96), torch.empty(1, 4, 6, 512))
    3
    """
    if images.ndim < 4:
        return 1

    def skew(sizes: tuple[int, ...]) -> float:
        strides = [log(image / size) for image, size in zip(images.shape[2:], sizes, strict=True)]
        return max(strides) - min(strides)

    return 1 if skew(maps.shape[2:]) <= skew(maps.shape[1:-1]) else maps.ndim - 1


def is_map(images: Tensor, output: Tensor | None) -> bool:
    """Whether a layer's output has an axis for pictures, one for channels, and more than one position."""
    if output is None or output.ndim != images.ndim or len(output) != len(images) or 0 in output.shape:
        return False
    return prod(output.shape[1:]) // output.shape[channel_axis(images, output)] > 1


def _watched(net: nn.Module, picture: Tensor) -> tuple[list[Map], dict[str, int], Mark | None]:
    """The maps in the order they were made, how often each module was called, and the mark of the answer.

    None for the mark where nothing of the answer comes of a convolution.
    """
    maps: list[Map] = []
    calls: dict[str, int] = {}

    def noted(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, given: Any, output: Any) -> None:
            calls[name] = calls.get(name, 0) + 1
            tensor = first_tensor(output)
            mark = None if tensor is None else _mark_of(tensor)
            if tensor is None or mark is None or not is_map(picture, tensor):
                return
            if mark.own is None and mark.convolved and not mark.pooled:
                place = len(maps)
                maps.append(Map())
                mark = Mark(mark.through | {place}, place, mark.convolved, mark.pooled, place)
                tensor.striate_map = mark  # type: ignore[attr-defined]
            if mark.own is not None:
                maps[mark.own].names.append((name, calls[name]))

        return hook

    like = next((p for p in net.parameters() if p.is_floating_point()), picture)
    hooks = [module.register_forward_hook(noted(name)) for name, module in net.named_modules() if name]
    with hooked(*hooks), as_found(net), torch.no_grad():
        given = picture.detach().to(like, copy=True)
        given.striate_map = Mark()  # type: ignore[attr-defined]
        with Watch():  # type: ignore[no-untyped-call]  # torch gives it no types
            output = first_tensor(net(given))
    mark = None if output is None else _mark_of(output)
    return maps, calls, mark if mark is not None and mark.convolved else None


def _made(operation: str, marks: list[Mark]) -> Mark:
    convolves = any(word in operation for word in CONVOLVES)
    pools = "pool" in operation and "unpool" not in operation
    return Mark(
        frozenset.intersection(*(mark.through for mark in marks)),
        max(mark.last for mark in marks),
        convolves or any(mark.convolved for mark in marks),
        not convolves and (pools or all(mark.pooled for mark in marks)),
    )


def _stage(names: list[tuple[str, int]], first: str) -> tuple[str, int]:
    """Of the modules that gave one tensor on, the outermost around its maker that does not hold the `first` too."""
    maker = names[0]
    around = [one for one in names if maker[0].startswith(f"{one[0]}.") and not first.startswith(f"{one[0]}.")]
    return min([maker, *around], key=lambda one: one[0].count("."))


def _mark_of(tensor: Tensor) -> Mark | None:
    return getattr(tensor, "striate_map", None)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    values = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [tensor for item in values for tensor in _tensors(item)]
