"""Pictures at another size."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from striate.data.transforms.layout import layout, levels_of


def resize(batch: Tensor, size: tuple[int, int], interpolation: str = "bilinear") -> Tensor:
    """`batch` (n, c, h, w) at `size` (height, width), antialiased where it gets smaller.

    `interpolation`: "bilinear" or "bicubic".
    """
    if tuple(batch.shape[2:]) == tuple(size):
        return batch.clone()
    if not len(batch):
        return batch.new_empty(0, batch.shape[1], *size)
    direct = batch.dtype == torch.float32 or (batch.dtype == torch.uint8 and batch.device.type == "cpu")
    pixels = batch if direct else batch.float()
    made = functional.interpolate(pixels, size, mode=interpolation, antialias=True)
    return levels_of(made, batch.dtype).contiguous(memory_format=layout(batch))
