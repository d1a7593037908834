"""TIFF: what its first page says of itself, and by name what is not read, before a decoder sees it.

TIFF 6.0, sections 2 to 8 and 19 (sample format), 20 to 23 (colours). Pillow reads the tags of the page, and its pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from striate.errors import DataError

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
OFFSETS, ORIENTATION, SAMPLES, ROWS, PLANAR, COLOURS = 273, 274, 277, 278, 284, 320
TILE_WIDTH, TILE_HEIGHT, TILES, EXTRA, KIND, SUBSAMPLING = 322, 323, 324, 338, 339, 530
SUBFILE, SUB_PAGES, DNG = 254, 330, 50706
RAW = 1  # compression: none
EXPANDS = {RAW: 1, 5: 2731, 8: 1032, 32946: 1032, 32773: 64}  # bytes from one byte at most: LZW, deflate, PackBits
COLOUR_NAMES = {
    0: "grey", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "Lab", 9: "ICC Lab",
    10: "ITU Lab", 32803: "colour filter array", 32844: "LogL", 32845: "LogLuv", 34892: "linear raw",
}  # fmt: skip
WHITE_IS_ZERO, YCBCR = 0, 6
KINDS = {1: "unsigned", 2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
MOST_CHANNELS = 4
LEAST_TILE = 2**22  # pixels; a tile may be larger than a small picture, within reason


@dataclass(frozen=True)
class Page:
    """The first page. `kind`: 1 unsigned, 2 signed, 3 floating point; `colours`: the palette as it stands."""

    width: int
    height: int
    bits: int
    channels: int
    kind: int
    photometric: int
    compression: int
    orientation: int
    planar: bool
    extra: tuple[int, ...]
    colours: tuple[int, ...]

    @property
    def words(self) -> str:
        """What it is, for a message."""
        colour = COLOUR_NAMES.get(self.photometric, f"photometric {self.photometric}")
        kind = KINDS.get(self.kind, f"format {self.kind}")
        return f"a TIFF of {self.channels} x {self.bits} bits, {kind}, {colour}, compression {self.compression}"

    def white_is_zero_unnoticed(self, mode: str) -> bool:
        """Whether 0 is white, and Pillow, which turns that round for up to 8 bits, has left it so."""
        return self.photometric == WHITE_IS_ZERO and (mode.startswith("I;16") or mode == "F")


def parse(contents: bytes, name: str, check: Callable[[int, int], None]) -> Page:
    """What the first page says. `check` refuses a width and height.

    Raises `DataError` for what has no rule, and any error of Pillow's for a broken page.
    """
    tags = _tags(contents)
    width, height = tags.get(WIDTH), tags.get(HEIGHT)
    if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0):
        raise ValueError("its first page has no size")
    check(width, height)
    bits, kinds = _several(tags, BITS, (1,)), _several(tags, KIND, (1,))
    channels = _one(tags, SAMPLES, 1)
    photometric = _one(tags, PHOTOMETRIC, 0)
    page = Page(
        width,
        height,
        bits[0],
        channels,
        kinds[0],
        photometric,
        compression=_one(tags, COMPRESSION, RAW),
        orientation=_one(tags, ORIENTATION, 1),
        planar=_one(tags, PLANAR, 1) == 2,
        extra=_several(tags, EXTRA, ()),
        colours=_several(tags, COLOURS, ()),
    )
    if DNG in tags or contents[8:10] == b"CR" or (SUB_PAGES in tags and _one(tags, SUBFILE, 0) & 1):
        raise DataError(f"{name}: is a camera's raw file. Develop it, and save it as JPEG or PNG.")
    if channels > MOST_CHANNELS:
        raise DataError(
            f"{name}: has {channels} channels, and only up to {MOST_CHANNELS} have an agreed meaning. "
            "Save the one or three to look at as grey or RGB."
        )
    if len(set(bits)) > 1 or len(set(kinds)) > 1:
        raise DataError(f"{name}: is {page.words}, unlike in each channel, which is not read. Save it with 8 bits.")
    if page.kind == 2 and page.bits == 8:
        raise DataError(f"{name}: is {page.words}: its pixels may be negative. Save it with 8 bits, unsigned.")
    subsampled = photometric == YCBCR and page.compression == RAW and _several(tags, SUBSAMPLING, (2, 2)) != (1, 1)
    if subsampled or (page.planar and page.compression == RAW and page.bits != 8 and channels > 1):
        raise DataError(f"{name}: is {page.words}, in a layout that is not read. Save it as PNG.")
    _prove_complete(tags, page, len(contents))
    return page


def refused(page: Page, name: str) -> DataError:
    """The error for a page that Pillow cannot read."""
    return DataError(f"{name}: is {page.words}, which is not read. Save it with 8 bits a channel, grey or RGB.")


def _prove_complete(tags: Any, page: Page, size: int) -> None:
    """`ValueError` where parts are missing, or are so large that decoding them would be a trap."""
    tiled = TILES in tags
    wide = _one(tags, TILE_WIDTH, 0) if tiled else page.width
    tall = _one(tags, TILE_HEIGHT, 0) if tiled else min(_one(tags, ROWS, page.height), page.height)
    if wide <= 0 or tall <= 0 or (tiled and wide * tall > max(4 * page.width * page.height, LEAST_TILE)):
        raise ValueError(f"its tiles are said to be {wide}x{tall} pixels")
    parts = math.ceil(page.width / wide) * math.ceil(page.height / tall) * (page.channels if page.planar else 1)
    there = len(_several(tags, TILES if tiled else OFFSETS, ()))
    if there < parts:
        raise ValueError(f"{there} of {parts} parts are there")
    expands = EXPANDS.get(page.compression)
    row = (page.width * page.bits * page.channels + 7) // 8
    if expands and row * page.height > expands * size:
        raise ValueError(f"{size:,} bytes cannot hold {page.width}x{page.height} pixels")


def _tags(contents: bytes) -> Any:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    directory = ImageFileDirectory_v2(contents[: 16 if contents[2:4] in (b"+\0", b"\0+") else 8])
    stream = BytesIO(contents)
    stream.seek(directory.next)
    directory.load(stream)
    return directory


def _several(tags: Any, tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
    value = tags.get(tag, default)
    values = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(each, int) for each in values) or (default and not values):
        raise ValueError(f"tag {tag} holds no whole numbers")
    return values


def _one(tags: Any, tag: int, default: int) -> int:
    return _several(tags, tag, (default,))[0]
