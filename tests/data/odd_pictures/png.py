"""PNG of every depth, colour and layout."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from .case import Case
from .orientation import TURNS, exif
from .writers import RAMP, WIDE, H, W, chunk, grey, on_white, png, scaled

ROWS = {1: "1 bit", 2: "grey of 2 or 4 bits", 4: "grey of 2 or 4 bits", 8: "grey", 16: "16 bits, grey"}
SAID = {1: ("1 bit",), 16: ("16 bits",)}


def pngs() -> list[Case]:
    return [*greys(), *colours(), *palettes(), *extras()]


def greys() -> Iterator[Case]:
    for bits, row in ROWS.items():
        most = 2**bits - 1
        one = grey(WIDE[..., 0].astype(np.int64) * most // 65535)
        for lace in (False, True):
            of, said = f"png grey {bits} {'interlaced' * lace}", SAID.get(bits, ())
            yield Case(of, png(one, bits, 0, interlaced=lace), scaled(one, most), notes=said, row=row)
            key = int(one[2, 3, 0])
            contents = png(one, bits, 0, chunk(b"tRNS", struct.pack(">H", key)), interlaced=lace)
            right = scaled(np.where(one == key, most, one), most)
            notes = (*said, "transparent")
            yield Case(f"{of} one transparent", contents, right, notes=notes, row="one transparent colour")


def colours() -> Iterator[Case]:
    for bits in (8, 16):
        most = 2**bits - 1
        samples = WIDE.astype(np.int64) * most // 65535
        said = SAID.get(bits, ())
        for lace in (False, True):
            of = f"{bits} {'interlaced' * lace}"
            for colour, c in ((4, 2), (6, 4)):
                part = samples[..., -c:]
                right, notes = on_white(part[..., :-1], part[..., -1], most), (*said, "transparent")
                contents = png(part, bits, colour, interlaced=lace)
                yield Case(f"png alpha {c} {of}", contents, right, tolerance=1, notes=notes, row="transparency")
            part = samples[..., :3]
            row = "16 bits, colour" if bits == 16 else "RGB"
            contents = png(part, bits, 2, interlaced=lace)
            yield Case(f"png rgb {of}", contents, scaled(part, most), notes=said, row=row)
            key = part[1, 2]
            right = scaled(np.where((part == key).all(2, keepdims=True), most, part), most)
            contents = png(part, bits, 2, chunk(b"tRNS", struct.pack(">3H", *key)), interlaced=lace)
            notes = (*said, "transparent")
            yield Case(f"png rgb one transparent {of}", contents, right, notes=notes, row="one transparent colour")


def palettes() -> Iterator[Case]:
    table = RAMP.reshape(-1, 3)
    for bits in (1, 2, 4):
        few = table[: 2**bits]
        one = grey(WIDE[..., 0] >> (16 - bits))
        for lace in (False, True):
            contents = png(one, bits, 3, chunk(b"PLTE", few.tobytes()), interlaced=lace)
            yield Case(f"png palette {bits} {lace}", contents, few[one[..., 0]], notes=("palette",), row="palette")
    indices = grey(np.arange(H * W).reshape(H, W))
    for name, alpha in (("many", np.arange(48) * 5), ("one", np.where(np.arange(48) == 5, 0, 255))):
        chunks = chunk(b"PLTE", table.tobytes()), chunk(b"tRNS", alpha.astype(np.uint8).tobytes())
        right, notes = on_white(table[indices[..., 0]], alpha[indices[..., 0]]), ("palette", "transparent")
        contents = png(indices, 8, 3, *chunks)
        yield Case(f"png palette, {name} transparent", contents, right, tolerance=1, notes=notes, row="palette")


def extras() -> Iterator[Case]:
    opaque = np.concatenate((RAMP, np.full((H, W, 1), 255, np.uint8)), 2)
    yield Case("png rgba all opaque", png(opaque, 8, 6), RAMP, row="transparency")
    for name, data, notes in (
        ("a camera's", b"some\0\0" + zlib.compress(b"profile of a camera" * 9), ("colour profile",)),
        ("an sRGB", b"x\0\0" + zlib.compress(b"..sRGB IEC"), ()),
        ("a broken", b"x\0\0nonsense", ()),
    ):
        contents = png(RAMP, 8, 2, chunk(b"iCCP", data))
        yield Case(f"png with {name} profile", contents, RAMP, notes=notes, row="colour profile")
    contents = png(RAMP, 8, 2, chunk(b"acTL", struct.pack(">II", 3, 0)))
    yield Case("png animated", contents, RAMP, notes=("first of 3 frames",), row="animation or pages")
    yield Case("png with a wrong checksum beside its pixels", png(RAMP, 8, 2, chunk(b"tEXt", b"a\0b", 1)), RAMP)
    xmp = b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>'
    contents = png(RAMP, 8, 2, chunk(b"iTXt", xmp))
    yield Case("png turned by xmp", contents, TURNS[6](RAMP), notes=("orientation 6",), row="EXIF orientation")
    raw = b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n 34\n" + exif(8).hex().encode())
    contents = png(RAMP, 8, 2, chunk(b"zTXt", raw))
    yield Case("png turned by text", contents, TURNS[8](RAMP), notes=("orientation 8",), row="EXIF orientation")
