"""A network as a viewer of pictures in 0..1: what its layers make of one, computed no further than is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from striate.errors import ConfigError, StriateError, UnknownName
from striate.explain.answers import answers, as_found, hooked
from striate.misfit import CONVOLUTIONS
from striate.registry import nearest


class _Enough(Exception):
    """All layers that were asked for have answered."""


@dataclass(frozen=True)
class Call:
    """One call of a layer. `name`: its key path, and ":2" for its second call; `shape`: of what it gave."""

    name: str
    layer: nn.Module
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Viewer:
    """`net` with how it takes pictures. All pictures here are (n, c, h, w) floats in 0..1.

    `image`: (channels, height, width) it was made for; `mean`, `std`: one a channel. `bfloat16`: compute in it where
    that is quick, which leaves out networks with depthwise convolutions: their slope is slow in it.
    """

    net: nn.Module
    image: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bfloat16: bool = False

    def __post_init__(self) -> None:
        if len(self.image) != 3 or self.image[0] not in (1, 3):
            size = "x".join(map(str, self.image))
            raise ConfigError(f"the network takes {size}; only pictures of 1 or 3 channels can be drawn.")

    @cached_property
    def device(self) -> torch.device:
        return next((p.device for p in self.net.parameters()), torch.device("cpu"))

    @cached_property
    def calls(self) -> list[Call]:
        """Every call of a layer for a picture of its own size, in order, blocks behind what is in them."""
        seen: list[Call] = []

        def note(name: str, layer: nn.Module, output: Any) -> None:
            if isinstance(output, Tensor):
                seen.append(Call(name, layer, tuple(output.shape)))

        with torch.no_grad():
            self._watched(torch.zeros(1, *self.image), note)
        return seen

    @cached_property
    def any_size(self) -> bool:
        """Whether it answers for pictures of other sizes than its own."""
        channels, height, width = self.image
        with torch.no_grad():
            try:
                self.scores(torch.zeros(1, channels, 2 * height, 2 * width))
            except (RuntimeError, ValueError, StriateError):  # each module says in its own way that it does not fit
                return False
        return True

    def check(self, layer: str) -> Call:
        """The call named `layer`; `UnknownName` offers the nearest, `ConfigError` where the network has no maps."""
        if not any(isinstance(module, CONVOLUTIONS) for module in self.net.modules()):
            raise ConfigError(
                "this network has no convolution, so no layer gives maps to dream of. A class can still be dreamt of."
            )
        by_name = {call.name: call for call in self.calls}
        if layer not in by_name:
            known = list(by_name)
            close = nearest(layer, known)
            hint = f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(known[:6])} ..."
            raise UnknownName(f"there is no layer called '{layer}'. {hint}")
        return by_name[layer]

    def maps(self, pictures: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """What the calls `names` give for `pictures`; the network is left when the last of them has answered."""
        wanted = set(names)
        found: dict[str, Tensor] = {}

        def note(name: str, layer: nn.Module, output: Any) -> None:
            if name in wanted:
                found[name] = output.float() if len(found) + 1 == len(wanted) else output.clone().float()
                if len(found) == len(wanted):
                    raise _Enough

        self._watched(pictures, note, {name.partition(":")[0] for name in names})
        return found

    def scores(self, pictures: Tensor) -> Tensor:
        """(n, classes): the answers for `pictures`."""
        with as_found(self.net), self._precision():
            return answers(self.net, self.normalised(pictures)).float()

    def normalised(self, pictures: Tensor) -> Tensor:
        """`pictures` as the network takes them."""
        mean, std = (torch.tensor(v, device=pictures.device).view(1, -1, 1, 1) for v in (self.mean, self.std))
        return ((pictures - mean) / std).to(self.device).contiguous(memory_format=torch.channels_last)

    def own_size(self, pictures: Tensor) -> Tensor:
        """`pictures` brought to the size that the network was made for."""
        return functional.interpolate(pictures, self.image[1:], mode="bilinear", antialias=True)

    def _watched(
        self, pictures: Tensor, note: Callable[[str, nn.Module, Any], None], only: set[str] | None = None
    ) -> None:
        """Run the network; `note` is told of every call, of the layers `only`, and may end it with `_Enough`."""
        counted: Counter[str] = Counter()

        def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
            def told(layer: nn.Module, given: Any, output: Any) -> None:
                counted[name] += 1
                note(name if counted[name] == 1 else f"{name}:{counted[name]}", layer, output)

            return told

        layers = [(name, layer) for name, layer in self.net.named_modules() if name and (only is None or name in only)]
        hooks = [layer.register_forward_hook(hook(name)) for name, layer in layers]
        with as_found(self.net), hooked(*hooks), self._precision():
            try:
                self.net(self.normalised(pictures))
            except _Enough:
                return

    def _precision(self) -> torch.autocast:
        depthwise = any(isinstance(m, CONVOLUTIONS) and 1 < m.groups == m.in_channels for m in self.net.modules())
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16 and not depthwise)
