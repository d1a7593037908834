"""Pictures by way of Pillow, format by format: every one but the plain JPEG.

What could do harm is looked at first, in the file itself; Pillow sees what is left, and its pixels become 8-bit grey or
RGB by the rules of docs/pixels.md. Each conversion leaves a note in words.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from striate.data import headers, jpeg, png, tiff
from striate.data.exif import orientation
from striate.data.pixels import (
    Read,
    from_16_bits,
    from_floating_point,
    from_whole_numbers,
    over_white,
    through_key,
)
from striate.data.quiet import no_stderr
from striate.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[Any]
Check = Callable[[int, int], None]  # refuses a width and height that are too large

TRANSPARENT = "transparent parts lie on white"
FIRST = "the first of several frames is taken"
SIXTEEN = "16 bits a channel are scaled to 8"
HIGH = "16 bits a channel: the higher 8 are taken"
PALETTE = "a palette is replaced by its colours"
OTHER_ORDER = {"L": "B", "B": "L"}
UNNAMED = "a fourth channel, of no stated meaning, is left out"


def read(contents: bytes, form: str, name: str, check: Check) -> Read:
    """The picture of a file of the format `form`. Raises `DataError`, or any error for one that is damaged."""
    return READERS[form](contents, name, check)


def _jpeg(contents: bytes, name: str, check: Check) -> Read:
    from PIL.JpegImagePlugin import JpegImageFile

    jpeg.refuse_scans(contents, name)
    image = JpegImageFile(BytesIO(contents))
    check(*image.size)
    jpeg.prove_possible(contents, *image.size)
    return _plain(image, name)


def _webp(contents: bytes, name: str, check: Check) -> Read:
    from PIL.WebPImagePlugin import WebPImageFile

    check(*headers.webp_size(contents))
    return _plain(WebPImageFile(BytesIO(contents)), name)


def _gif(contents: bytes, name: str, check: Check) -> Read:
    from PIL.GifImagePlugin import GifImageFile

    first, size, more = headers.gif_first_frame(contents)
    check(*size)
    found = _plain(GifImageFile(BytesIO(first)), name)
    found.notes += [FIRST] * more
    return found


def _bmp(contents: bytes, name: str, check: Check) -> Read:
    from PIL.BmpImagePlugin import BmpImageFile

    image = BmpImageFile(BytesIO(contents))
    check(*image.size)
    return _plain(image, name)


def _pnm(contents: bytes, name: str, check: Check) -> Read:
    from PIL.PpmImagePlugin import PpmImageFile

    image = PpmImageFile(BytesIO(contents))
    check(*image.size)
    if image.mode != "I":
        return _plain(image, name)
    wide = np.asarray(image)  # 0..65535, whatever the file's own maximum
    return Read(from_16_bits(wide)[..., None], "I;16", notes=[SIXTEEN])


def _png(contents: bytes, name: str, check: Check) -> Read:
    from PIL.PngImagePlugin import PngImageFile

    check(*png.size(contents))
    found = png.parse(contents)
    notes = [FIRST.replace("several", f"{found.frames:,}")] if found.frames > 1 else []
    turn = orientation(found.exif, found.xmp)
    if found.bits != 16:
        image = PngImageFile(BytesIO(found.contents))
        plain = _plain(image, name)
        if found.key is not None:
            most = 2**found.bits - 1
            plain.pixels = through_key(plain.pixels, tuple(255 * (value & most) // most for value in found.key))
            plain.notes.append(TRANSPARENT)
        plain.turn, plain.profile, plain.notes = turn, found.profile, plain.notes + notes
        return plain
    if found.colour == png.GREY_ALPHA:
        pairs = np.asarray(PngImageFile(BytesIO(found.wide.contents)))
        values = np.ascontiguousarray(pairs).view(">u2").astype(np.uint16)
    elif found.colour == png.GREY:
        values = np.asarray(PngImageFile(BytesIO(found.contents))).astype(np.uint16)[..., None]
    else:
        values = _both_bytes(lambda: PngImageFile(BytesIO(found.contents)))
    if found.key is not None:
        values = through_key(values, found.key)
        notes.append(TRANSPARENT)
    narrow, laid = _opaque(values)
    mode = {1: "I;16", 2: "LA;16", 3: "RGB;16", 4: "RGBA;16"}[values.shape[2]]
    return Read(narrow, mode, turn, profile=found.profile, notes=[SIXTEEN, *[TRANSPARENT] * laid, *notes])


def _tiff(contents: bytes, name: str, check: Check) -> Read:
    from PIL.TiffImagePlugin import TiffImageFile

    page = tiff.parse(contents, name, check)

    def opened() -> Any:
        try:
            return TiffImageFile(BytesIO(contents))
        except (SyntaxError, KeyError, OSError):
            raise tiff.refused(page, name) from None

    image = opened()
    with no_stderr if image.tile and image.tile[0][0] == "libtiff" else nullcontext():
        raw = str(_rawmode(image))
        if page.bits == 16 and not page.planar and raw[:-1] in ("RGB;16", "RGBA;16", "RGBX;16"):
            narrow, laid = _opaque(_both_bytes(opened))
            found = Read(narrow, raw[:-1], notes=[SIXTEEN, *[TRANSPARENT] * laid])
        else:
            found = _plain(image, name, page)
    if page.white_is_zero_unnoticed(found.mode):
        found.pixels = 255 - found.pixels
    found.notes += [HIGH] * (page.bits == 16 and SIXTEEN not in found.notes)
    found.notes += [UNNAMED.replace("fourth", "second" if page.channels == 2 else "fourth")] * (0 in page.extra)
    found.notes += [FIRST] * bool(getattr(image, "is_animated", False))
    found.turn, found.turned, found.profile = 1, page.orientation, image.info.get("icc_profile") or b""
    return found


READERS: dict[str, Callable[[bytes, str, Check], Read]] = {
    "JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "GIF": _gif, "BMP": _bmp, "TIFF": _tiff, "PNM": _pnm,
}  # fmt: skip


def _plain(image: Any, name: str, page: tiff.Page | None = None) -> Read:
    """What Pillow decodes, one mode at a time."""
    image.load()
    info = image.info
    turn = orientation(info.get("exif"), info.get("xmp"))
    found = Read(np.empty((0, 0, 1), np.uint8), image.mode, turn, profile=info.get("icc_profile") or b"")
    if getattr(image, "n_frames", 1) > 1 and page is None:
        found.notes.append(FIRST.replace("several", f"{image.n_frames:,}"))
    try:
        values = _channels(image, found.notes, page)
    except ValueError as error:
        raise DataError(f"{name}: has {error}. Save it with 8 or 16 bits a channel.") from None
    found.pixels, laid = _opaque(values)
    found.notes += [TRANSPARENT] * laid
    return found


def _channels(image: Image, notes: list[str], page: tiff.Page | None) -> NDArray[np.uint8]:
    """(h, w, 1 to 4), of 2 and 4 channels the last is the alpha. Raises `ValueError` for values without a rule."""
    mode, key = image.mode, image.info.get("transparency")
    if mode == "1":
        notes.append("1 bit becomes 0 and 255")
        return np.asarray(image).astype(np.uint8)[..., None] * np.uint8(255)
    if mode.startswith("I;16"):
        bits = page.bits if page else 16
        notes.append(SIXTEEN.replace("16", str(bits)))
        return from_16_bits(np.asarray(image), 2**bits - 1)[..., None]
    if mode == "I":
        whole = np.asarray(image)
        whole = whole.view(np.uint32) if page and page.kind == 1 else whole
        notes.append(f"{page.bits if page else 32}-bit whole numbers, all in 0..255, are kept")
        return from_whole_numbers(whole)[..., None]
    if mode == "F":
        notes.append("floating-point numbers become 0..255")
        return from_floating_point(np.asarray(image))[..., None]
    if mode in ("P", "PA"):
        notes.append(PALETTE)
        if page is not None:
            return _by_table(np.asarray(image), page.colours)
        image = image.convert("RGBA" if mode == "PA" or key is not None else "RGB")
    elif mode in ("La", "RGBa"):
        image = image.convert(mode.upper())
    elif mode == "LAB":
        notes.append("Lab colours become sRGB")
        image = _from_lab(image)
    elif mode in ("CMYK", "YCbCr"):
        notes.append(jpeg.INK if mode == "CMYK" else "YCbCr becomes RGB")
        image = image.convert("RGB")
    elif mode not in ("L", "LA", "RGB", "RGBA"):
        raise ValueError(f"pixels of the mode {mode}, which are not read")
    values = np.asarray(image)
    values = values[..., None] if values.ndim == 2 else values
    if isinstance(key, int) and mode == "L":  # a GIF of grey
        notes.append(TRANSPARENT)
        return through_key(values, (key,))
    return values


def _by_table(indices: Array, colours: tuple[int, ...]) -> NDArray[np.uint8]:
    """The colours of a TIFF's palette: reds, greens and blues, of 16 bits, or of 8 as some write them."""
    indices, alpha = (indices, None) if indices.ndim == 2 else (indices[..., 0], indices[..., 1:])
    each = len(colours) // 3
    if int(indices.max()) >= each:
        raise ValueError(f"a palette of {each} colours, and a pixel of colour {int(indices.max())}")
    wide = np.array(colours[: 3 * each]).reshape(3, each).T
    table = from_16_bits(wide) if wide.max() > 255 else wide.astype(np.uint8)
    return table[indices] if alpha is None else np.concatenate((table[indices], alpha), axis=2)


