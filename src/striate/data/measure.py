"""How the pictures to train on are brought to a network's input, measured on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import sqrt

import torch
from torch import Tensor

from striate.data.preprocess import Preprocess, Shape, to_channels
from striate.data.records import Part, Pictures
from striate.errors import DataError

MOST_PADDING = 8  # pixels an axis; a network that is larger by more gets its pictures resized
MEASURED = 512  # picture files, spread evenly over all
MEASURED_AT_ONCE = 2**18  # pixels


def for_training(pictures: Part, image: Shape) -> Preprocess:
    """What brings `pictures` to a network's input `image`, with mean and standard deviation measured on them.

    They are taken as they are if the sizes are equal, padded if the network's is larger by at most 8 pixels along both
    axes, else resized; of picture files that must be resized the middle is taken, in proportion. Of files `MEASURED`
    are measured; one that cannot be read is left out. A channel that is the same everywhere gets the deviation 1.
    """
    if len(image) != 3:
        raise DataError(f"the network takes {image}, which is no picture. It needs (channels, height, width).")
    channels, height, width = image
    size = pictures.shape[1:]
    room = (height - size[0], width - size[1])
    fit = "exact" if room == (0, 0) else "pad" if all(0 <= r <= MOST_PADDING for r in room) else "resize"
    in_memory = isinstance(pictures, Pictures)
    resize = None
    if not in_memory and (fit == "resize" or not pictures.same_size):
        fit, resize = "centre", min(height, width)
    content = size if fit == "pad" else None
    unmeasured = Preprocess(
        (channels, height, width), (0.0,) * channels, (1.0,) * channels, fit, content=content, resize=resize
    )
    some = _in_parts(pictures.images) if isinstance(pictures, Pictures) else _some_of(pictures, unmeasured)
    mean, std = mean_and_std(some, channels)
    return Preprocess((channels, height, width), mean, std, fit, content=content, resize=resize)


def mean_and_std(batches: Iterable[Tensor], channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Of each channel of (n, c, h, w) uint8, scaled to 0..1 and rounded to 6 digits.

    Sums of whole numbers are exact in float64 up to 2^53, so the result is the same in any order on any machine.
    """
    count, sums, squares = 0, [0] * channels, [0] * channels
    for batch in batches:
        some = to_channels(batch, channels)
        count += some.shape[0] * some.shape[2] * some.shape[3]
        for i, values in enumerate(some.transpose(0, 1).flatten(1).double()):
            sums[i] += int(values.sum())
            squares[i] += int(values.dot(values))
    if not count:
        raise DataError("none of the pictures can be read. Run striate check on the data.")
    mean = tuple(round(s / (255 * count), 6) for s in sums)
    std = tuple(round(sqrt(count * q - s * s) / (255 * count), 6) for s, q in zip(sums, squares, strict=True))
    return mean, tuple(s or 1.0 for s in std)


def _in_parts(images: Tensor) -> Iterator[Tensor]:
    yield from images.split(max(1, MEASURED_AT_ONCE // images[0].numel()))


def _some_of(pictures: Part, preprocess: Preprocess) -> Iterator[Tensor]:
    for index in torch.linspace(0, len(pictures) - 1, min(MEASURED, len(pictures))).long().tolist():
        try:
            yield pictures.pixels(index, preprocess)[None]
        except DataError:  # it is told when the pictures are checked
            continue
