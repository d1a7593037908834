"""Cut, damaged, and no pictures at all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .case import Case
from .writers import RAMP, grey, png, saved, whole_pictures

AT = (1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 64)
NO_PICTURES = (
    ("nothing", b"", "is empty"),
    ("one byte", b"\xff", "is not a"),
    ("zeros", bytes(5000), "nothing but zero bytes"),
    ("text", b"hello, world\n" * 9, "is not a"),
    ("html", b"<!DOCTYPE html><html></html>", "a web page"),
    ("html in small letters", b"\n <html lang=en>", "a web page"),
    ("svg", b"<?xml version='1.0'?><svg/>", "an SVG drawing"),
    ("lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a Git LFS pointer"),
    ("gzip", b"\x1f\x8b\x08\0" + bytes(60), "gzip data"),
    ("zip", b"PK\3\4" + bytes(60), "a ZIP archive"),
    ("heic", b"\0\0\0\x18ftypheic" + bytes(60), "a HEIC photograph"),
    ("avif", b"\0\0\0\x18ftypavif" + bytes(60), "an AVIF"),
    ("jp2", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60), "a JPEG 2000"),
    ("jxl", b"\xff\x0a" + bytes(60), "a JPEG XL"),
    ("pdf", b"%PDF-1.4\n", "a PDF"),
    ("eps", b"%!PS-Adobe-3.0 EPSF\n%%BoundingBox: 0 0 9 9\n", "a PostScript"),
    ("psd", b"8BPS\0\1" + bytes(60), "a Photoshop"),
    ("fits", b"SIMPLE  =                    T", "is not a"),
    ("ico", saved(RAMP, "ICO", sizes=[(6, 6)]), "is not a"),
    ("tga", saved(RAMP, "TGA"), "is not a"),
)


def broken() -> list[Case]:
    nothing = [Case(name, contents, says=says, row="no picture", suffix=".jpg") for name, contents, says in NO_PICTURES]
    return [*cut(), *damaged_pngs(), *nothing]


def cut() -> Iterator[Case]:
    for form, contents in whole_pictures().items():
        for at in (0, *AT, *(len(contents) * quarter // 4 for quarter in (1, 2, 3))):
            says = r"damaged or cut off|is not a" if at else "is empty"
            yield Case(f"{form} cut at byte {at}", contents[:at], says=says, row="damaged or cut off")


def damaged_pngs() -> Iterator[Case]:
    contents = bytearray(whole_pictures()["PNG"])
    contents[contents.index(b"IDAT") + 204] ^= 1
    yield Case("png with a flipped bit", bytes(contents), says="checksum of chunk IDAT", row="damaged or cut off")
    whole = png(RAMP, 8, 2)
    yield Case("png with a wrong checksum", whole[:-16] + bytes(4) + whole[-12:], says="checksum of chunk IDAT")
    yield Case("png without its palette", png(grey(RAMP[..., 0]), 8, 3), says="palette is missing")
    yield Case("png of 3 bits", png(grey(RAMP[..., 0] // 32), 3, 0), says="damaged or cut off")
    yield Case("png of no width", png(np.zeros((4, 0, 1), np.uint8), 8, 0), says="0x4 pixels")
