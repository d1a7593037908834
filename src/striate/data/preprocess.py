"""From any picture to what a network takes: one frozen value, stored with the model and used wherever it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from striate.data.decode import MOST_BYTES, decode_at_least
from striate.data.files import file_bytes, shown
from striate.errors import DataError
from striate.registry import nearest

Shape = tuple[int, ...]

FITS = ("exact", "pad", "resize", "centre")
INTERPOLATIONS = ("bilinear", "bicubic")
BORDER = 8 / 7  # as 256 pixels are to 224
RESIZE = {  # what `interpolate` calls; in the order of a decoder's pixels it takes two thirds of the time
    "bilinear": torch.ops.aten._upsample_bilinear2d_aa.out,
    "bicubic": torch.ops.aten._upsample_bicubic2d_aa.out,
}
LUMA = (19595, 38470, 7471)  # ITU-R 601: 0.299 R + 0.587 G + 0.114 B, times 2^16
LONGEST = 4  # times as long as wide; of a longer picture only the middle is resized, which bounds the memory


@dataclass(frozen=True)
class Preprocess:
    """What happens to a picture before the network sees it.

    A picture is made grey or RGB as `image` is, resized (antialiased) to `content`, and padded to `image` with 0 on
    all sides alike, the odd pixel at the end. One that has the size of `image` already is taken as it is. With the fit
    "centre", which is for photographs, a picture keeps its proportions: its shorter side becomes `resize`, and the
    middle of it is taken.

    `image`: (channels, height, width) of the network's input. `mean`, `std`: one a channel, of the training pictures'
    pixels scaled to 0..1. `fit`: how the training pictures came to that size. `content`: (height, width) before
    padding; None: those of `image`. `resize`: pixels, at least the shorter side of `image`; where that is no square,
    the picture covers one that is larger in the same ratio. Raises `DataError` for values that cannot be.

    >>> Preprocess((1, 32, 32), (0.1307,), (0.3081,), "pad", content=(28, 28)).pixels(
    ...     torch.zeros(5, 3, 56, 56, dtype=torch.uint8)).shape
    torch.Size([5, 1, 32, 32])
    """

    image: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fit: str
    interpolation: str = "bilinear"
    content: tuple[int, int] | None = None
    resize: int | None = None

    def __post_init__(self) -> None:
        if len(self.image) != 3 or not all(_is_size(side) for side in self.image):
            raise DataError(f"preprocess.image is {self.image}; it must be (channels, height, width), each at least 1.")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.image[0] or not all(_is_number(v) and isfinite(v) for v in values):
                raise DataError(f"preprocess.{name} is {values}; it must be {self.image[0]} numbers, one a channel.")
        if min(self.std) <= 0:
            raise DataError(f"preprocess.std is {self.std}; each must be above 0.")
        for name, value, allowed in (("fit", self.fit, FITS), ("interpolation", self.interpolation, INTERPOLATIONS)):
            if value not in allowed:
                raise DataError(f"preprocess.{name} is {value!r}; it must be one of {', '.join(allowed)}.")
        if self.content is not None and not (
            len(self.content) == 2
            and all(_is_size(side) and side <= most for side, most in zip(self.content, self.image[1:], strict=True))
        ):
            raise DataError(f"preprocess.content is {self.content}; it must be (height, width) within {self.image}.")
        if (self.resize is None) == (self.fit == "centre"):
            raise DataError(f"preprocess.resize is {self.resize}; the fit 'centre' needs it, and no other has it.")
        if self.resize is not None and not (_is_size(self.resize) and self.resize >= min(self.image[1:])):
            raise DataError(f"preprocess.resize is {self.resize!r}; it must be at least {min(self.image[1:])} pixels.")

    @property
    def needs(self) -> tuple[int, int]:
        """(height, width) that a picture must keep, so that nothing is made larger: a decoder may scale down to it."""
        _, height, width = self.image
        if self.resize is None:
            return self.content or (height, width)
        shorter = min(height, width)
        return self.resize * height // shorter, self.resize * width // shorter

    def pixels(self, images: Tensor) -> Tensor:
        """(n, *image) uint8 of pictures (n, c, h, w) uint8 of any size. Raises `DataError` for other channels."""
        _, height, width = self.image
        images = to_channels(images, self.image[0])
        if images.shape[2:] == (height, width):
            return images
        if self.resize is not None:
            return self._middle(images, self.resize)
        content = self.content or (height, width)
        if images.shape[2:] != content:
            images = _resized(images, content, self.interpolation)
        if content == (height, width):
            return images
        above, left = (height - content[0]) // 2, (width - content[1]) // 2
        return functional.pad(images, (left, width - content[1] - left, above, height - content[0] - above))

    def _middle(self, images: Tensor, resize: int) -> Tensor:
        """The middle (height, width) of the pictures, once they cover `resize` / the shorter side of it."""
        _, height, width = self.image
        tall, wide = images.shape[2:]
        most = LONGEST * min(tall, wide)
        images = _centre(images, min(tall, most), min(wide, most))
        size = covering((images.shape[2], images.shape[3]), (height, width), resize)
        return _centre(_resized(images, size, self.interpolation), height, width)

    def normalise(
        self,
        batch: Tensor,
        dtype: torch.dtype = torch.float32,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> Tensor:
        """(pixel / 255 - mean) / std. `batch`: (n, c, h, w) uint8, or floating point in 0..255; it is left as it is."""
        scale, shift = zip(*((1 / (255 * s), -m / s) for m, s in zip(self.mean, self.std, strict=True)), strict=True)
        if batch.dtype == torch.uint8:  # a quarter of the bytes to bring into another order
            batch = batch.contiguous(memory_format=memory_format)
        batch = batch.to(torch.float32, memory_format=memory_format, copy=True)
        if len(set(scale)) == len(set(shift)) == 1:
            return batch.mul_(scale[0]).add_(shift[0]).to(dtype)
        by_channel = torch.tensor((scale, shift), device=batch.device)
        if batch.is_contiguous() or not batch.is_contiguous(memory_format=torch.channels_last):
            by_channel = by_channel.view(2, 1, -1, 1, 1)
            return batch.mul_(by_channel[0]).add_(by_channel[1]).to(dtype)
        rows = batch.permute(0, 2, 3, 1).flatten(2)  # (n, h, w·c): rows are long enough for vector instructions
        by_channel = by_channel.repeat(1, batch.shape[3])
        rows.mul_(by_channel[0]).add_(by_channel[1])
        return batch.to(dtype)

    def for_image(self, image: Shape) -> Preprocess:
        """The same for a network that takes pictures of another size or number of channels.

        One channel gets the average of the means and deviations, more get them in turn. `DataError` where `image` is
        not (channels, height, width).
        """
        if tuple(image) == self.image:
            return self
        if len(image) != 3:
            raise DataError(f"the network takes {image}, which is no picture. It needs (channels, height, width).")
        channels, height, width = image
        mean, std = (_for_channels(values, channels) for values in (self.mean, self.std))
        if self.resize is None:
            return Preprocess((channels, height, width), mean, std, "resize", self.interpolation)
        resize = round(self.resize * min(height, width) / min(self.image[1:]))
        return Preprocess((channels, height, width), mean, std, "centre", self.interpolation, resize=resize)

    def wider(self) -> Preprocess:
        """The same with a border of an eighth around the middle, for crops to be taken of."""
        if self.resize is None:
            return self
        channels, *sides = self.image
        height, width = (round(side * BORDER) for side in sides)
        return replace(self, image=(channels, height, width), resize=round(self.resize * BORDER))

    def open(self, path: str | PathLike[str]) -> Tensor:
        """The picture file at `path` as the network's input before `normalise`: uint8 of shape `image`.

        Raises `DataError`, which names the file.
        """
        name = Path(path)
        return self.pixels(decode_at_least(file_bytes(name, most=MOST_BYTES), shown(name), self.needs).pixels[None])[0]

    def as_json(self) -> dict[str, Any]:
        """The value as plain lists, numbers and names; `from_json` gives it back."""
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return values if self.resize is not None else {k: v for k, v in values.items() if k != "resize"}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Preprocess:
        """The value that `as_json` wrote. Raises `DataError` for anything else."""
        known = [field.name for field in fields(cls)]
        if not isinstance(given, Mapping):
            raise DataError(f"preprocess is {type(given).__name__}; it must be an object with {', '.join(known)}.")
        for key in given:
            if key not in known:
                close = nearest(str(key), known)
                raise DataError(
                    f"preprocess.{key} is unknown. {f'Did you mean {close[0]}?' if close else 'Remove it.'}"
                )
        if missing := [key for key in known[:4] if key not in given]:
            raise DataError(f"preprocess.{missing[0]} is missing. Save the model again.")
        for key in ("image", "mean", "std", "content"):
            if not isinstance(given.get(key), list) and (key != "content" or given.get(key) is not None):
                raise DataError(f"preprocess.{key} is {given[key]!r:.60}; it must be a list of numbers.")
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
        return cls(**values)

    def fingerprint(self) -> str:
        """SHA-256 of the value, in hexadecimal."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()


