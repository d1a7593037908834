"""Small files that would take a decoder far too much memory or time."""

from __future__ import annotations

import struct
import zlib

from .case import Case
from .writers import RAMP, chunk, gif_with_frame, png, tiff, whole_pictures

TOO_MANY, TOO_FEW = "more than 64 million", "cannot hold"


def bombs() -> list[Case]:
    """Each must be refused at once, or read without what makes it a bomb."""
    zeros = zlib.compress(bytes(60 * 2**20), 9)
    whole = whole_pictures()
    jpeg, gif, bmp = whole["JPEG"], whole["GIF"], whole["BMP"]
    at = jpeg.index(b"\xff\xc0") + 5

    def sized(width: int, height: int, bits: int = 8, colour: int = 0) -> bytes:
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zeros) + chunk(b"IEND", b"")

    canvas = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X\x0a\0\0\0\2\0\0\0" + b"\xff\x3f\0" * 2
    refused = (
        ("png of 8001", sized(8001, 8001), TOO_MANY),
        ("png of 30000", sized(30_000, 30_000), TOO_MANY),
        ("png of 65535 in colour", sized(65_535, 65_535, 16, 6), TOO_MANY),
        ("png of 2 billion", sized(2**31 - 1, 2**31 - 1), TOO_MANY),
        ("png too short", sized(8000, 8000, 16, 6), TOO_FEW),
        ("jpeg of 65500", jpeg[:at] + b"\xff\xdc\xff\xdc" + jpeg[at + 4 :], TOO_MANY),
        ("gif of 65535", gif[:6] + b"\xff\xff\xff\xff" + gif[10:], TOO_MANY),
        ("gif whose frame is larger than its screen", gif_with_frame(60_000, 60_000), f"{TOO_MANY}|{TOO_FEW}"),
        ("gif of a huge comment", gif_with_frame(1, 1, (b"\xff" + bytes(255)) * 40_000), "damaged or cut off"),
        ("gif of short blocks", gif_with_frame(1, 1, b"\1a" * 300_000), "blocks stand before"),
        ("bmp of 30000", bmp[:18] + struct.pack("<ii", 30_000, 30_000) + bmp[26:], TOO_MANY),
        ("tiff of 60000", tiff(bytes(64), 60_000, 60_000, t259=8), TOO_MANY),
        ("tiff too short", tiff(bytes(64), 8000, 8000, t259=8), TOO_FEW),
        ("tiff of a huge strip", tiff(zlib.compress(bytes(10**6)), 7000, 7000, t259=8, t278=2**31), TOO_FEW),
        ("webp of 16384", canvas, TOO_MANY),
        ("ppm of 50000", b"P6 50000 50000 255\n" + bytes(99), TOO_MANY),
    )
    cases = [Case(name, contents, says=says, row="too large") for name, contents, says in refused]
    for kind, begin in (
        (b"zTXt", b"Comment\0\0"),
        (b"zTXt", b"Raw profile type exif\0\0"),
        (b"iCCP", b"profile\0\0"),
        (b"iTXt", b"Comment\0\1\0\0\0"),
    ):
        for times in (1, 200):
            contents = png(RAMP, 8, 2, chunk(kind, begin + zeros) * times)
            cases.append(Case(f"png {begin!r} {kind!r} {times}", contents, RAMP, row="too large"))
    return cases
