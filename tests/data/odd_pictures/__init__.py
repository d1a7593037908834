"""A few hundred odd and broken pictures, made here, each with what must come of it: right pixels or a named refusal.

What is right is computed from the array that a file was made of, never from what a decoder says.
"""

from __future__ import annotations

import functools
import struct
import zlib

import numpy as np

from .bombs import bombs
from .broken import broken
from .case import Case
from .jpeg import jpegs
from .orientation import orientations
from .others import others
from .places import places
from .png import pngs
from .tiff import tiffs

__all__ = ["Case", "bombs", "cases", "damaged", "places"]


@functools.cache
def cases() -> tuple[Case, ...]:
    """All of them but the bombs."""
    return (*pngs(), *orientations(), *tiffs(), *jpegs(), *others(), *broken())


def damaged(count: int, seed: int = 0) -> list[tuple[str, bytes]]:
    """`count` files of every kind that is made here, with 1 to 8 random bytes changed, cut or doubled.

    Half of the PNG files get their checksums mended, so that the damage reaches the decoder.
    """
    draw = np.random.default_rng(seed)
    sound = [case for case in cases() if case.pixels is not None and len(case.contents) < 20_000]
    made = []
    for number in range(count):
        case = sound[int(draw.integers(len(sound)))]
        contents = bytearray(case.contents)
        for _ in range(int(draw.integers(1, 9))):
            at, kind = int(draw.integers(len(contents))), int(draw.integers(8))
            if kind < 6:
                contents[at] = int(draw.integers(256))
            elif kind == 6:
                del contents[at : at + int(draw.integers(1, 9))]
            else:
                contents[at:at] = contents[at : at + int(draw.integers(1, 9))]
            contents = contents or bytearray(b"\0")
        if contents.startswith(b"\x89PNG") and draw.integers(2):
            mend(contents)
        made.append((f"{number}: {case.name}", bytes(contents)))
    return made


def mend(png: bytearray) -> None:
    """Right checksums for what the chunks hold now."""
    at = 8
    while at + 12 <= len(png):
        end = at + 8 + int.from_bytes(png[at : at + 4], "big")
        if end + 4 <= len(png):
            png[end : end + 4] = struct.pack(">I", zlib.crc32(png[at + 4 : end]))
        at = end + 4
