"""Pictures moved by whole pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from striate.data.transforms.layout import layout


def shift(batch: Tensor, moves: Tensor, *, most: int, fill: float = 0) -> Tensor:
    """Move each picture of `batch` (n, c, h, w) by its row of `moves` (n, 2): whole pixels up and to the left.

    No move is larger than `most` either way. What comes in at the border is `fill`.
    """
    if most == 0:
        return batch.clone()
    pixels, (n, _, height, width) = most, batch.shape
    wide = functional.pad(batch, (pixels,) * 4, value=fill)
    windows = wide.permute(0, 2, 3, 1).unfold(1, height, 1).unfold(2, width, 1)  # (n, rows, columns, c, h, w)
    rows, columns = (moves + pixels).T.to(batch.device)
    moved = windows[torch.arange(n, device=batch.device), rows, columns]
    return moved.contiguous(memory_format=layout(batch))


def random_moves(draws: Tensor, most: int) -> Tensor:
    """(n, 2) int64 from -most to most, each equally likely. `draws`: (n, 2) in [0, 1)."""
    return (draws * (2 * most + 1)).long() - most
