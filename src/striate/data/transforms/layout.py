"""How the pixels of a batch lie in memory, which a change of the pictures should keep."""

from __future__ import annotations

import torch
from torch import Tensor


def layout(batch: Tensor) -> torch.memory_format:
    """channels_last where the channels of `batch` (n, c, h, w) lie side by side, be it part of others; else contiguous."""
    last = batch.stride(1) == 1 and not batch.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format


def restored(pixels: Tensor, batch: Tensor) -> Tensor:
    """`pixels` with the type and layout of `batch`: for uint8 rounded, and held to 0..255."""
    if batch.dtype == torch.uint8 and pixels.is_floating_point():
        pixels = pixels.round().clamp_(0, 255)
    return pixels.to(batch.dtype).contiguous(memory_format=layout(batch))
