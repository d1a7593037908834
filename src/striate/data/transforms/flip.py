"""Pictures mirrored."""

from __future__ import annotations

from torch import Tensor


def flip(batch: Tensor, mirrored: Tensor) -> Tensor:
    """Mirror left to right the pictures of `batch` (n, c, h, w) for which `mirrored` (n,) is true."""
    return _reversed(batch, mirrored, axis=2)


def upend(batch: Tensor, upended: Tensor) -> Tensor:
    """Mirror top to bottom the pictures of `batch` (n, c, h, w) for which `upended` (n,) is true."""
    return _reversed(batch, upended, axis=1)


def _reversed(batch: Tensor, which: Tensor, axis: int) -> Tensor:
    changed = batch.clone()
    for index in which.nonzero()[:, 0].tolist():
        changed[index] = batch[index].flip(axis)
    return changed
