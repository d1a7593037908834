"""Where a loader's pictures come from: arrays in memory, or files by way of memory, a cache and decoding."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Protocol

from torch import Tensor

from striate.data.cache import Cache
from striate.data.kept import Kept
from striate.data.loader_processes import LoaderError, Worker
from striate.data.picture_files import PictureFiles
from striate.data.preparing import prepare
from striate.data.preprocess import Preprocess
from striate.data.records import Pictures
from striate.data.seen import Seen


class Source(Protocol):
    """Prepared pictures by position."""

    def ready(self, index: Tensor) -> bool:
        """Whether the pictures at `index` (n,) only have to be copied together, which `batch` does."""

    def batch(self, index: Tensor) -> Tensor:
        """(n, c, h, w) of pictures that are ready."""

    def fill(self, index: Tensor, rows: Tensor) -> dict[int, str]:
        """Write the pictures into `rows` (n, h, w, c); gives those that cannot be read, and why. Thread-safe."""

    def at(self) -> list[str]:
        """The pictures that are being read now."""

    def close(self) -> None: ...


class InMemory:
    """Arrays: prepared at once where that takes no more than `room` bytes, else for each batch."""

    def __init__(self, pictures: Pictures, preprocess: Preprocess, room: int) -> None:
        self.pictures, self.preprocess = pictures, preprocess
        channels, height, width = preprocess.image
        small = pictures.shape == preprocess.image or len(pictures) * channels * height * width <= room
        self.prepared = preprocess.pixels(pictures.images) if small else None

    def ready(self, index: Tensor) -> bool:
        return self.prepared is not None

    def batch(self, index: Tensor) -> Tensor:
        assert self.prepared is not None
        return self.prepared.index_select(0, index)

    def fill(self, index: Tensor, rows: Tensor) -> dict[int, str]:
        some = self.preprocess.pixels(self.pictures.images.index_select(0, index))
        rows.copy_(some.permute(0, 2, 3, 1))
        return {}

    def at(self) -> list[str]:
        return []

    def close(self) -> None:
        return


class InFiles:
    """Files: kept in memory where all fit into `room` bytes, taken from `cache` or decoded, by `workers` if any."""

    def __init__(
        self, files: PictureFiles, preprocess: Preprocess, room: int, *, cache: Cache | None, workers: Sequence[Worker]
    ) -> None:
        self.files, self.preprocess, self.cache, self.workers = files, preprocess, cache, workers
        channels, height, width = preprocess.image
        fits = len(files) * channels * height * width <= room
        self.kept = Kept(len(files), preprocess.image) if fits else None
        self.seen = Seen(files)
        self.reading: dict[int, int] = {}  # thread -> position
        self.closed = False
        self.free: SimpleQueue[Worker] = SimpleQueue()
        for worker in workers:
            self.free.put(worker)

    def ready(self, index: Tensor) -> bool:
        if self.kept is None or (self.cache is not None and self.cache.writing):  # it still wants what is in memory
            return False
        return self.kept.has_all(index)

    def batch(self, index: Tensor) -> Tensor:
        assert self.kept is not None
        return self.kept.batch(index)

    def fill(self, index: Tensor, rows: Tensor) -> dict[int, str]:
        failed: dict[int, str] = {}
        wanted, thread = [], threading.get_ident()
        for position, row in zip(index.tolist(), rows.unbind(0), strict=True):
            self.reading[thread] = position
            if not self._stored(position, row):
                if reason := self.seen.changed(position):
                    failed[position] = reason
                else:
                    wanted.append((position, row))
        failed |= self._decode(wanted, thread)
        self.reading.pop(thread, None)
        for position, row in wanted:
            if position not in failed:
                self._store(position, row)
        for position in failed:
            if self.cache is not None:
                self.cache.put(position, None)
        return failed

    def at(self) -> list[str]:
        return [self.files.name(position) for position in list(self.reading.values())]

    def close(self) -> None:
        self.closed = True
        if self.cache is not None:
            self.cache.close()

    def _stored(self, position: int, row: Tensor) -> bool:
        if self.kept is not None and self.kept.has(position):
            row.copy_(self.kept.rows[position])
            if self.cache is not None:
                self.cache.put(position, row)
            return True
        if self.cache is not None and self.cache.take(position, row):
            if self.kept is not None:
                self.kept.put(position, row)
            return True
        return False

    def _store(self, position: int, row: Tensor) -> None:
        if self.kept is not None:
            self.kept.put(position, row)
        if self.cache is not None:
            self.cache.put(position, row)

    def _decode(self, wanted: Sequence[tuple[int, Tensor]], thread: int) -> dict[int, str]:
        if not wanted:
            return {}
        if self.workers:
            worker = self.free.get()
            try:
                return worker.prepare(self.files, [position for position, _ in wanted], [row for _, row in wanted])
            finally:
                self.free.put(worker)
        failed = {}
        for position, row in wanted:
            if self.closed:
                raise LoaderError("the loader was closed.")
            self.reading[thread] = position
            if reason := prepare(self.files, position, self.preprocess, row):
                failed[position] = reason
        return failed