def _both_bytes(opened: Callable[[], Any]) -> Array:
    """(h, w, c) uint16 of 16-bit colour, of which Pillow takes one byte: it decodes twice, in both byte orders."""
    image = opened()
    raw = _rawmode(image)
    order = raw[-1].replace("N", "B" if sys.byteorder == "big" else "L")
    other = opened()
    other.tile = [type(tile)(*tile[:3], _with_rawmode(tile[3], raw[:-1] + OTHER_ORDER[order])) for tile in other.tile]
    for each in (image, other):
        each.load()
    made: Array = np.asarray(image).astype(np.uint16) * np.uint16(256) + np.asarray(other)
    return made


def _rawmode(image: Any) -> str:
    args = image.tile[0][3] if image.tile else ""
    return str(args if isinstance(args, str) else args[0])


def _with_rawmode(args: Any, rawmode: str) -> Any:
    return rawmode if isinstance(args, str) else (rawmode, *args[1:])


def _opaque(values: Array) -> tuple[NDArray[np.uint8], bool]:
    """(h, w, 1 to 4) of 8 or 16 bits as 8-bit grey or RGB, and whether something was transparent."""
    if values.shape[2] in (2, 4):
        if values[..., -1].min() < np.iinfo(values.dtype).max:
            return over_white(values), True
        values = values[..., :-1]
    return from_16_bits(values) if values.dtype == np.uint16 else values, False


def _from_lab(image: Image) -> Any:
    try:
        from PIL import ImageCms

        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.applyTransform(image, ImageCms.buildTransform(lab, rgb, "LAB", "RGB"))
    except ImportError:
        raise ValueError("Lab colours, which this Pillow cannot convert (it is built without LittleCMS)") from None
