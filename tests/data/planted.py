"""A folder of pictures that vary as photographs do, and faults to plant into it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image


def scene(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """A picture whose waves have random phases, each frequency as strong as its inverse."""
    width, height = size
    draw = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width
    falls = 1 / np.maximum(np.hypot(rows, columns), 1)
    waves = draw.standard_normal((3, *falls.shape)) + 1j * draw.standard_normal((3, *falls.shape))
    grown = np.fft.irfft2(waves * falls, (height, width))
    levels = 128 + 45 * grown / grown.std()
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8).transpose(1, 2, 0).copy())


def jpeg(image: Image.Image, quality: int = 92) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def clean(root: Path, *, parts: tuple[str, ...] = ("train", "test"), classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    """`root/PART/CLASS/N.jpg`: eight different pictures of each class in each part; no part folders where none."""
    seed = 0
    for part in parts or ("",):
        for name in classes:
            (root / part / name).mkdir(parents=True)
            for number in range(8):
                (root / part / name / f"{number}.jpg").write_bytes(jpeg(scene(seed)))
                seed += 1
    return root
