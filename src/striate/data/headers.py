"""What a file is, told by how it begins, and how large its picture is, before a decoder sees it."""

from __future__ import annotations

import re
import struct

SUFFIXES = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif"), "PNG": ("png", "apng"), "WEBP": ("webp",), "GIF": ("gif",),
    "BMP": ("bmp", "dib"), "TIFF": ("tif", "tiff"), "PNM": ("pnm", "ppm", "pgm", "pbm"),
}  # fmt: skip
BEGINNINGS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # with 64-bit offsets
    (b"MM\0+", "TIFF"),
)
SAVE = "Save it as JPEG or PNG."
OTHERS = (  # what is found under the names of pictures: how it begins, what it is, what to do
    (rb"\s*(<!doctype html|<html|<head)", "a web page", "Download the picture itself."),
    (rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!doctype svg[^>]*>\s*)?<svg", "an SVG drawing", SAVE),
    (rb"version https://git-lfs", "a Git LFS pointer", "Fetch the file itself: git lfs pull."),
    (rb"\x1f\x8b", "gzip data", "Unpack it."),
    (rb"PK\x03\x04", "a ZIP archive", "Unpack it."),
    (rb"....ftyp(heic|heix|hevc|mif1|msf1)", "a HEIC photograph", SAVE),
    (rb"....ftypavi[fs]", "an AVIF picture", SAVE),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture", SAVE),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture", SAVE),
    (rb"%PDF", "a PDF document", SAVE),
    (rb"%!PS", "a PostScript document", SAVE),
    (rb"8BPS", "a Photoshop document", SAVE),
    (rb"\0+\Z", "nothing but zero bytes", "Copy or download it again."),
)
LZW_MOST = 2731  # bytes that one byte of LZW can become: a code of 12 bits stands for at most 4,096
MOST_BLOCKS = 2**16  # of a GIF before its first frame, up to 255 bytes each


def format_of(contents: bytes) -> str | None:
    """One of the keys of `SUFFIXES`; None where the file is none of them."""
    for beginning, form in BEGINNINGS:
        if contents.startswith(beginning):
            return form
    if contents[:4] == b"RIFF" and contents[8:12] == b"WEBP":
        return "WEBP"
    return "PNM" if re.match(rb"P[1-6][\s#]", contents) else None


def other(contents: bytes) -> tuple[str, str] | None:
    """What a file that is no picture seems to be, and what to do; None where that is not known."""
    for beginning, what, fix in OTHERS:
        if re.match(beginning, contents if beginning.endswith(rb"\Z") else contents[:1000], re.IGNORECASE | re.DOTALL):
            return what, fix
    return None


def wrong_suffix(name: str, form: str) -> str | None:
    """The suffix of `name`, where it is that of another format.

    >>> wrong_suffix("cats/1.jpg", "PNG"), wrong_suffix("cats/1.png", "PNG"), wrong_suffix("cats/1", "PNG")
    ('.jpg', None, None)
    """
    suffix = name.rpartition(".")[2].lower()
    of = next((of for of, suffixes in SUFFIXES.items() if suffix in suffixes), form)
    return None if of == form else f".{suffix}"


def webp_size(contents: bytes) -> tuple[int, int]:
    """(width, height) of the canvas (RFC 9649, section 2.5 to 2.7). Raises `ValueError` for a cut file."""
    stated = int.from_bytes(contents[4:8], "little") + 8
    if stated > len(contents) + 1:  # an odd last chunk may lack its byte of padding
        raise ValueError(f"{len(contents):,} of {stated:,} bytes are there")
    kind = contents[12:16]
    if kind == b"VP8X" and len(contents) >= 30:
        return _number(contents[24:27]) + 1, _number(contents[27:30]) + 1
    if kind == b"VP8L" and len(contents) >= 25:
        packed = _number(contents[21:25])
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(contents) >= 30:
        return _number(contents[26:28]) & 0x3FFF, _number(contents[28:30]) & 0x3FFF
    raise ValueError("the header is missing")


def gif_first_frame(contents: bytes) -> tuple[bytes, tuple[int, int], bool]:
    """The file with its first frame only, its (width, height), and whether more follow (GIF89a, sections 18 to 23).

    Comments and other extensions are left out. Raises `ValueError` where there is no frame.
    """
    screen = struct.unpack_from("<HH", contents.ljust(13, b"\0"), 6)
    at = 13 + _table(contents[10:11])
    start, control, blocks = contents[:at], b"", 0
    while contents[at : at + 1] == b"!":
        end, passed = _past_blocks(contents, at + 2, MOST_BLOCKS - blocks)
        if contents[at + 1 : at + 2] == b"\xf9":
            control = contents[at:end]
        at, blocks = end, blocks + passed
    if contents[at : at + 1] != b"," or len(contents) < at + 10:
        raise ValueError("there is no frame")
    left, top, width, height = struct.unpack_from("<HHHH", contents, at + 1)
    size = max(screen[0], left + width), max(screen[1], top + height)
    data = at + 10 + _table(contents[at + 9 : at + 10])
    end, _ = _past_blocks(contents, data + 1, len(contents))
    if width * height > LZW_MOST * (end - data):
        raise ValueError(f"{end - data:,} bytes of pixel data cannot hold {width}x{height} pixels")
    return start + control + contents[at:end] + b";", size, contents[end : end + 1] in (b",", b"!")


def _table(flags: bytes) -> int:
    """How many bytes the colour table takes that follows these flags."""
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _past_blocks(contents: bytes, at: int, most: int) -> tuple[int, int]:
    """Where a chain of blocks ends, each its length and then its bytes, and how many there were."""
    for passed in range(most):
        length = contents[at] if at < len(contents) else 0
        at += 1 + length
        if not length:
            return min(at, len(contents)), passed + 1
    raise ValueError(f"more than {MOST_BLOCKS:,} blocks stand before the first frame")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
