"""PNG: only the chunks that pixels depend on, with their checksums proved, so that nothing else can do harm.

Text and colour profiles are left out before a decoder sees the file: they may be bombs, and pixels do not need them.
PNG specification, third edition, section 5.3 (chunks) and 11 (their contents).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # colour types
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
DEFLATES = 1032  # bytes that one byte of deflate can become, at most (zlib's technical notes)
MOST_TEXT = 2**20  # bytes of an EXIF or XMP text, or a colour profile, once it is unpacked
CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")


@dataclass(frozen=True)
class Png:
    """`contents`: a file of the critical chunks only, and tRNS of a palette.

    `key`: the one colour that is transparent, a value a channel. `frames`: of an animation, else 1.
    """

    contents: bytes
    width: int
    height: int
    bits: int
    colour: int
    key: tuple[int, ...] | None
    exif: bytes | None
    xmp: bytes | None
    profile: bytes
    frames: int

    @property
    def wide(self) -> Png:
        """The same picture of grey and alpha with 16 bits as RGBA with 8: high and low byte of grey, then of alpha."""
        return Png(**{**vars(self), "contents": _with_header(self.contents, 8, RGB_ALPHA)})


def size(contents: bytes) -> tuple[int, int]:
    """(width, height), before anything else is looked at. Raises `ValueError`."""
    if len(contents) < 33 or contents[12:16] != b"IHDR":
        raise ValueError("the header is missing")
    width, height = struct.unpack_from(">II", contents, 16)
    return width, height


def parse(contents: bytes) -> Png:
    """The file without what pixels do not need. Raises `ValueError` for a wrong checksum or a cut."""
    width, height = size(contents)
    bits, colour = contents[24:26]
    kept: list[bytes | memoryview] = [SIGNATURE]
    found: dict[bytes, bytes] = {}
    whole, at, packed = memoryview(contents), 8, 0
    while at + 12 <= len(contents):
        (length,) = struct.unpack_from(">I", contents, at)
        kind, end = contents[at + 4 : at + 8], at + 12 + length
        needed = kind in CRITICAL or (kind == b"tRNS" and colour == PALETTE)
        if end > len(contents):
            if needed or not packed:
                raise ValueError(f"{len(contents):,} bytes are there, and at least {end:,} should be")
            break
        stated = int.from_bytes(contents[end - 4 : end], "big")
        if (needed or kind == b"tRNS") and zlib.crc32(whole[at + 4 : end - 4]) != stated:
            raise ValueError(f"the checksum of chunk {kind.decode()} is wrong")
        if needed:
            kept.append(whole[at:end])
            packed += length * (kind == b"IDAT")
        elif kind in (b"tRNS", b"eXIf", b"iCCP", b"acTL"):
            found.setdefault(kind, contents[at + 8 : end - 4])
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            for keyword in (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0"):
                if contents.startswith(keyword, at + 8):
                    found.setdefault(keyword, kind + contents[at + 8 + len(keyword) : end - 4])
        at = end
        if kind == b"IEND":
            break
    if colour == PALETTE and b"PLTE" not in (bytes(chunk[4:8]) for chunk in kept[1:]):
        raise ValueError("the palette is missing")
    if height * ((width * bits * CHANNELS.get(colour, 1) + 7) // 8) > DEFLATES * packed + 2**16:
        raise ValueError(f"{packed:,} bytes of pixel data cannot hold {width}x{height} pixels")
    return Png(
        b"".join(kept), width, height, bits, colour,
        key=_key(found.get(b"tRNS"), colour),
        exif=found.get(b"eXIf") or _raw_profile(found.get(b"Raw profile type exif\0")),
        xmp=_text(found.get(b"XML:com.adobe.xmp\0")),
        profile=_unpacked(found.get(b"iCCP", b"").partition(b"\0")[2][1:]),
        frames=max(1, int.from_bytes(found.get(b"acTL", b"")[:4], "big")),
    )  # fmt: skip


def _key(data: bytes | None, colour: int) -> tuple[int, ...] | None:
    if data is None or colour not in (GREY, RGB):
        return None
    values = struct.unpack_from(f">{CHANNELS[colour]}H", data + bytes(6))
    return values if len(data) >= 2 * len(values) else None


def _raw_profile(chunk: bytes | None) -> bytes | None:
    """The EXIF block that ImageMagick writes as text: a name, a length and hexadecimal digits, on lines."""
    lines = (_text(chunk) or b"").split(b"\n")[3:]
    try:
        return bytes.fromhex(b"".join(lines).decode("ascii")) or None
    except ValueError:  # no hexadecimal digits: a broken block, which names no orientation
        return None


def _text(chunk: bytes | None) -> bytes | None:
    """The text of a chunk: its kind, then what follows its keyword."""
    if chunk is None:
        return None
    kind, data = chunk[:4], chunk[4:]
    if kind == b"zTXt":
        return _unpacked(data[1:])
    if kind == b"iTXt":
        text = data[2:].split(b"\0", 2)[-1]
        return _unpacked(text) if data[:1] == b"\1" else text
    return data


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, MOST_TEXT)
    except zlib.error:  # a block that cannot be unpacked says nothing about the pixels
        return b""


def _with_header(contents: bytes, bits: int, colour: int) -> bytes:
    header = b"IHDR" + contents[16:24] + bytes((bits, colour)) + contents[26:29]
    return contents[:12] + header + zlib.crc32(header).to_bytes(4, "big") + contents[33:]
