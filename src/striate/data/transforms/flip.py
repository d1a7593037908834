"""Pictures mirrored."""

from __future__ import annotations

import torch
from torch import Tensor


def flip(batch: Tensor, mirrored: Tensor) -> Tensor:
    """Mirror left to right the pictures of `batch` (n, c, h, w) for which `mirrored` (n,) is true."""
    return torch.where(mirrored.to(batch.device).view(-1, 1, 1, 1), batch.flip(3), batch)


def upend(batch: Tensor, upended: Tensor) -> Tensor:
    """Mirror top to bottom the pictures of `batch` (n, c, h, w) for which `upended` (n,) is true."""
    return torch.where(upended.to(batch.device).view(-1, 1, 1, 1), batch.flip(2), batch)
