"""The files of the cache of decoded pictures: how one is laid out, read, written and removed. `cache.py` says why."""

from __future__ import annotations

import json
import os
import sys
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from striate.data.files import open_regular
from striate.errors import DataError

HEAD = 4096  # bytes; a page, so that a mapped file has its pixels on one
SUFFIX, WRITTEN = ".pixels", ".pixels.tmp"
IS = "decoded pictures of Striate, layout 1"

if sys.platform == "win32":

    def lock(handle: int) -> bool:
        return False

else:
    import fcntl

    def lock(handle: int) -> bool:
        """Whether this process is the only one that has the open file locked, until it closes it or ends."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


class Damaged(Exception):
    """What a cache file holds is not what was written."""


@dataclass(frozen=True)
class Layout:
    """Where what lies in a file. `key`: what its pictures are made of; `shape`: (n, h, w, c)."""

    key: str
    shape: tuple[int, int, int, int]

    @property
    def row(self) -> int:
        return self.shape[1] * self.shape[2] * self.shape[3]

    @property
    def table(self) -> int:
        """The byte where the CRC-32 of each picture begin; then one byte each, 1 where the picture is there."""
        return HEAD + self.shape[0] * self.row

    @property
    def size(self) -> int:
        return self.table + 5 * self.shape[0]

    def path(self, folder: Path) -> Path:
        return folder / f"{self.key[:40]}{SUFFIX}"

    def head(self, table: bytes) -> bytes:
        """The first `HEAD` bytes of a file with this table."""
        said = {"file": IS, "key": self.key, "shape": list(self.shape), "table": crc32(table)}
        return json.dumps(said).encode().ljust(HEAD - 1) + b"\n"


class Cached:
    """An open cache file, whole or being written. Any number of threads may use it.

    `there`: (n,) bool, the pictures in it. `proven`: those whose CRC-32 was seen to be right.
    """

    def __init__(self, handle: int, layout: Layout) -> None:
        self.handle, self.layout = handle, layout
        self.sums = np.zeros(layout.shape[0], dtype="<u4")
        self.there: NDArray[np.bool_] = np.zeros(layout.shape[0], dtype=bool)
        self.proven: NDArray[np.bool_] = np.zeros(layout.shape[0], dtype=bool)
        weakref.finalize(self, os.close, handle)  # when the last thread that reads has let go of it

    def read(self, index: int, row: Tensor) -> bool:
        """Write picture `index` into `row` (h, w, c); False where it is not there. Raises `Damaged`."""
        if not self.there[index]:
            return False
        values = row.numpy()
        try:
            count = os.preadv(self.handle, [values.data], HEAD + index * self.layout.row)
        except OSError as error:
            raise Damaged(f"it cannot be read ({error.strerror})") from None
        if count != self.layout.row:
            raise Damaged("it is cut off")
        if not self.proven[index]:
            if crc32(values.data) != self.sums[index]:
                raise Damaged("the pixels of a picture are not those that were written")
            self.proven[index] = True
        return True

    def write(self, index: int, row: Tensor) -> None:
        """Add picture `index`. Raises `OSError`."""
        values = row.numpy()
        self.sums[index] = crc32(values.data)
        put(self.handle, values.data.cast("B"), HEAD + index * self.layout.row)
        self.proven[index] = True
        self.there[index] = True  # last, so that no other thread takes what is not there yet

    def publish(self, folder: Path) -> None:
        """Give the written file its name, once all of it is on the disk. Raises `OSError`."""
        table = self.sums.tobytes() + self.there.astype("u1").tobytes()
        put(self.handle, memoryview(table), self.layout.table)
        os.fsync(self.handle)
        put(self.handle, memoryview(self.layout.head(table)), 0)
        os.fsync(self.handle)
        path = self.layout.path(folder)
        written(path).replace(path)

    def is_at(self, path: Path) -> bool:
        """Whether `path` still names this file."""
        with suppress(OSError):
            return os.path.samestat(path.stat(), os.fstat(self.handle))
        return False


def open_whole(folder: Path, layout: Layout) -> Cached | None:
    """The whole file of `layout`, or None. Raises `Damaged`."""
    path = layout.path(folder)
    if not path.exists():
        return None
    try:
        with open_regular(path) as file:
            cached = Cached(os.dup(file.fileno()), layout)
        if os.fstat(cached.handle).st_size != layout.size:
            raise Damaged("its size is wrong")
        head, table = os.pread(cached.handle, HEAD, 0), os.pread(cached.handle, 5 * layout.shape[0], layout.table)
    except (OSError, DataError) as error:
        raise Damaged(f"it cannot be read ({error})") from None
    if head != layout.head(table):
        raise Damaged("its head is not that of this data")
    count = layout.shape[0]
    cached.sums = np.frombuffer(table, "<u4", count)
    cached.there = np.frombuffer(table, "u1", count, 4 * count).astype(bool)
    with suppress(OSError):
        os.utime(path)  # the one that is used last is removed last
    return cached


def open_writing(folder: Path, layout: Layout) -> Cached | None:
    """A new file of `layout`, with room on the disk for all of it; None while another process writes the same.

    Raises `OSError`.
    """
    path = written(layout.path(folder))
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    handle = os.open(path, flags, 0o644)
    try:
        if not lock(handle) or not path.exists() or not os.path.samestat(path.stat(), os.fstat(handle)):
            os.close(handle)
            return None
        os.ftruncate(handle, 0)  # what a writer that died has left
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, layout.size)
        else:
            os.ftruncate(handle, layout.size)
    except OSError:
        path.unlink(missing_ok=True)
        os.close(handle)
        raise
    return Cached(handle, layout)


def written(path: Path) -> Path:
    """What a file is called while it is written."""
    return path.with_name(f".{path.stem}{WRITTEN}")


def put(handle: int, values: memoryview, at: int) -> None:
    """Write all of `values` from byte `at` on. Raises `OSError`."""
    while values:
        count = os.pwrite(handle, values, at)
        values, at = values[count:], at + count


def make_room(folder: Path, need: int, limit: int) -> None:
    """Remove what dead writers have left, then the files used longest ago, until `need` bytes more are within `limit`.

    Raises `OSError`.
    """
    for path in folder.glob(f".*{WRITTEN}"):
        _remove_left(path)
    ages = []
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):
            found = path.stat()
            ages.append((found.st_mtime_ns, found.st_size, path))
    total = need + sum(size for _, size, _ in ages)
    for _, size, path in sorted(ages):
        if total <= limit:
            return
        path.unlink(missing_ok=True)
        total -= size


def _remove_left(path: Path) -> None:
    with suppress(OSError):
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            if lock(handle) and os.path.samestat(path.stat(), os.fstat(handle)):
                path.unlink()
        finally:
            os.close(handle)
