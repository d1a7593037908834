"""A picture file made pixels: by an allow-list of formats, sized before it is decoded, with nothing clipped in silence.

docs/pixels.md has the rules, and every conversion leaves a note. Each error of a decoder becomes a `DataError` that
names the file. Everything here may be called from several threads at once; decoding lets go of the interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from striate.data import headers, jpeg
from striate.data.exif import SIDEWAYS, UPRIGHT, orientation, upright
from striate.data.files import file_bytes, shown
from striate.data.pixels import Read
from striate.errors import DataError

FORMATS = "JPEG, PNG, WEBP, GIF, BMP, TIFF or PNM"
MOST_PIXELS = 64_000_000
MOST_BYTES = 512 * 2**20
MODES = {1: "L", 3: "RGB", 4: "CMYK"}  # of a JPEG, by its channels
SRGB = (b"sRGB", b"s\0R\0G\0B")  # as the two versions of ICC profiles write their own name


@dataclass(frozen=True)
class Decoded:
    """A picture upright, with what was done to it.

    `pixels`: (c, h, w) uint8, 1 or 3 channels; a view of (h, w, c), which is how decoders write and resizing likes it.
    `mode`: as it was stored, in Pillow's words ("L", "RGB", "P", "I;16"). `format`: "JPEG", "PNG" ... `size`: (height,
    width) upright, before it was decoded smaller. `notes`: each conversion, in words; empty for a plain picture.
    """

    pixels: Tensor = field(repr=False)
    mode: str
    format: str
    size: tuple[int, int]
    notes: tuple[str, ...] = ()


def open_picture(path: Path) -> Tensor:
    """(c, h, w) uint8 of a picture file, 1 or 3 channels. Raises `DataError`, which names the file."""
    return decode(file_bytes(path, most=MOST_BYTES), shown(path))


def decode(contents: bytes, name: str, *, most_pixels: int = MOST_PIXELS) -> Tensor:
    """(c, h, w) uint8 of a picture file that is in memory; `name` is what errors call it."""
    return decode_with_notes(contents, name, most_pixels=most_pixels).pixels


def decode_with_notes(contents: bytes, name: str, *, most_pixels: int = MOST_PIXELS) -> Decoded:
    """The same with what is known of the picture, and what was converted."""
    return _decoded(contents, name, most_pixels, None)


def decode_at_least(
    contents: bytes, name: str, size: tuple[int, int] | None, *, most_pixels: int = MOST_PIXELS
) -> Decoded:
    """The same for a picture that will be resized to (height, width) `size` or more, antialiased; None: to any size.

    A JPEG is decoded at 1/2, 1/4 or 1/8 where both sides stay at least `size`; everything else as `decode` does. The
    resized picture then differs by a mean of 0.3, 0.5 and 1.1 (of 255) from that of the full one for photographs of
    1600x1200, and by 1.9, 2.8 and 6.1 for those of 300x200, where less than twice `size` is left.
    """
    return _decoded(contents, name, most_pixels, size)


def _decoded(contents: bytes, name: str, most_pixels: int, least: tuple[int, int] | None) -> Decoded:
    form = headers.format_of(contents)
    if form is None:
        raise _no_picture(contents, name)
    try:
        if form == "JPEG" and (found := jpeg.header(contents)) is not None:
            try:
                return _from_jpeg(contents, name, most_pixels, found, least)
            except jpeg.Odd as odd:
                return _from_pillow(contents, form, name, most_pixels, str(odd))
        return _from_pillow(contents, form, name, most_pixels)
    except DataError:
        raise
    except MemoryError:
        raise DataError(f"{name}: needs more memory than there is. Scale it down.") from None
    except Exception as error:  # of 5,830 decoder failures in fuzz corpora 479 are not OSError
        raise DataError(
            f"{name}: the picture is damaged or cut off ({_first_line(error)}). Copy or download it again."
        ) from None


def _from_jpeg(
    contents: bytes, name: str, most_pixels: int, found: jpeg.Header, least: tuple[int, int] | None
) -> Decoded:
    jpeg.refuse_unread(found, contents, name)
    _check_size(found.width, found.height, name, most_pixels)
    jpeg.prove_possible(contents, found.width, found.height)
    turn = orientation(found.exif, found.xmp)
    by = jpeg.scale(found, least[::-1] if turn in SIDEWAYS else least) if least else 1
    notes = [jpeg.INK] if found.components == 4 else []
    read = Read(jpeg.pixels(contents, found, by), MODES[found.components], turn, profile=found.profile, notes=notes)
    return _upright(read, "JPEG", (found.height, found.width), name)


def _from_pillow(contents: bytes, form: str, name: str, most_pixels: int, complaint: str | None = None) -> Decoded:
    from striate.data import pillow
    from striate.data.quiet import no_warnings

    with no_warnings:
        read = pillow.read(contents, form, name, lambda width, height: _check_size(width, height, name, most_pixels))
    if complaint:
        read.notes.append(f"libjpeg says: {complaint}")
    height, width = read.pixels.shape[:2]
    return _upright(read, form, (height, width), name)


def _upright(read: Read, form: str, size: tuple[int, int], name: str) -> Decoded:
    """The picture as it is given out. `size`: (height, width) as stored, before it was decoded smaller."""
    pixels, notes = read.pixels, read.notes
    turn = read.turned if read.turn == 1 else read.turn
    if turn != 1:
        notes.append(
            f"turned upright (EXIF orientation {turn})" if turn in UPRIGHT else f"EXIF orientation {turn} is none"
        )
    if read.turn in UPRIGHT:
        pixels = upright(pixels, read.turn)
        size = size[::-1] if read.turn in SIDEWAYS else size
    if read.profile and not any(words in read.profile for words in SRGB):
        notes.append("its colour profile, which is not sRGB, is left alone")
    if suffix := headers.wrong_suffix(name, form):
        notes.append(f"is {form}, whatever its suffix {suffix} says")
    if not (pixels.flags.c_contiguous and pixels.flags.writeable):
        pixels = pixels.copy()
    return Decoded(torch.from_numpy(pixels).permute(2, 0, 1), read.mode, form, size, tuple(notes))


def _check_size(width: int, height: int, name: str, most_pixels: int) -> None:
    if not (width and height):
        raise DataError(f"{name}: is {width}x{height} pixels, which is no picture. Copy or download it again.")
    if width * height > most_pixels:
        most = f"{most_pixels // 10**6} million" if most_pixels >= 10**6 else f"{most_pixels:,}"
        raise DataError(f"{name}: has {width}x{height} pixels, more than {most}. Scale it down.")


def _no_picture(contents: bytes, name: str) -> DataError:
    if not contents:
        return DataError(f"{name}: is empty. Copy or download it again.")
    what, fix = headers.other(contents) or (None, "Convert it to one of these.")
    return DataError(f"{name}: is not a {FORMATS} picture{f', but {what}' if what else ''}. {fix}")


def _first_line(error: Exception) -> str:
    said = (str(error).strip().splitlines() or [""])[0] or type(error).__name__
    return "".join(each if each.isprintable() else "?" for each in said[:160])
