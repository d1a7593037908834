"""A network that answers about pictures one after the other, however many, quickly and in little memory.

On a CPU each thread takes a few pictures from their files to what the network makes of them by itself, with one thread
of torch: none waits for another. On a device threads read, and the device computes. For more than a few pictures the
network is made quick, if that gives the same on noise.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import torch
from torch import Tensor, nn

from striate.analysis.analyse import layers_of
from striate.analysis.result import Layer
from striate.data.loader_threads import Failed, Threads
from striate.errors import ConfigError
from striate.features.asked import Asked
from striate.features.card import classifier_name
from striate.features.close_calls import PROBES, Doubt, clouds, where_it_pays
from striate.features.extract import rows
from striate.features.quick import at_once, quick
from striate.model import Model

AHEAD = 2  # times as many are on their way as threads work
QUICK_PAYS = 32  # pictures; for fewer, looking through the network takes longer than it saves
ALIKE = 1e-3  # of the largest number: more than rounding, less than any mistake
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, eq=False)
class Chunk:
    """What the network made of the next few pictures. `reasons`: why, by place in `files`, of those not readable.

    `rows`: (n, ...) float32 on the CPU, of the n others in their order.
    """

    files: tuple[str, ...]
    reasons: dict[int, str]
    rows: Tensor


@dataclass
class _Work:
    asked: Sequence[Asked]
    pixels: list[Tensor] = field(default_factory=list)
    rows: Tensor | None = None


class Stream:
    """`model` made to give its outputs, or what it sees, and nothing else; the model is left as it is.

    `wanted`: "outputs", or "features": what its classifier is given, or with `layer` what that layer gives, as rows.
    `precision`: float32 or bfloat16. `doubt`: of outputs in float32, a CPU may compute in bfloat16 those that are not
    in doubt. `threads`: as many as torch computes with where it is None. Raises `UnknownName` and `ConfigError` for a
    layer that is not there or gives no tensor.
    """

    def __init__(
        self,
        model: Model,
        wanted: str = "outputs",
        layer: str | None = None,
        *,
        precision: str = "float32",
        doubt: Doubt | None = None,
        threads: int | None = None,
    ):
        self.model, self.wanted, self.layer = model, wanted, layer
        self.dtype, self.doubt = PRECISIONS[precision], doubt
        self.threads = threads or torch.get_num_threads()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._caught: Any = threading.local()
        self._layout = torch.contiguous_format
        self._name = (layer or classifier_name(model)) if wanted == "features" else ""
        if layer is not None:
            model.features(torch.zeros(1, *model.preprocess.image, dtype=torch.uint8), layer)  # is it there?

    def of(self, pictures: Iterable[Asked]) -> Iterator[Chunk]:
        """What the network makes of `pictures`, in their order; a few are in memory at a time."""
        left = iter(pictures)
        first = list(islice(left, QUICK_PAYS))
        net = self._prepared(first)
        pool = Threads(self.threads)
        waiting: deque[tuple[_Work, Any]] = deque()
        try:
            for some in _parts(chain(first, left), at_once(self.model.preprocess.image, self.device)):
                work = _Work(some)
                waiting.append((work, pool.ask(self._job(net, work))))
                if len(waiting) > AHEAD * self.threads:
                    yield self._chunk(net, *waiting.popleft())
            while waiting:
                yield self._chunk(net, *waiting.popleft())
        finally:
            pool.close()

    def _job(self, net: nn.Module, work: _Work) -> Callable[[], Failed]:
        def job() -> Failed:
            failed = {}
            for place, one in enumerate(work.asked):
                found = one.read(self.model.preprocess)
                if isinstance(found, str):
                    failed[place] = found
                else:
                    work.pixels.append(found)
            if self.device.type == "cpu":
                work.rows = self._given(net, work.pixels)
            return failed

        return job

    def _chunk(self, net: nn.Module, work: _Work, future: Any) -> Chunk:
        failed = future.result()
        given = self._given(net, work.pixels) if work.rows is None else work.rows
        return Chunk(tuple(one.file for one in work.asked), failed, given)

    @torch.inference_mode()
    def _given(self, net: nn.Module, pixels: list[Tensor]) -> Tensor:
        """(n, ...) what `net` makes of prepared pictures; they are forgotten."""
        if not pixels:
            return torch.empty(0, 0)
        ready = self._ready(pixels)
        pixels.clear()
        try:
            outputs = net(ready)
        except RuntimeError as error:
            if self.dtype == torch.float32:
                raise
            said = str(error).splitlines()[0]
            raise ConfigError(
                f"precision is bfloat16, which a layer does not know ({said:.160}). Use float32."
            ) from None
        found: Tensor = outputs if self.wanted == "outputs" else self._caught.rows
        return found.float().cpu()

    def _ready(self, pixels: Sequence[Tensor]) -> Tensor:
        """(n, c, h, w) as the network takes them, of pictures (c, h, w) uint8; there may be none."""
        if not pixels:
            return torch.empty(0, *self.model.preprocess.image, dtype=self.dtype)
        batch = torch.stack([each.permute(1, 2, 0) for each in pixels]).permute(0, 3, 1, 2)
        return self.model.preprocess.normalise(batch.to(self.device), self.dtype, memory_format=self._layout)

    def _prepared(self, first: Sequence[Asked]) -> nn.Module:
        """The network as it computes: quickly only if `first` are many, and if that gives the same."""
        self._layout = torch.channels_last
        made = self._quick(first) if len(first) == QUICK_PAYS else None
        if made is None:
            self._layout = torch.contiguous_format
            made = copy.deepcopy(self.model.net).eval().requires_grad_(False).to(self.device, self.dtype)
        if self._name:
            self._watch(made)
        return made

    def _quick(self, first: Sequence[Asked]) -> nn.Module | None:
        """The network with its pixels last and, where no layer of it is wanted, made quick; None where it cannot be
        followed so, or gives something else."""
        net, image = self.model.net.eval(), self.model.preprocess.image
        there = next((p.device for p in net.parameters()), torch.device("cpu"))
        noise = torch.randn(2, *image, generator=torch.Generator().manual_seed(0))
        try:
            layers = layers_of(net, image) if self.layer is None else ()
            made = self._made(layers, torch.float32)
            with torch.inference_mode():
                found = made(noise.to(self.device).contiguous(memory_format=torch.channels_last)).to(there)
                plain = net(noise.to(there))
        except Exception:  # of whatever kind its own code raises; as it is, it computes all the same
            return None
        if not bool(((plain - found).abs() <= ALIKE * plain.abs().max()).all()):
            return None
        if self.dtype != torch.float32:
            return self._made(layers, self.dtype)
        if self.doubt is None or self.device.type != "cpu":
            return made
        read = (one.read(self.model.preprocess) for one in first[:: QUICK_PAYS // PROBES])
        probes = self._ready([found for found in read if isinstance(found, Tensor)])
        low = self._made(layers, torch.bfloat16)
        return where_it_pays(made, low, self.doubt, probes, self._ready(list(clouds(image))))

    def _made(self, layers: Sequence[Layer], dtype: torch.dtype) -> nn.Module:
        net, image = self.model.net, self.model.preprocess.image
        if self.layer is None:
            return quick(net, layers, image, device=self.device, dtype=dtype)
        made = copy.deepcopy(net).requires_grad_(False).to(self.device, dtype)
        return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _watch(self, net: nn.Module) -> None:
        """Have each thread catch what is wanted of `net`."""

        def before(module: nn.Module, given: tuple[Any, ...]) -> None:
            self._caught.rows = rows(given[0].detach().clone())  # layers that work in place may follow

        def after(module: nn.Module, given: tuple[Any, ...], output: Tensor) -> None:
            self._caught.rows = rows(output.detach().clone())

        module = net.get_submodule(self._name)
        if self.layer is None:
            module.register_forward_pre_hook(before)
        else:
            module.register_forward_hook(after)


def _parts(pictures: Iterable[Asked], at_once: int) -> Iterator[list[Asked]]:
    left = iter(pictures)
    while some := list(islice(left, at_once)):
        yield some
