"""Small changes of a batch of pictures that leave the class as it is, one draw a picture.

The draws are given, so that they can depend on the picture and not on the batch it is in. Each function works on uint8
and on floating-point batches, on any device, and gives a new batch of the same shape, type and memory format.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


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
    return moved.contiguous(memory_format=_format(batch))


def flip(batch: Tensor, mirrored: Tensor) -> Tensor:
    """Mirror left to right the pictures of `batch` (n, c, h, w) for which `mirrored` (n,) is true."""
    return torch.where(mirrored.to(batch.device).view(-1, 1, 1, 1), batch.flip(3), batch)


def turn(batch: Tensor, degrees: Tensor, scale: Tensor, *, fill: float = 0) -> Tensor:
    """Turn each picture of `batch` (n, c, h, w) about its centre by `degrees` (n,), and enlarge it by `scale` (n,).

    Pixels between pixels are bilinear, outside the picture is `fill`.
    """
    n, _, height, width = batch.shape
    angle, scale = degrees.to(batch.device).deg2rad(), scale.to(batch.device)
    cosine, sine, zero = angle.cos() / scale, angle.sin() / scale, torch.zeros_like(angle)
    across = width / height  # the grid counts both axes from -1 to 1, whatever their pixels
    rows = (torch.stack((cosine, -sine / across, zero), 1), torch.stack((sine * across, cosine, zero), 1))
    grid = functional.affine_grid(torch.stack(rows, 1), [n, 1, height, width], align_corners=False)
    pixels = batch.to(torch.float32) - fill
    turned = functional.grid_sample(pixels, grid, align_corners=False) + fill
    turned = turned if batch.is_floating_point() else turned.round_()
    return turned.to(batch.dtype).contiguous(memory_format=_format(batch))


def _format(batch: Tensor) -> torch.memory_format:
    last = batch.is_contiguous(memory_format=torch.channels_last) and not batch.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format
