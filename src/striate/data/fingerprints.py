"""What a picture is, in 616 bytes: enough to tell the same file, the same pixels, and a picture that looks the same.

Two digests are of the bytes of the file and of its pixels. The rest are the lowest cosines of the picture (its discrete
cosine transform, DCT-II), as Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, takes
them. Instead of their signs the cosines are kept, for three reasons: they are the same at every size of the picture,
mirroring it changes but the sign of the odd ones across, and they can be compared as finely as is needed.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from striate.errors import DataError

COSINES = 16  # kept of the brightness, down and across, from 0 to 15 half waves
COLOUR_COSINES = 4  # of the two differences of colour
AT_ONCE = 2**14  # pixels made floating point at a time: so few that OpenBLAS starts no threads beside those that call
YCBCR = np.array(  # ITU-R 601, full range
    ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312)), np.float32
)
FINGERPRINT = np.dtype(
    [
        ("file", "u8", (2,)),
        ("pixels", "u8", (2,)),
        ("size", "i4", (2,)),  # height, width
        ("grey", "f2", (COSINES, COSINES)),  # levels of 0..255
        ("colour", "f2", (2, COLOUR_COSINES, COLOUR_COSINES)),
    ]
)

Fingerprints = NDArray[np.void]


def fingerprint(pixels: Tensor, contents: bytes | None = None) -> Fingerprints:
    """The fingerprint of `pixels` (c, h, w) uint8, of 1 or 3 channels, as an array of no axes and type `FINGERPRINT`.

    `contents`: of the file they are from; without it the pixels stand for it. Grey pixels and the same ones as RGB are
    the same pixels. It may be called from many threads. Raises `DataError` for anything but such pixels.

    >>> import torch
    >>> np.stack([fingerprint(torch.full((3, 40, 30), grey, dtype=torch.uint8)) for grey in (0, 255)])["size"].tolist()
    [[40, 30], [40, 30]]
    """
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3) or str(pixels.dtype) != "torch.uint8" or not pixels.numel():
        raise DataError(
            f"a picture has {tuple(pixels.shape)} pixels of {str(pixels.dtype).removeprefix('torch.')}; "
            "a fingerprint needs (1 or 3, height, width) of uint8."
        )
    values = pixels.numpy()
    if len(values) == 3 and np.array_equal(values[0], values[1]) and np.array_equal(values[0], values[2]):
        values = values[:1]
    values = np.ascontiguousarray(values)
    made = np.zeros((), FINGERPRINT)
    made["size"] = values.shape[1:]
    made["pixels"] = _digest(values.data, repr(values.shape))
    made["file"] = made["pixels"] if contents is None else _digest(contents)
    cosines = lowest_cosines(values)
    if len(values) == 1:
        made["grey"] = cosines[0]
    else:
        made["grey"], *colour = np.tensordot(YCBCR, cosines, 1)
        made["colour"] = np.stack(colour)[:, :COLOUR_COSINES, :COLOUR_COSINES]
    return made


def lowest_cosines(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(c, 16, 16) of pictures (c, h, w): how much of each cosine is in them, down and across, of mean square 1 each."""
    channels, height, width = values.shape
    down, across = _cosines(height), _cosines(width)
    made = np.zeros((channels, COSINES, COSINES), np.float32)
    rows = max(1, AT_ONCE // width)
    for top in range(0, height, rows):
        for channel, some in enumerate(values[:, top : top + rows]):
            made[channel] += down[:, top : top + rows] @ (some.astype(np.float32) @ across.T)
    return made


@lru_cache(maxsize=64)
def _cosines(pixels: int) -> NDArray[np.float32]:
    """(16, pixels): the cosines of 0 to 15 half waves over so many pixels, each divided by their number."""
    centres = (np.arange(pixels) + 0.5) / pixels
    waves = np.cos(np.pi * np.arange(COSINES)[:, None] * centres)
    waves[1:] *= np.sqrt(2)
    return (waves / pixels).astype(np.float32)


def _digest(contents: bytes | memoryview, key: str = "") -> NDArray[np.uint64]:
    return np.frombuffer(blake2b(contents, digest_size=16, key=key.encode()).digest(), "<u8").astype(np.uint64)
