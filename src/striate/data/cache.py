"""Decoded pictures on disk, so that a training after the first decodes nothing.

One file holds the prepared pictures of one part of a data set, uint8, one after another as (h, w, c), so that it can be
mapped into memory, with the CRC-32 of each. Its name is made of what the picture files hold, of the preprocessing and
of the versions that decode: a cache that is older than the data is never found. It is written under another name, which
its writer locks, and gets its own when all of it is on the disk; each picture is compared with its CRC-32 when it is
first read. A damaged file is removed and made anew, and whatever is wrong with a cache, the training goes on without.

Pictures are read and written, not mapped, because a mapped file that is cut off meanwhile ends the process.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from striate.data.cache_files import Cached, Damaged, Layout, make_room, open_whole, open_writing, written
from striate.data.files import shown
from striate.data.known import cache_folder
from striate.data.picture_files import PictureFiles
from striate.data.preprocess import Preprocess

LIMIT = 32 * 2**30  # bytes of all files in a cache folder
DECODERS = ("striate", "torch", "pillow", "simplejpeg", "numpy")


def default_folder() -> Path:
    """Where decoded pictures are kept if no folder is named: beside the data sets that everybody has."""
    return cache_folder() / "pictures"


def key_of(files: PictureFiles, preprocess: Preprocess) -> str:
    """What the prepared pictures depend on, in hexadecimal: contents in order, preprocessing, and what decodes them."""
    digest = hashlib.sha256(preprocess.fingerprint().encode())
    digest.update(" ".join(_version(name) for name in DECODERS).encode())
    digest.update(torch.backends.cpu.get_cpu_capability().encode())
    digest.update(files.hashes(0).astype("<u8").data)
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from its source
        return "unknown"


class Cache:
    """The prepared pictures of `files` in `folder`: those that are there, or those that are being written.

    `limit`: bytes that all files of the folder may have; those used longest ago make room. `tell` gets one line for
    whatever keeps the cache from being used; it may be called from several threads.
    """

    def __init__(
        self,
        folder: Path,
        files: PictureFiles,
        preprocess: Preprocess,
        *,
        limit: int = LIMIT,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        channels, height, width = preprocess.image
        self.folder, self.limit, self.tell = folder, limit, tell
        self.layout = Layout(key_of(files, preprocess), (len(files), height, width, channels))
        self.path = self.layout.path(folder)
        self.lock = threading.Lock()
        self.open: Cached | None = None
        self.unreadable = np.zeros(len(files), dtype=bool)
        self.settled = self.unreadable.copy()  # those, and what is written
        self.writing = False
        with self.lock:
            self._open()

    def take(self, index: int, row: Tensor) -> bool:
        """Write picture `index` into `row` (h, w, c); False where the cache does not have it."""
        cached = self.open
        try:
            return cached is not None and cached.read(index, row)
        except Damaged as damage:
            with self.lock:
                if self.open is cached and self.writing:
                    self._give_up(f"{shown(written(self.path))}: {damage}")
                elif self.open is cached:
                    self._remove(damage)
                    self._write()
            return False

    def put(self, index: int, row: Tensor | None) -> None:
        """Add picture `index`; None: it cannot be read. With the last one the file gets its name."""
        cached = self.open
        self.unreadable[index] |= row is None
        if cached is None or not self.writing or self.settled[index]:
            return
        try:
            if row is not None:
                cached.write(index, row)
            with self.lock:
                if self.open is not cached or not self.writing:
                    return
                self.settled[index] = True
                if self.settled.all():
                    cached.publish(self.folder)
                    self.writing = False
        except OSError as error:
            with self.lock:
                if self.open is cached and self.writing:
                    self._give_up(f"{shown(self.path)}: cannot be written ({error.strerror})")

    def close(self) -> None:
        """Let go of the file; one that is not whole is removed."""
        with self.lock:
            self._forget()

    def _open(self) -> None:
        if not hasattr(os, "preadv"):
            self.tell("pictures are not kept on disk: this system cannot read at a place of a file.")
            return
        try:
            self.open = open_whole(self.folder, self.layout)
        except Damaged as damage:
            self._remove(damage)
        if self.open is None:
            self._write()

    def _remove(self, damage: Damaged) -> None:
        """Remove the damaged file, unless another process has put a new one in its place."""
        self.tell(f"{shown(self.path)}: {damage}. It is removed, and the pictures are decoded again.")
        try:
            if self.open is None or self.open.is_at(self.path):
                self.path.unlink(missing_ok=True)
        except OSError as error:
            self.tell(f"{shown(self.path)}: cannot be removed ({error.strerror}).")
        self.open = None

    def _write(self) -> None:
        """Begin a new file, where there is room for it."""
        need = self.layout.size
        self.settled = self.unreadable.copy()
        if need > self.limit:
            self._give_up(f"the decoded pictures would take {need:,} bytes, more than the {self.limit:,} allowed")
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            make_room(self.folder, need, self.limit)
            self.open = open_writing(self.folder, self.layout)
            self.writing = self.open is not None
        except OSError as error:
            self._give_up(f"{shown(self.folder)}: has no room for {need:,} bytes of pictures ({error.strerror})")

    def _give_up(self, why: str) -> None:
        self.tell(f"{why}. They are not kept on disk.")
        self._forget()

    def _forget(self) -> None:
        if self.writing and self.open is not None and self.open.is_at(path := written(self.path)):
            path.unlink(missing_ok=True)
        self.open, self.writing = None, False
