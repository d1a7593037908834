"""The loaders of a training: one for each part of the data, open until it ends, so that what was read can be kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from math import prod
from types import TracebackType

from striate.data.kept import default_memory
from striate.data.loader import Loader
from striate.data.preprocess import Preprocess
from striate.data.records import Part
from striate.training.config import TrainConfig


class Reading:
    """Loaders with the workers and the cache of `config`, which share the memory for prepared pictures.

    `here`: processes of this machine that each have such loaders. `tell`: as of `Loader`. Use it in a `with`.
    """

    def __init__(self, config: TrainConfig, here: int, tell: Callable[[str], None]):
        self._config, self._tell = config, tell
        self._room = default_memory() // here
        self._open: dict[int, Loader] = {}
        self._ends = ExitStack()

    def of(self, part: Part, preprocess: Preprocess) -> Loader:
        """The loader of `part`, opened at the first call. Raises as `Loader`."""
        if id(part) not in self._open:
            config = self._config
            loader = Loader(
                part, preprocess, workers=config.workers, memory=self._room, cache=config.cache, tell=self._tell
            )
            needed = len(part) * prod(preprocess.image)
            self._room -= needed if needed <= self._room else 0  # a part that does not fit whole is not kept
            self._open[id(part)] = self._ends.enter_context(loader)
        return self._open[id(part)]

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ends.close()
