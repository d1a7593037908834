"""What a training chooses where its settings leave it open."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from striate import networks
from striate.data.records import DataSet, Part, Pictures
from striate.data.transforms.augment import Augment
from striate.errors import ConfigError
from striate.networks import Net
from striate.rows import Shape
from striate.training.config import TrainConfig

PICTURES_TO_SEE = 240_000  # the default number of epochs shows the network about so many pictures,
FEWEST, MOST = 4, 40  # within these bounds: 4 epochs of MNIST, 40 of the 4,000 digits
SEEN_OFTEN = 8  # epochs; from here on a picture is moved a little each time, so that it is not learned by heart
PHOTOGRAPH = 64  # pixels; larger ones are photographs, and are brought to squares of this side
SHIFTABLE = ("digits", "mnist")  # small pictures on an empty ground, which may move without losing anything


def resolved(config: TrainConfig, dataset: DataSet, net: Net) -> tuple[TrainConfig, Shape]:
    """`config` with everything that was left to choose chosen, and the image (c, h, w) for the network."""
    assert dataset.train is not None
    shape: Shape = dataset.train.shape
    image = config.image or networks.default_image(net) or _small(dataset.train)
    if len(image) == 1:
        image = (shape[0], image[0], image[0])
    elif len(image) == 2:
        image = (shape[0], *image)
    if len(image) != 3:
        raise ConfigError(
            f"image is {'x'.join(map(str, image))}; pictures need channels, height and width, as 1x28x28."
        )
    if config.image is None:
        image = (shape[0], *image[1:])
    count = len(dataset.train)
    sizes = {"batch": count, "single": 1}
    if config.descent in sizes:
        config = dataclasses.replace(config, batch_size=sizes[config.descent])
    if config.processes > 1 and config.batch_size < config.processes:
        raise ConfigError(
            f"batch_size is {config.batch_size}, but {config.processes} processes share each step. Give more."
        )
    epochs = config.epochs or min(MOST, max(FEWEST, round(PICTURES_TO_SEE / count)))
    shift = 2 if dataset.name in SHIFTABLE and epochs >= SEEN_OFTEN else 0
    return dataclasses.replace(
        config, image=image, epochs=epochs, shift=shift if config.shift is None else config.shift
    ), image


def _small(pictures: Part) -> Shape:
    """The size of the pictures; of photographs a square that a network of one's own can learn in reasonable time."""
    channels, height, width = pictures.shape
    if isinstance(pictures, Pictures) or (pictures.same_size and max(height, width) <= PHOTOGRAPH):
        return channels, height, width
    side = min(PHOTOGRAPH, height, width)
    return channels, side, side


def augment_of(config: TrainConfig) -> Augment:
    """How pictures change from epoch to epoch."""
    return Augment(
        flip=config.flip,
        shift=config.shift or 0,
        crop=config.crop,
        rotate=config.rotate,
        jitter=config.jitter,
        erase=config.erase,
        mixup=config.mixup,
        cutmix=config.cutmix,
    )


def slug(text: str) -> str:
    """`text` as one part of a path: letters, digits, dots and hyphens, 60 at most.

    >>> slug("[(conv-relu)*2-pool]*3-fc-my set")
    'conv-relu-2-pool-3-fc-my-set'
    """
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._") else " " for c in Path(text).name)
    return "-".join(kept.replace(".py", " ").split())[:60].strip("-.") or "run"
