"""Whether a network can learn these pictures at all: found before anything is written."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from striate.analysis.result import Analysis
from striate.data.preprocess import Preprocess
from striate.data.records import Part
from striate.errors import ConfigError
from striate.misfit import times


def check(net: nn.Module, known: Analysis, pictures: Part, preprocess: Preprocess, *, classes: int, batch: int) -> None:
    """Raise `ConfigError` where `net` has nothing to learn, gives no number a class, or cannot take batches of `batch`.

    Two black pictures are shown to it in eval mode, which changes nothing in it.
    """
    if not known.trainable:
        raise ConfigError("the network has nothing to learn: none of its layers has parameters that may change.")
    images = torch.zeros(2, *preprocess.image, dtype=torch.uint8)
    with torch.no_grad():
        given = net.eval()(preprocess.normalise(images))
    if not isinstance(given, Tensor):
        raise ConfigError(f"the network gives {type(given).__name__}; it must give one tensor of (pictures, classes).")
    if given.shape != (len(images), classes):
        raise ConfigError(
            f"the network gives {times(tuple(given.shape[1:])) or 'one number'} for a picture; it must give {classes}, "
            f"one for each class. End it with a fully connected layer to {classes}."
        )
    if min(batch, len(pictures)) == 1:
        alone = next((x for x in known.layers if "BatchNorm" in x.kind and prod(x.output[1:]) == 1), None)
        if alone is not None:
            raise ConfigError(
                f"batch_size is 1, but row '{alone.name}' ({alone.kind}) takes its mean over the pictures of a batch. "
                "Give at least 2 pictures a step."
            )
