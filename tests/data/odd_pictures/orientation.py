"""Every EXIF orientation, valid or not, and EXIF blocks that are broken."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import simplejpeg

from .case import Case
from .writers import RAMP, SMOOTH, H, W, chunk, jpeg, png, saved, segment, tiff

TURNS = {  # how the stored rows and columns become upright ones, by the standard's own words
    1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: a.swapaxes(0, 1)[:, ::-1], 7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}  # fmt: skip


def exif(orientation: int, order: str = ">", kind: int = 3) -> bytes:
    """An EXIF block that holds the one tag, as a SHORT (3) or a LONG (4)."""
    value = struct.pack(order + ("H" if kind == 3 else "I"), orientation).ljust(4, b"\0")
    begin = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "IH", 8, 1)
    return b"Exif\0\0" + begin + struct.pack(order + "HHI", 0x112, kind, 1) + value + bytes(4)


def orientations() -> list[Case]:
    return [*turned(), *broken_blocks()]


def turned() -> Iterator[Case]:
    for value in (*range(0, 10), 65535):
        right, row = TURNS.get(value, TURNS[1]), "EXIF orientation" if value in TURNS else "broken EXIF"
        notes = (f"orientation {value}",) if value != 1 else ()
        for order in "<>":
            for kind in (3, 4):
                block, of = exif(value, order, kind), f"orientation {value} {order}{kind}"
                contents = jpeg(SMOOTH, segment(0xE1, block))
                yield Case(f"jpeg {of}", contents, right(simplejpeg.decode_jpeg(contents)), notes=notes, row=row)
                contents = png(RAMP, 8, 2, chunk(b"eXIf", block[6:]))
                yield Case(f"png {of}", contents, right(RAMP), notes=notes, row=row)
        contents = saved(RAMP, "WEBP", lossless=True, exif=exif(value))
        yield Case(f"webp orientation {value}", contents, right(RAMP), notes=notes, row=row)
        contents = tiff(RAMP.tobytes(), W, H, t258=(8, 8, 8), t262=2, t277=3, t274=value)
        yield Case(f"tiff orientation {value}", contents, right(RAMP), notes=notes, row=row)
    contents = jpeg(SMOOTH, segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="3"/>'))
    right = TURNS[3](simplejpeg.decode_jpeg(contents))
    yield Case("jpeg turned by xmp", contents, right, notes=("orientation 3",), row="EXIF orientation")


def broken_blocks() -> Iterator[Case]:
    whole = exif(6)
    for name, block in (
        ("nonsense", b"Exif\0\0nonsense"),
        ("empty", b"Exif\0\0"),
        ("far away", whole[:10] + b"\xff\xff\xff\xf0" + whole[14:]),
        ("cut", whole[:20]),
        ("endless", exif(1)[:14] + b"\xff\xff" + exif(1)[16:]),
        ("of an odd type", whole.replace(b"\0\3\0\0", b"\0\7\0\0")),
    ):
        contents = jpeg(SMOOTH, segment(0xE1, block))
        yield Case(f"jpeg exif {name}", contents, simplejpeg.decode_jpeg(contents), row="broken EXIF")
        yield Case(f"png exif {name}", png(RAMP, 8, 2, chunk(b"eXIf", block[6:])), RAMP, row="broken EXIF")
