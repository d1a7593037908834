"""Small grids of numbers, to show an operation on."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def numbered_grid(rows: int, columns: int) -> Tensor:
    """The grid of the lectures: 0, 1, 2, ... row by row.

    >>> numbered_grid(2, 3).tolist()
    [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    """
    return torch.arange(rows * columns, dtype=torch.float64).view(rows, columns)


def shrunk(pixels: Tensor, side: int) -> Tensor:
    """`pixels` (c, h, w) of a picture in grey, whole numbers, at most `side` along its longer side: means of blocks."""
    weights = torch.tensor([0.299, 0.587, 0.114] if len(pixels) == 3 else [1.0], dtype=torch.float64)  # ITU-R BT.601
    grey = (pixels.double() * weights[:, None, None]).sum(0)
    scale = min(1.0, side / max(grey.shape))
    rows, columns = (max(1, round(n * scale)) for n in grey.shape)
    return functional.adaptive_avg_pool2d(grey[None], (rows, columns))[0].round()
