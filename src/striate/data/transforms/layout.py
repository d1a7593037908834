"""Type of the pixels of a batch and how they lie in memory, both of which a change of the pictures should keep.

Most changes go over the batch by a picture or two: these stay in the processor's cache, and whole batches do not.
"""

from __future__ import annotations

import torch
from torch import Tensor


def layout(batch: Tensor) -> torch.memory_format:
    """channels_last where the channels of `batch` (n, c, h, w) lie side by side, else contiguous."""
    last = batch.stride(1) == 1 and not batch.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format


def levels_of(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    """Floating-point `pixels` as `dtype`: for uint8 rounded, and held to 0..255."""
    if dtype == torch.uint8 and pixels.is_floating_point():
        pixels = pixels.round().clamp_(0, 255)
    return pixels.to(dtype)
