"""The pictures that a dream and a style transfer take and give."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from striate.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from striate.explain.viewer import Viewer
    from striate.model import Model


def check_output(verb: str, out: Path, inputs: Sequence[Path | None]) -> None:
    """Raise `ConfigError` where `out` cannot be written or is one of `inputs`, before anything is worked out."""
    from striate.verbs.convolve_files import PICTURES

    folder = out.resolve().parent
    if out.suffix.lower() not in PICTURES:
        raise ConfigError(f"{verb}: out is '{out}'; its name must end in {', '.join(PICTURES)}.")
    if out.is_dir():
        raise ConfigError(f"{verb}: out is '{out}', which is a folder. Name a file.")
    if not folder.is_dir():
        raise ConfigError(f"{verb}: out is '{out}', and there is no folder {folder}. Make it, or name another.")
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"{verb}: out is '{out}', and the folder {folder} cannot be written to. Name another.")
    for given in inputs:
        if given is not None and (
            given.resolve() == out.resolve() or (out.exists() and given.exists() and given.samefile(out))
        ):
            raise ConfigError(f"{verb}: out is '{out}', which is a picture that is read. Name another file.")


def opened(path: Path, size: int, channels: int) -> Tensor:
    """(1, channels, h, w) in 0..1: the picture file, its longer side `size`. `DataError` names it."""
    from striate.data.decode import open_picture
    from striate.data.preprocess import to_channels
    from striate.explain.painting import resized

    pixels = to_channels(open_picture(path)[None], channels).float() / 255
    height, width = pixels.shape[2:]
    longest = max(height, width)
    sides = (max(1, round(height * size / longest)), max(1, round(width * size / longest)))
    if min(sides) < 16:
        raise ConfigError(f"{path}: at size {size} it is {sides[1]}x{sides[0]} pixels. Give a larger size, or crop it.")
    return resized(pixels, sides).clamp(0, 1)


def write(path: Path, picture: Tensor) -> None:
    """Write `picture` (c, h, w) in 0..1 in the format of its name's ending. Raises `DataError`."""
    from PIL import Image

    from striate.verbs.convolve_files import write_picture

    pixels = (picture.detach().clamp(0, 1) * 255).round().byte().cpu()
    write_picture(
        path, Image.fromarray((pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)).contiguous().numpy())
    )


def numbered(out: Path, step: int) -> Path:
    """Where the picture after `step` steps goes.

    >>> numbered(Path("dream.png"), 20).name
    'dream-0020.png'
    """
    return out.with_name(f"{out.stem}-{step:04}{out.suffix}")


def viewer_of(model: Model) -> Viewer:
    """The model as something that looks at pictures in 0..1, in bfloat16 where the processor has it."""
    import torch

    from striate.explain.viewer import Viewer
    from striate.training.allocator import keep_memory
    from striate.training.machine import fast_bfloat16

    keep_memory()
    ready = model.preprocess
    net = model.net.eval()
    device = next((p.device for p in net.parameters()), torch.device("cpu"))
    return Viewer(net, ready.image, ready.mean, ready.std, bfloat16=fast_bfloat16(device))
