"""A picture file made pixels: by an allow-list of formats, sized before it is decoded, with nothing clipped.

* The EXIF orientation is applied; an EXIF block that cannot be read gives none.
* 1 bit becomes 0 and 255; a palette its colours; CMYK, YCbCr and the like RGB, as Pillow converts them.
* 16-bit grey is divided by 257 and rounded; 16-bit colour keeps its high byte, which is how Pillow reads it.
* Floating-point and 32-bit pixels have no agreed range and are refused.
* Transparency is laid over white. Of an animation or a file of several pages the first is read.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from striate.data.files import file_bytes, shown
from striate.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")  # Pillow's names; PPM is PBM, PGM and PPM
TIFF = (b"II", b"MM")  # how its files begin
MOST_PIXELS = 64_000_000
MOST_BYTES = 512 * 2**20
ORIENTATION = 0x0112  # the EXIF tag
UPRIGHT: dict[int, tuple[bool, tuple[int, ...]]] = {  # its value: swap height and width?, then mirror these axes
    2: (False, (2,)), 3: (False, (1, 2)), 4: (False, (1,)),
    5: (True, ()), 6: (True, (2,)), 7: (True, (1, 2)), 8: (True, (1,)),
}  # fmt: skip


def open_picture(path: Path) -> Tensor:
    """(c, h, w) uint8 of a picture file, 1 or 3 channels. Raises `DataError`, which names the file."""
    return decode(file_bytes(path, most=MOST_BYTES), shown(path))


def decode(contents: bytes, name: str) -> Tensor:
    """(c, h, w) uint8 of a picture file that is in memory; `name` is what errors call it."""
    import PIL.Image

    if not contents:
        raise DataError(f"{name}: is empty. Copy or download it again.")
    try:
        with warnings.catch_warnings(), _silent() if contents[:2] in TIFF else nullcontext():
            warnings.simplefilter("ignore")  # Pillow warns of sizes and odd tags; what matters is refused here
            with PIL.Image.open(BytesIO(contents), formats=FORMATS) as image:
                _check_size(image.size, name)
                image.load()
                return _upright(_pixels(image, name), _orientation(image))
    except DataError:
        raise
    except PIL.UnidentifiedImageError:
        raise DataError(
            f"{name}: is not a JPEG, PNG, WEBP, GIF, BMP, TIFF or PNM picture. Convert it to one of these."
        ) from None
    except PIL.Image.DecompressionBombError:
        raise DataError(f"{name}: has more than {MOST_PIXELS // 10**6} million pixels. Scale it down.") from None
    except Exception as error:  # of 5,830 decoder failures in fuzz corpora 479 are not OSError
        said = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise DataError(f"{name}: the picture is damaged or cut off ({said}). Copy or download it again.") from None


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing reaches stderr meanwhile, from any thread: libtiff and the code around it write there by themselves."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise DataError(
            f"{name}: has {width}x{height} pixels, more than {MOST_PIXELS // 10**6} million. Scale it down."
        )


def _pixels(image: Image, name: str) -> Tensor:
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        wide = np.asarray(image).astype(np.int64)  # 0..65535
        wide[wide == image.info.get("transparency", -1)] = 65535
        return torch.from_numpy(((wide + 128) // 257).astype(np.uint8))[None]
    if image.mode in ("I", "F"):
        kind = "floating-point" if image.mode == "F" else "32-bit"
        raise DataError(f"{name}: has {kind} pixels, which have no agreed range. Save it with 8 or 16 bits a channel.")
    grey = image.mode in ("1", "L", "LA", "La")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = _over_white(image)
    pixels = torch.from_numpy(np.array(image.convert("L" if grey else "RGB")))
    return pixels[None] if grey else pixels.permute(2, 0, 1).contiguous()


def _over_white(image: Image) -> Image:
    import PIL.Image

    picture = image.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", picture.size, "white"), picture)


def _orientation(image: Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # a broken EXIF block raises many kinds; the pixels are sound without it
        return 1


def _upright(pixels: Tensor, orientation: int) -> Tensor:
    swapped, mirrored = UPRIGHT.get(orientation, (False, ()))
    return (pixels.transpose(1, 2) if swapped else pixels).flip(mirrored)


@dataclass(frozen=True)
class Decoded:
    """A picture and how it came to be. `size`: (height, width) in the file. `notes`: what was converted, in words."""

    pixels: Tensor
    mode: str
    format: str
    size: tuple[int, int]
    notes: tuple[str, ...]


def decode_at_least(contents: bytes, name: str, size: tuple[int, int] | None = None) -> Decoded:
    """The picture, scaled down no further than `size` (height, width)."""
    pixels = decode(contents, name)
    height, width = pixels.shape[1:]
    return Decoded(pixels, "", "", (height, width), ())
