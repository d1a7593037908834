"""Features of pictures, one row of numbers a picture, whatever the layer gives."""

from __future__ import annotations

import torch
from torch import Tensor

from striate.model import Model

AT_ONCE = 64  # pictures that are prepared together


def rows(found: Tensor) -> Tensor:
    """(n, f) float32 of what a layer gave: maps (n, c, h, w) become their means over height and width.

    >>> rows(torch.ones(2, 3, 4, 4)).shape
    torch.Size([2, 3])
    """
    return (found.mean((2, 3)) if found.ndim == 4 else found.flatten(1)).float()


def features_of(model: Model, images: Tensor, layer: str | None = None) -> Tensor:
    """(n, f) features of `images` (n, c, h, w) uint8 of one size; `layer` as in `Model.features`."""
    return torch.cat([rows(model.features(part, layer)) for part in images.split(AT_ONCE)])
