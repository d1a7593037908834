"""Picture files written byte by byte, as Pillow would not write them, and the arithmetic of what must come out."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import PIL.Image
import simplejpeg

H, W = 6, 8
RAMP = (np.arange(H * W * 3) * 7 % 256).astype(np.uint8).reshape(H, W, 3)
WIDE = (np.arange(H * W * 4) * 1361 % 65536).astype(np.uint16).reshape(H, W, 4)
NOISE = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
SMOOTH = np.stack(np.meshgrid(np.arange(64) * 3, np.arange(48) * 4), 2)[..., [0, 1, 0]].astype(np.uint8)
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def packed_rows(values: np.ndarray, bits: int) -> np.ndarray:
    """(h, bytes a row) of samples (h, w * c)."""
    if bits == 16:
        return np.ascontiguousarray(values.astype(">u2")).view(np.uint8).reshape(len(values), -1)
    if bits == 8:
        return values.astype(np.uint8)
    each = (values[..., None] >> np.arange(bits)[::-1]) & 1
    return np.packbits(each.reshape(len(values), -1).astype(np.uint8), axis=1)


def filtered(rows: np.ndarray, step: int) -> bytes:
    """PNG's five filters in turn, one a row (specification, section 9)."""
    out, above = [], np.zeros(rows.shape[1], np.int64)
    for y, row in enumerate(rows.astype(np.int64)):
        left = np.concatenate((np.zeros(step, np.int64), row))[: len(row)]
        corner = np.concatenate((np.zeros(step, np.int64), above))[: len(row)]
        a, b, c = (abs(left + above - corner - each) for each in (left, above, corner))
        paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
        guess = (0, left, above, (left + above) // 2, paeth)[y % 5]
        out.append(bytes([y % 5]) + ((row - guess) % 256).astype(np.uint8).tobytes())
        above = row
    return b"".join(out)


def png(values: np.ndarray, bits: int, colour: int, *extra: bytes, interlaced: bool = False) -> bytes:
    """A PNG of samples (h, w, c); `extra` chunks stand before the pixels."""
    h, w, c = values.shape
    data = b""
    for y, x, down, right in ADAM7 if interlaced else ((0, 0, 1, 1),):
        part = values[y::down, x::right]
        if part.size:
            data += filtered(packed_rows(part.reshape(len(part), -1), bits), max(1, bits * c // 8))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, bits, colour, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join((*extra, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")))


def tiff(data: bytes, width: int, height: int, order: str = "<", pages: int = 1, **tags: object) -> bytes:
    """A TIFF of one strip of `data` as it stands; further tags by number, as t258=(8, 8, 8), None for none."""
    entries: dict[int, object] = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height}
    entries |= {279: len(data)} | {int(key[1:]): value for key, value in tags.items()}
    kept = sorted((tag, value) for tag, value in entries.items() if value is not None)
    at = 8 + (len(data) + 1) // 2 * 2
    out = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at) + data.ljust(at - 8, b"\0"))
    for page in range(pages):
        ends, late = at + 2 + 12 * len(kept) + 4, b""
        directory = struct.pack(order + "H", len(kept))
        for tag, value in kept:
            values = value if isinstance(value, tuple) else (value,)
            kind, letter = (3, "H") if all(v < 65536 for v in values) else (4, "I")
            packed = struct.pack(f"{order}{len(values)}{letter}", *values)
            if len(packed) > 4:
                late, packed = late + packed + bytes(len(packed) % 2), struct.pack(order + "I", ends + len(late))
            directory += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
        at = ends + len(late)
        out += directory + struct.pack(order + "I", at if page + 1 < pages else 0) + late
    return bytes(out)


def saved(image: PIL.Image.Image | np.ndarray, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image = PIL.Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(stream, form, **options)
    return stream.getvalue()


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg(pixels: np.ndarray, *segments: bytes) -> bytes:
    """A JPEG of grey (h, w) or RGB (h, w, 3), with `segments` after its beginning."""
    colours = ("GRAY", "Gray") if pixels.ndim == 2 else ("RGB", "444")
    pixels = np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1))
    contents = simplejpeg.encode_jpeg(pixels, quality=95, colorspace=colours[0], colorsubsampling=colours[1])
    return contents[:2] + b"".join(segments) + contents[2:]


def gif_with_frame(width: int, height: int, comment: bytes = b"") -> bytes:
    """A GIF of a 1x1 screen whose one frame says it has this size and holds no pixels."""
    start = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    said = b"!\xfe" + comment + b"\0" if comment else b""
    return start + said + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\2\0;"


def whole_pictures() -> dict[str, bytes]:
    """One sound picture of each format."""
    forms = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
    return {form: saved(NOISE[..., 0] if form == "GIF" else NOISE, form, lossless=True) for form in forms}


def grey(values: np.ndarray) -> np.ndarray:
    return values.reshape(*values.shape[:2], 1)


def as_rgb(values: np.ndarray) -> np.ndarray:
    return np.repeat(grey(values), 3, 2)


def scaled(values: np.ndarray, most: int) -> np.ndarray:
    """0..`most` as 0..255, rounded."""
    return np.floor(values.astype(np.float64) * 255 / most + 0.5).astype(np.uint8)


def on_white(colours: np.ndarray, alpha: np.ndarray, most: int = 255) -> np.ndarray:
    part = alpha[..., None] / most
    return np.floor((colours / most * part + 1 - part) * 255 + 0.5).astype(np.uint8)
