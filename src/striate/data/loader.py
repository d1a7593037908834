"""Batches of pictures as the network takes them, in an order that is given, got ready ahead of need.

Nothing here is random, and no number of workers changes a bit: what comes out depends on the pictures, the
preprocessing and the order alone. To go on at a later step, begin the order there.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

from striate.data.cache import LIMIT, Cache
from striate.data.kept import default_memory
from striate.data.loader_pictures import InFiles, InMemory, Source
from striate.data.loader_processes import STARTING, Ends, LoaderError, Worker, check_workers
from striate.data.loader_threads import Failed, Threads
from striate.data.preprocess import Preprocess
from striate.data.records import Part, Pictures

CHUNK = 16  # pictures that one thread or worker takes at once
CHUNK_BYTES = 64 * 2**20  # of their pixels, at most
CHUNK_COPIED = 2**20  # bytes of pixels for which handing pictures in memory to a thread pays
AHEAD = 2  # batches that are got ready before they are asked for, and
AHEAD_PICTURES = 4 * CHUNK  # pictures, at least
PATIENCE = 120.0  # seconds for the pictures of a chunk


@dataclass(frozen=True)
class Batch:
    """Pictures as the network takes them. `index`: (n,) int64, their positions in the part; `labels`: (n,) int64.

    `pixels`: (n, c, h, w) uint8, as `Preprocess.pixels` gives them; those of files lie as (n, h, w, c). n may be 0.
    """

    index: Tensor
    pixels: Tensor
    labels: Tensor


@dataclass(frozen=True)
class _Asked:
    """A batch on its way. `rows`: (n, h, w, c), which the futures fill; None: its pictures only have to be copied."""

    index: Tensor
    rows: Tensor | None = None
    futures: Sequence[Future[Failed]] = ()


class Loader:
    """Gives the pictures of `part` in batches. Use it in a `with`, or `close` it.

    `workers`: processes that read and decode; 0: threads of this process do, as many as torch computes with, and
    nothing has to be handed over. `memory`: bytes for prepared pictures; where all of them fit they are kept after
    their first time. None: a quarter of what is available, at most 4 GiB. `cache`: a folder where prepared pictures of
    files are kept for the next training too (see `striate.data.cache`); all it holds takes at most `cache_limit` bytes.
    `patience`: seconds that a disk or a worker has for a few pictures. `tell` gets a line for what went wrong and was
    mended, in the thread that takes the batches.

    `unreadable`: for each position whose picture cannot be read, the reason; it is left out of its batch. A file that
    changes after it was first read is one of these. Raises `ConfigError`, and `LoaderError` where a worker ends twice.

    >>> part = Pictures(torch.arange(4, dtype=torch.uint8).view(4, 1, 1, 1), torch.tensor([0, 1, 0, 1]))
    >>> with Loader(part, Preprocess((1, 1, 1), (0.0,), (1.0,), "exact")) as loader:
    ...     [batch.pixels.flatten().tolist() for batch in loader.batches([torch.tensor([3, 0]), torch.tensor([2])])]
    [[3, 0], [2]]
    """

    def __init__(
        self,
        part: Part,
        preprocess: Preprocess,
        *,
        workers: int = 0,
        memory: int | None = None,
        cache: Path | None = None,
        cache_limit: int = LIMIT,
        patience: float = PATIENCE,
        tell: Callable[[str], None] = lambda _: None,
    ):
        check_workers(workers)
        self.part, self.patience, self.tell = part, patience, tell
        self.unreadable: Failed = {}
        self._bad = np.zeros(len(part), dtype=bool)
        self._said: SimpleQueue[str] = SimpleQueue()
        self._ends = Ends(self._said.put)
        room = default_memory() if memory is None else memory
        channels, height, width = preprocess.image
        self._shape = (height, width, channels)
        self._chunk = max(1, min(CHUNK, CHUNK_BYTES // (channels * height * width)))
        self._workers: list[Worker] = []
        self._source: Source
        if isinstance(part, Pictures):  # what is in memory is not sent to another process
            self._source = InMemory(part, preprocess, room)
            self._chunk = max(CHUNK, CHUNK_COPIED // (channels * height * width))
        else:
            for number in range(workers):
                self._workers.append(Worker(number, preprocess, self._chunk, patience=patience, ends=self._ends))
            kept = None if cache is None else Cache(cache, part, preprocess, limit=cache_limit, tell=self._said.put)
            self._source = InFiles(part, preprocess, room, cache=kept, workers=self._workers)
        self._pools: list[Threads] = []  # none until it is needed
        self._end = weakref.finalize(self, _end, self._ends, self._source, self._pools, self._workers)

    def batches(self, order: Iterable[Tensor]) -> Iterator[Batch]:
        """One batch for each (m,) int64 of positions, in this order, the next ones on their way meanwhile."""
        asked: deque[_Asked] = deque()
        try:
            for index in order:
                asked.append(self._ask(index))
                while len(asked) > AHEAD and sum(len(each.index) for each in asked) > AHEAD_PICTURES:
                    yield self._batch(asked.popleft())
            while asked:
                yield self._batch(asked.popleft())
        finally:
            for each in asked:
                for future in each.futures:
                    future.cancel()

    def close(self) -> None:
        """End threads and workers. A cache that is not whole is removed."""
        self._end()
        self._tell()

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _ask(self, index: Tensor) -> _Asked:
        index = self._readable(index)
        if self._source.ready(index):
            return _Asked(index)
        rows = torch.empty(len(index), *self._shape, dtype=torch.uint8)
        if not len(index):
            return _Asked(index, rows)
        parts = zip(index.split(self._chunk), rows.split(self._chunk), strict=True)
        return _Asked(index, rows, [self._pool().ask(partial(self._source.fill, some, into)) for some, into in parts])

    def _batch(self, asked: _Asked) -> Batch:
        for future in asked.futures:
            self._take(future)
        index, rows = asked.index, asked.rows
        if rows is None:
            return Batch(index, self._source.batch(index), self.part.labels[index])
        if self._bad[index.numpy()].any():
            rows = rows[torch.from_numpy(~self._bad[index.numpy()])]
            index = self._readable(index)
        return Batch(index, rows.permute(0, 3, 1, 2), self.part.labels[index])

    def _take(self, future: Future[Failed]) -> None:
        """Wait for some pictures, and note those that cannot be read."""
        patience = (
            3 * self.patience + STARTING if self._workers else self.patience
        )  # a worker has a patience of its own
        try:
            failed = future.result(patience)
        except CancelledError:
            raise LoaderError("the loader was closed.") from None
        except TimeoutError:
            names = ", ".join(self._source.at()) or "the pictures"
            raise LoaderError(
                f"{names}: reading did not end within {patience:g} s. Is the disk or the network there? "
                "Copy the data to a disk of this machine."
            ) from None
        finally:
            self._tell()
        self.unreadable |= failed
        self._bad[list(failed)] = True

    def _tell(self) -> None:
        while not self._said.empty():
            self.tell(self._said.get())

    def _readable(self, index: Tensor) -> Tensor:
        bad = self._bad[index.numpy()]
        return index[torch.from_numpy(~bad)] if bad.any() else index

    def _pool(self) -> Threads:
        if not self._end.alive:
            raise LoaderError("the loader is closed. Make a new one.")
        if not self._pools:
            self._pools.append(Threads(len(self._workers) or torch.get_num_threads()))
        return self._pools[0]


def _end(ends: Ends, source: Source, pools: list[Threads], workers: list[Worker]) -> None:
    """End everything that belongs to a loader; also when it is forgotten, and at the end of the program."""
    ends.closed = True
    source.close()
    for worker in workers:
        worker.kill()
    for pool in pools:
        pool.close()
    for worker in workers:
        worker.close()
