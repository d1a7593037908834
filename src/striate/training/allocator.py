"""Keep freed memory in the process: by default glibc gives a step's activations back, to fault them in anew.

Measured on two cores: 1.2 to 2.7 times the training and inference speed, for 0 to 18 % more peak memory.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # the names of mallopt(3)
KEEP, USUAL = 1 << 30, 128 << 10  # bytes; the second is what glibc begins with


def keep_memory(*, threads_compute: bool = False) -> bool:
    """Tell glibc to keep up to 1 GiB for reuse; gives whether it took it. STRIATE_MALLOPT=0 leaves it alone.

    `threads_compute`: beside each other, so that they too are to take what is kept. Else glibc gives each an arena of
    its own, of which it gives back whatever is over 64 MiB.
    """
    glibc = _glibc()
    if glibc is None:
        return False
    if threads_compute:
        glibc.mallopt(ARENA_MAX, 1)
    return bool(glibc.mallopt(TRIM_THRESHOLD, KEEP)) and bool(glibc.mallopt(MMAP_THRESHOLD, KEEP))


def give_back() -> bool:
    """Tell glibc to give back what it keeps, and to keep no more than it usually does, because memory is short."""
    glibc = _glibc()
    if glibc is None:
        return False
    taken = glibc.mallopt(TRIM_THRESHOLD, USUAL) and glibc.mallopt(MMAP_THRESHOLD, USUAL)
    glibc.malloc_trim(0)
    return bool(taken)


def _glibc() -> Any:
    """glibc, if it is there and may be told anything."""
    if sys.platform != "linux" or os.environ.get("STRIATE_MALLOPT") == "0":
        return None
    try:
        found = ctypes.CDLL("libc.so.6")
    except OSError:  # another C library, such as musl
        return None
    return found if hasattr(found, "mallopt") else None
