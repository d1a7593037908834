"""Every picture of a data set looked at once: can it be read, what is it, and what is like it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from striate.data.decode import decode_at_least
from striate.data.files import shown
from striate.data.fingerprints import FINGERPRINT, Fingerprints, fingerprint
from striate.data.picture_files import PictureFiles
from striate.data.records import Part, Pictures
from striate.errors import DataError

ENOUGH = (128, 128)  # pixels that a fingerprint needs; a JPEG is decoded no larger where it can be
MOST_ALIKE = 200_000  # pictures among which look-alikes are searched, since the time grows with the square of them
DIGESTS = np.dtype([(name, FINGERPRINT[name]) for name in ("file", "pixels", "size")])  # 40 bytes instead of 616
AT_ONCE = 32  # pictures that a thread takes at a time
MODES = {1: "L", 3: "RGB", 4: "RGBA"}

Tell = Callable[[int, int], None]  # (pictures looked at, of how many)


@dataclass
class Looks:
    """What the n pictures of a data set are. `prints`: (n,) zeros where a picture cannot be read, and without cosines
    where the set is larger than `MOST_ALIKE`.

    `unreadable`, `notes`: by position, why a picture cannot be read, and what was converted. `modes`: how many there
    are of each, such as "JPEG RGB". `smaller`: (n,) whether a picture was decoded smaller than it is.
    """

    prints: Fingerprints
    smaller: NDArray[np.bool_]
    unreadable: dict[int, str] = field(default_factory=dict)
    notes: dict[int, tuple[str, ...]] = field(default_factory=dict)
    modes: Counter[str] = field(default_factory=Counter)

    @property
    def readable(self) -> NDArray[np.int64]:
        """(m,) the positions of the pictures that can be read."""
        kept = np.ones(len(self.prints), np.bool_)
        kept[list(self.unreadable)] = False
        return np.flatnonzero(kept)


def look(part: Part, tell: Tell = lambda done, of: None) -> Looks:
    """Decode every picture of `part`. Truncated ones are found, since a JPEG is read to its end at any size."""
    count = len(part)
    known = Looks(np.zeros(count, FINGERPRINT if count <= MOST_ALIKE else DIGESTS), np.zeros(count, np.bool_))
    one = _file if isinstance(part, PictureFiles) else _array

    def some(start: int) -> list[tuple[int, str, tuple[str, ...]]]:
        found = []
        for index in range(start, min(start + AT_ONCE, count)):
            try:
                found.append((index, *one(part, index, known)))  # type: ignore[arg-type]
            except (DataError, OSError, MemoryError) as error:
                known.unreadable[index] = _reason(part, index, error)
        return found

    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    try:
        for number, found in enumerate(pool.map(some, range(0, count, AT_ONCE))):
            for index, mode, notes in found:
                known.modes[mode] += 1
                if notes:
                    known.notes[index] = notes
            tell(min((number + 1) * AT_ONCE, count), count)
    finally:
        pool.shutdown(cancel_futures=True)
    known.unreadable = dict(sorted(known.unreadable.items()))
    return known


def _file(files: PictureFiles, index: int, known: Looks) -> tuple[str, tuple[str, ...]]:
    contents = files.contents(index)
    decoded = decode_at_least(contents, files.name(index), ENOUGH)
    made = fingerprint(decoded.pixels, contents)
    known.smaller[index] = tuple(made["size"].tolist()) != decoded.size
    made["size"] = decoded.size
    _keep(known, index, made)
    return f"{decoded.format} {decoded.mode}", decoded.notes


def _array(pictures: Pictures, index: int, known: Looks) -> tuple[str, tuple[str, ...]]:
    image = pictures.images[index].contiguous()
    if len(image) in (1, 3):
        made = fingerprint(image)
    else:  # of other channels the first three, or the first, are looked at; all of them count for a copy
        made = fingerprint(image[: 3 if len(image) > 3 else 1], image.numpy().tobytes())
        made["pixels"] = made["file"]
    _keep(known, index, made)
    return MODES.get(len(image), f"{len(image)} channels"), ()


def _keep(known: Looks, index: int, made: Fingerprints) -> None:
    names = known.prints.dtype.names or ()
    for name in names:
        known.prints[name][index] = made[name]


def _reason(part: Part, index: int, error: BaseException) -> str:
    """What is wrong with a picture, without the name that the message begins with."""
    if isinstance(error, MemoryError):
        return "needs more memory than there is. Scale it down."
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or error})."
    text = str(error)
    if isinstance(part, PictureFiles):
        for name in (part.name(index), shown(part.path(index))):
            text = text.removeprefix(f"{name}: ")
    return text
