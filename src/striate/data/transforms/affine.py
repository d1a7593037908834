"""Pictures turned, scaled, sheared and moved by parts of a pixel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from striate.data.transforms.layout import levels_of


def affine(
    batch: Tensor,
    degrees: Tensor,
    *,
    scale: Tensor | None = None,
    moves: Tensor | None = None,
    shear: Tensor | None = None,
    fill: float = 0,
) -> Tensor:
    """Shear, scale and turn each picture of `batch` (n, c, h, w) about its centre, in this order, then move it.

    `degrees`: (n,) anticlockwise. `scale`: (n,) times as large. `moves`: (n, 2) pixels down and to the right. `shear`:
    (n, 2) degrees that its upright and its level lines lean. Pixels between pixels are bilinear, outside the picture is
    `fill`. A picture that is to stay as it is stays so to the bit.
    """
    n, _, height, width = batch.shape
    device = batch.device
    there = _linear(degrees.to(device), None if shear is None else shear.to(device))
    if scale is not None:
        there = there * scale.to(there).view(-1, 1, 1)
    back = torch.linalg.inv(there)
    moved = torch.zeros(n, 2) if moves is None else moves.flip(1)  # right and down
    offset = -(back @ moved.to(there)[..., None])
    half = torch.tensor([width, height]).to(there) / 2  # the grid counts both axes from -1 to 1, whatever their pixels
    rows = torch.cat([back * (half / half[:, None]), offset / half[:, None]], 2)
    stays = (rows == torch.eye(2, 3).to(rows)).all(2).all(1)
    changed = batch.clone()
    for index in (~stays).nonzero()[:, 0].tolist():
        grid = functional.affine_grid(rows[index : index + 1].float(), [1, 1, height, width], align_corners=False)
        pixels = batch[index : index + 1].to(torch.float32) - fill
        changed[index] = levels_of(functional.grid_sample(pixels, grid, align_corners=False)[0] + fill, batch.dtype)
    return changed


def turn(batch: Tensor, degrees: Tensor, scale: Tensor, *, fill: float = 0) -> Tensor:
    """Turn each picture of `batch` (n, c, h, w) about its centre by `degrees` (n,), and enlarge it by `scale` (n,).

    Pixels between pixels are bilinear, outside the picture is `fill`.
    """
    return affine(batch, degrees, scale=scale, fill=fill)


def _linear(degrees: Tensor, shear: Tensor | None) -> Tensor:
    """(n, 2, 2) float64: where a point (right, down) of the centre goes, shear first."""
    angle = degrees.double().deg2rad()
    cosine, sine = angle.cos(), angle.sin()
    turned = torch.stack([cosine, sine, -sine, cosine], 1).view(-1, 2, 2)
    if shear is None:
        return turned
    one, zero = torch.ones_like(angle), torch.zeros_like(angle)
    upright, level = -shear.double().deg2rad().tan().T
    leaning = torch.stack([one, upright, zero, one], 1).view(-1, 2, 2)
    return turned @ torch.stack([one, zero, level, one], 1).view(-1, 2, 2) @ leaning
