"""Which way up a picture stands: the orientation that its EXIF block or its XMP packet names.

Exif 2.32, section 4.6.4 A, tag 0x0112. Only this tag of the first directory is read, within the bounds of the block;
a block that cannot be read names none.
"""

from __future__ import annotations

import re
import struct

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.uint8]

PREFIX = b"Exif\0\0"
ORIENTATION = 0x0112
TYPES = {3: "H", 4: "I"}  # SHORT, as the standard wants, and LONG, as some write
IN_XMP = re.compile(rb"tiff:Orientation(?:=\"|='|>)([0-9])")
UPRIGHT: dict[int, tuple[bool, bool, bool]] = {  # value: swap rows and columns?, then mirror the rows?, the columns?
    2: (False, False, True), 3: (False, True, True), 4: (False, True, False),
    5: (True, False, False), 6: (True, False, True), 7: (True, True, True), 8: (True, True, False),
}  # fmt: skip
SIDEWAYS = (5, 6, 7, 8)


def orientation(exif: bytes | None, xmp: bytes | None = None) -> int:
    """The value of the tag, whatever it is; 1 (upright) where neither block names one.

    >>> orientation(bytes.fromhex("4d4d002a00000008 0001 0112 0003 00000001 0006 0000"))
    6
    """
    found = _in_exif(exif.removeprefix(PREFIX)) if exif else None
    if found is None and xmp and (match := IN_XMP.search(xmp)):
        return int(match[1])
    return 1 if found is None else found


def upright(pixels: Array, value: int) -> Array:
    """The picture (h, w, c) as it stands upright; a view."""
    swapped, rows, columns = UPRIGHT.get(value, (False, False, False))
    pixels = pixels.transpose(1, 0, 2) if swapped else pixels
    return pixels[:: -1 if rows else 1, :: -1 if columns else 1]


def _in_exif(block: bytes) -> int | None:
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return None
    (start,) = struct.unpack_from(order + "I", block, 4)
    if start + 2 > len(block):
        return None
    (entries,) = struct.unpack_from(order + "H", block, start)
    for at in range(start + 2, min(start + 2 + 12 * entries, len(block) - 11), 12):
        tag, kind, count = struct.unpack_from(order + "HHI", block, at)
        if tag == ORIENTATION:
            return int(struct.unpack_from(order + TYPES[kind], block, at + 8)[0]) if kind in TYPES and count else None
    return None
