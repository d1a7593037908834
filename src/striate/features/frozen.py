"""What a network that does not learn makes of all pictures of a part: read, prepared and computed once, side by side.

On a CPU each thread takes a few pictures from their files to their features by itself, with one thread of torch: none
waits for another. Elsewhere threads read, and the device computes.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from striate.analysis.result import Layer
from striate.data.loader import Loader
from striate.data.loader_pictures import InFiles, InMemory, Source
from striate.data.loader_threads import Failed, Threads
from striate.data.preprocess import Preprocess
from striate.data.records import Part, Pictures
from striate.data.transforms.augment import Augment
from striate.errors import DataError
from striate.features.card import classifier_name
from striate.features.extract import rows
from striate.features.quick import at_once, quick
from striate.model import Model

ALIKE = {torch.float32: 0.99999, torch.bfloat16: 0.99}  # cosine of features with those of the plain network


@dataclass(frozen=True)
class Variant:
    """How pictures are changed before their features are taken: what `augment` does in epoch `number`."""

    augment: Augment
    seed: int
    number: int

    def __str__(self) -> str:
        return f"{self.augment} seed {self.seed} number {self.number}"


@dataclass(frozen=True, eq=False)
class Found:
    """`features` (n, f) float32 of the pictures at `index` (n,) of a part; `unreadable`: why, by position."""

    features: Tensor
    index: Tensor
    unreadable: dict[int, str]


class Frozen:
    """The network of `model` up to its classifier, made to compute features and nothing else: batch norms
    and activations are joined with convolutions.

    `layers`: as `analyse` found them in the network. `precision`: float32, or bfloat16 where that was seen to give
    nearly the same; `self.precision` is what is used. The model is left as it is, and may change afterwards.
    """

    def __init__(self, model: Model, layers: Sequence[Layer], *, device: torch.device, precision: str, threads: int):
        self.preprocess, self.device, self.threads = model.preprocess, device, threads
        self._classes, self._name = len(model.classes), classifier_name(model)
        self._caught: Any = threading.local()
        self.dtype = torch.float32
        self._net = copy.deepcopy(model.net).eval().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._watch(self._net)
        image = model.preprocess.image
        for dtype in (torch.float32, torch.bfloat16) if precision == "bfloat16" else (torch.float32,):
            self._use_if_alike(quick(model.net, layers, image, device=device, dtype=dtype), dtype)

    @property
    def precision(self) -> str:
        return str(self.dtype).removeprefix("torch.")

    def of(self, part: Part, variant: Variant | None = None) -> Found:
        """The features of the pictures of `part`, each as it is or as `variant` changes it; unreadable ones are left
        out. `DataError` where none can be read."""
        canvas = self.preprocess.wider() if variant is not None and variant.augment.crop else self.preprocess
        found = (self._side_by_side if self.device.type == "cpu" else self._on_device)(part, canvas, variant)
        if not len(found.index):
            first = next(iter(found.unreadable.values()), "there are none.")
            raise DataError(f"no picture can be read, so there are no features: {first}")
        return found

    def _side_by_side(self, part: Part, canvas: Preprocess, variant: Variant | None) -> Found:
        channels, height, width = canvas.image
        source: Source = (
            InMemory(part, canvas, 0)
            if isinstance(part, Pictures)
            else InFiles(part, canvas, 0, cache=None, workers=())
        )
        chunks = torch.arange(len(part)).split(at_once(canvas.image, self.device))
        given: list[Tensor] = [torch.empty(0)] * len(chunks)

        def job(number: int) -> Failed:
            index = chunks[number]
            if source.ready(index):
                pixels, failed = source.batch(index), {}
            else:
                room = torch.empty(len(index), height, width, channels, dtype=torch.uint8)
                failed = source.fill(index, room)
                pixels = room.permute(0, 3, 1, 2)
            good = torch.tensor([position not in failed for position in index.tolist()])
            if good.any():
                given[number] = self._rows(pixels[good], index[good], variant)
            return failed

        pool, unreadable = Threads(self.threads), Failed()
        try:
            for future in [pool.ask(partial(job, number)) for number in range(len(chunks))]:
                unreadable |= future.result()
        finally:
            source.close()
            pool.close()
        index = torch.tensor([i for i in range(len(part)) if i not in unreadable], dtype=torch.int64)
        return Found(torch.cat([some for some in given if len(some)] or [torch.empty(0, 0)]), index, unreadable)

    def _on_device(self, part: Part, canvas: Preprocess, variant: Variant | None) -> Found:
        features, index = [torch.empty(0, 0)], [torch.empty(0, dtype=torch.int64)]
        with Loader(part, canvas, memory=0) as loader:
            for batch in loader.batches(torch.arange(len(part)).split(at_once(canvas.image, self.device))):
                if len(batch.index):
                    features.append(self._rows(batch.pixels, batch.index, variant))
                    index.append(batch.index)
            return Found(torch.cat(features[1:] or features), torch.cat(index), dict(loader.unreadable))

    def _rows(self, pixels: Tensor, index: Tensor, variant: Variant | None) -> Tensor:
        """(n, f) float32 of pictures (n, c, h, w) uint8, on the CPU."""
        if variant is not None:
            pixels, _ = variant.augment.apply(
                pixels,
                index,
                index,
                seed=variant.seed,
                epoch=variant.number,
                classes=self._classes,
                size=self.preprocess.image[1:],
            )
        return self._given(self._net, self.dtype, pixels)

    @torch.inference_mode()
    def _given(self, net: nn.Module, dtype: torch.dtype, pixels: Tensor) -> Tensor:
        """What the classifier of `net` is given."""
        net(self.preprocess.normalise(pixels.to(self.device), dtype, memory_format=torch.channels_last))
        features: Tensor = self._caught.features
        return features.cpu()

    def _watch(self, net: nn.Module) -> None:
        """Have each thread from now on catch what the classifier of `net` is given."""

        def catch(module: nn.Module, given: tuple[Any, ...]) -> None:
            self._caught.features = rows(given[0])

        net.get_submodule(self._name).register_forward_pre_hook(catch)

    def _use_if_alike(self, net: nn.Module, dtype: torch.dtype) -> None:
        """Compute with `net` from now on, if two pictures of noise get nearly the same features from it."""
        noise = torch.randint(256, (2, *self.preprocess.image), generator=torch.Generator().manual_seed(0))
        before = self._given(self._net, self.dtype, noise.to(torch.uint8))
        self._watch(net)
        try:
            after = self._given(net, dtype, noise.to(torch.uint8))
        except Exception:  # a layer that knows no bfloat16, or code of its own that asks a layer for what it was
            return
        if float(cosine_similarity(before, after).min()) >= ALIKE[dtype]:
            self._net, self.dtype = net, dtype
