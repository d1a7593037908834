"""Prepared pictures that stay in memory as uint8, where all of them fit."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

MOST = 4 * 2**30  # bytes
SHARE = 4  # of the memory that is available, one part in so many
GROUPS = (  # folder, most and used of the group of processes that this one is in
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
FREED = ("inactive_file", "active_file")  # of memory.stat: used for files, and given up where memory is wanted


class Kept:
    """Room for `count` pictures of `shape` (c, h, w), empty at first: pixels lie as (h, w, c)."""

    def __init__(self, count: int, shape: tuple[int, int, int]) -> None:
        channels, height, width = shape
        self.rows = torch.empty(count, height, width, channels, dtype=torch.uint8)
        self.here = np.zeros(count, dtype=bool)

    def has(self, index: int) -> bool:
        return bool(self.here[index])

    def put(self, index: int, row: Tensor) -> None:
        """Keep (h, w, c) as picture `index`."""
        self.rows[index].copy_(row)
        self.here[index] = True  # last, so that no other thread takes what is not there yet

    def has_all(self, index: Tensor) -> bool:
        return bool(self.here[index.numpy()].all())

    def batch(self, index: Tensor) -> Tensor:
        """(n, c, h, w) of the pictures at `index` (n,), which are all here."""
        return self.rows.index_select(0, index).permute(0, 3, 1, 2)


def default_memory() -> int:
    """Bytes for pictures: a quarter of what is available, at most 4 GiB.

    >>> 0 < default_memory() <= 2**32
    True
    """
    return min(MOST, available() // SHARE)


def available() -> int:
    """Bytes that this process could still take; `MOST` · `SHARE` where the system does not say."""
    found = [MOST * SHARE]
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        found.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]))
    with suppress(OSError, ValueError, AttributeError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for folder, most, used in GROUPS:
        with suppress(OSError, ValueError):  # "max" where there is no limit
            limit = int(Path(folder, most).read_text())
            stat = dict(line.split() for line in Path(folder, "memory.stat").read_text().splitlines())
            freed = sum(int(stat.get(name, 0)) for name in FREED)
            found.append(max(1, limit - int(Path(folder, used).read_text()) + freed))
    return min(found)
