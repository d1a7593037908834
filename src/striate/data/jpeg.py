"""JPEG: what stands in the header, and the pixels by libjpeg-turbo through simplejpeg.

simplejpeg gives the pixels that Pillow gives (tests compare them), in half the time, and lets go of the interpreter
meanwhile. It is called strictly: where libjpeg would fill what is missing with grey and warn, the picture is refused.
ITU-T T.81, annex B, has the markers.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from striate.errors import DataError

Array = NDArray[np.uint8]

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
APP1, APP2 = 0xE1, 0xE2
FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
PROGRESSIVE = 0xC2
READ = (0xC0, 0xC1, PROGRESSIVE)  # baseline, extended and progressive, all with Huffman codes
EXIF, XMP, ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
MOST_SCANS = 100  # of a progressive picture; encoders write about 10, and each costs a pass over all of it
PIXELS_A_BYTE = 512  # at most: a block of 64 takes at least one bit
SCALES = (8, 4, 2)
LOST = ("premature end", "bad huffman", "instead of rst", "bad arithmetic")  # libjpeg's words for pixels that are lost
LEFTOVER = re.compile(r"(\d+) extraneous bytes before marker 0xd[0-79]")  # of picture data, that is
FEW_LEFT = 16  # bytes; some cameras' encoders leave these, and every pixel is there
COLOURS = {1: "GRAY", 3: "RGB", 4: "CMYK"}
INK = "CMYK inks become RGB without a colour profile"


@dataclass(frozen=True)
class Header:
    """What a JPEG says before its first scan, which begins at byte `scan`. `frame`: the marker of its frame."""

    frame: int
    bits: int
    height: int
    width: int
    components: int
    scan: int
    exif: bytes | None = None
    xmp: bytes | None = None
    profile: bytes = field(default=b"", repr=False)  # ICC, its first part


def header(contents: bytes) -> Header | None:
    """The header; None where it is odd in any way, and a more patient reader should look."""
    at, exif, xmp, profile = 2, None, None, b""
    frame: tuple[int, int, int, int, int] | None = None  # the marker, then what it holds
    while contents[at : at + 1] == b"\xff" and at + 4 <= len(contents):
        marker, length = struct.unpack_from(">BH", contents, at + 1)
        if marker == SOS:
            return Header(*frame, at, exif, xmp, profile) if frame else None
        if marker in FRAMES:
            if frame or length < 8 or at + 10 > len(contents):
                return None
            frame = struct.unpack_from(">BxxBHHB", contents, at + 1)
        elif marker == APP1:
            if exif is None and contents.startswith(EXIF, at + 4):
                exif = contents[at + 4 : at + 2 + length]
            elif xmp is None and contents.startswith(XMP, at + 4):
                xmp = contents[at + 4 : at + 2 + length]
        elif marker == APP2 and not profile and contents.startswith(ICC, at + 4):
            profile = contents[at + 18 : at + 2 + length]
        elif marker <= 0x01 or 0xD0 <= marker <= EOI or marker == 0xFF:  # stands alone or is a filler
            return None
        at += 2 + length
    return None


def refuse_unread(found: Header, contents: bytes, name: str) -> None:
    """`DataError` for kinds of JPEG that are not read."""
    if found.frame not in READ:
        kind = "arithmetic-coded" if found.frame > 0xC8 else "lossless" if found.frame == 0xC3 else "hierarchical"
        raise DataError(f"{name}: is a JPEG of a kind that is not read ({kind}). Save it as an ordinary JPEG or PNG.")
    if found.bits != 8:
        raise DataError(f"{name}: is a JPEG of {found.bits} bits a channel, which is not read. Save it with 8 bits.")
    if found.components not in COLOURS:
        raise DataError(f"{name}: is a JPEG of {found.components} channels, which is not read. Save it as grey or RGB.")
    if found.frame == PROGRESSIVE:
        refuse_scans(contents, name)


def refuse_scans(contents: bytes, name: str) -> None:
    """`DataError` for a picture of so many scans that decoding it would be a trap."""
    if (scans := contents.count(bytes((0xFF, SOS)))) > MOST_SCANS:
        raise DataError(f"{name}: has {scans:,} scans, more than {MOST_SCANS}. Save it as an ordinary JPEG.")


def prove_possible(contents: bytes, width: int, height: int) -> None:
    """`ValueError` where the file is too short for a picture of this size."""
    if height * width > PIXELS_A_BYTE * len(contents):
        raise ValueError(f"{len(contents):,} bytes cannot hold {width}x{height} pixels")


def scale(found: Header, size: tuple[int, int]) -> int:
    """By how much the picture can be decoded smaller, 1, 2, 4 or 8, with both sides still at least `size`."""
    return next((by for by in SCALES if -(-found.height // by) >= size[0] and -(-found.width // by) >= size[1]), 1)


class Odd(Exception):
    """libjpeg complains, and no pixel is lost: a more patient decoder should read the picture."""


def pixels(contents: bytes, found: Header, by: int = 1) -> Array:
    """(h, w, 1 or 3) of a JPEG, 1/`by` of its size. Raises `ValueError` where pixels are lost, or `Odd`."""
    import simplejpeg

    height, width = -(-found.height // by), -(-found.width // by)
    smaller = {"min_height": height, "min_width": width, "min_factor": by} if by > 1 else {}
    try:
        made: Array = simplejpeg.decode_jpeg(contents, COLOURS[found.components], **smaller)
    except ValueError as error:
        if any(words in str(error).lower() for words in LOST):
            raise
        left = LEFTOVER.search(str(error))
        if left and int(left[1]) > FEW_LEFT and not _is_padding(contents, found.scan, int(left[1])):
            raise ValueError(f"{left[1]} bytes of pixel data are left over") from None
        raise Odd(str(error)) from None
    if made.shape[:2] != (height, width):
        raise Odd(f"it is decoded as {made.shape[1]}x{made.shape[0]} pixels")
    return _rgb(made) if found.components == 4 else made


def _is_padding(contents: bytes, scan: int, count: int) -> bool:
    """Whether the last `count` bytes of the pixel data, and no more, are all the same.

    Where more are, a file was filled up after a cut, and the first of the filling have been taken for pixels.
    """
    end = contents.find(bytes((0xFF, EOI)), scan)
    if end < 0:
        return False
    last, both = contents[end - 1], contents[max(scan, end - 2 * count) : end]
    return both[-count:].count(last) == count and both.count(last) < count + FEW_LEFT


def _rgb(inverted: Array) -> Array:
    """RGB of CMYK that is stored inverted, as Adobe's programs do and every other has followed."""
    ink = inverted[..., :3].astype(np.uint32) * inverted[..., 3:]
    return ((ink + 127) // 255).astype(np.uint8)