def to_channels(images: Tensor, channels: int) -> Tensor:
    """(n, channels, h, w) of pictures (n, c, h, w) uint8: grey is repeated, RGB becomes ITU-R 601 luma.

    Raises `DataError` for any other change.
    """
    has = images.shape[1]
    if has == channels:
        return images
    if (has, channels) == (1, 3):
        return images.expand(-1, 3, -1, -1).contiguous()
    if (has, channels) == (3, 1):
        red, green, blue = (images[:, i].to(torch.int32) * weight for i, weight in enumerate(LUMA))
        return ((red + green + blue + 2**15) >> 16).to(torch.uint8)[:, None]
    raise DataError(
        f"the pictures have {has} channels, and the network takes {channels}. Only grey and RGB become each other: "
        f"give pictures of {channels} channels, or build the network for {has}."
    )


def covering(size: tuple[int, int], image: tuple[int, int], resize: int) -> tuple[int, int]:
    """(height, width) to which a picture of `size` is resized so that it covers `resize` / the shorter side of `image`.

    >>> covering((300, 400), (224, 224), 256)
    (256, 341)
    """
    (tall, wide), (height, width) = size, image
    shorter = min(height, width)
    if height * wide <= width * tall:  # the picture's width decides
        covered = resize * width // shorter
        return max(height, covered * tall // wide), covered
    covered = resize * height // shorter
    return covered, max(width, covered * wide // tall)


def margin(there: int, here: int) -> int:
    """Pixels before the middle `here` of `there`, halves rounded as torchvision does."""
    return round((there - here) / 2)


def _centre(images: Tensor, height: int, width: int) -> Tensor:
    """The middle of the pictures."""
    top, left = (margin(there, here) for there, here in zip(images.shape[2:], (height, width), strict=True))
    return images[..., top : top + height, left : left + width]


def _resized(images: Tensor, size: tuple[int, int], interpolation: str) -> Tensor:
    if images.device.type == "cpu":  # the one device that resizes uint8
        last = images.is_contiguous(memory_format=torch.channels_last) and not images.is_contiguous()
        if not last:
            return functional.interpolate(images, size, mode=interpolation, antialias=True)
        made = torch.empty(*images.shape[:2], *size, dtype=torch.uint8, memory_format=torch.channels_last)
        return RESIZE[interpolation](images, list(size), False, out=made)  # type: ignore[no-any-return]
    resized = functional.interpolate(images.float(), size, mode=interpolation, antialias=True)
    return resized.round_().clamp_(0, 255).to(torch.uint8)


def _for_channels(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if channels == 1:
        return (sum(values) / len(values),)
    return tuple(values[i % len(values)] for i in range(channels))


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 2**16


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
