"""The files that a convolution reads and writes, by the endings of their names."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from striate.data.decode import open_picture
from striate.data.files import write_atomically
from striate.data.sound import Sound, open_sound, write_sound
from striate.data.volume import open_volume, write_volume
from striate.errors import ConfigError
from striate.explain.operations import Operation
from striate.explain.shown_values import as_pixels

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
QUICK = 2_000_000  # pixels of a picture beyond which a PNG is packed quickly, not well


@dataclass(frozen=True)
class Source:
    """What was given: `numbers`, whose last `axes` axes are filtered; a `sound` where it was one."""

    numbers: Tensor
    axes: int
    sound: Sound | None = None


def opened(path: Path) -> Source:
    """The numbers in a file: (c, n) of a sound, an array as it is, (c, h, w) uint8 of a picture."""
    if path.suffix.lower() == ".wav":
        sound = open_sound(path)
        return Source(sound.samples, 1, sound)
    if path.suffix.lower() == ".npy":
        numbers = open_volume(path)
        return Source(numbers, min(numbers.ndim, 3))
    return Source(open_picture(path), 2)


def results(picture: Path | None) -> tuple[str, ...]:
    """The endings that a result may have."""
    kind = "" if picture is None else picture.suffix.lower()
    return {".wav": (".wav", ".npy", ".png"), ".npy": (".npy", ".png")}.get(kind, (*PICTURES, ".npy"))


def write_result(path: Path, result: Tensor, source: Source, values: str, operation: Operation) -> str:
    """Write the result as its name says; how its numbers are found there, in a sentence."""
    if path.suffix.lower() == ".npy":
        write_volume(path, result)
        return "as they are"
    if source.sound is not None:
        faster = operation.stride[0] if operation.name == "transposed" else 1 / operation.stride[0]
        return write_sound(path, Sound(result, max(1, round(source.sound.rate * faster)), source.sound.bits))
    weight = float(operation.kernel.sum()) if operation.name == "convolution" else None
    of_pixels = source.numbers.dtype is torch.uint8
    pixels, rule = as_pixels(result, values, sum_of_kernel=weight, of_pixels=of_pixels)
    while pixels.ndim > 3:
        pixels = pixels[0]
    if pixels.ndim == 3:
        pixels = pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0).contiguous()
    write_picture(path, Image.fromarray(pixels.numpy()))
    return rule


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write a Pillow image in the format of its name's ending. Raises `DataError`."""
    kind = Image.registered_extensions()[path.suffix.lower()]
    how = {
        "PNG": {"compress_level": 1 if picture.width * picture.height > QUICK else 6},
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"quality": 95},
    }.get(kind, {})
    file = BytesIO()
    try:
        picture.save(file, kind, **how)
    except (OSError, ValueError) as error:  # a side that the format cannot have
        raise ConfigError(f"{path}: cannot be written as {kind} ({error}). Name a .png file.") from None
    write_atomically(path, file.getbuffer())
