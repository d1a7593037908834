"""Pictures brighter, paler, more colourful or of other hues.

Each of the four is a matrix of the three colours and an offset, so that all four are one product a picture. Three are
as everywhere: brightness multiplies, contrast moves away from the mean luma, saturation from the luma of each pixel.
The hue is turned in the plane of I and Q of the NTSC colours YIQ, which keeps the luma; elsewhere it is often turned in
HSV, which is no matrix and does not. What leaves the range is held to it once, at the end.
"""

from __future__ import annotations

import torch
from torch import Tensor

from striate.data.transforms.layout import levels_of

LUMA = (0.299, 0.587, 0.114)  # ITU-R 601
TO_IQ = ((0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))  # FCC 1953, 47 CFR 73.682


def jitter(batch: Tensor, factors: Tensor, *, white: float = 255) -> Tensor:
    """Change the colours of each picture of `batch` (n, 1 or 3, h, w) by its row of `factors` (n, 4).

    `factors`: times as bright, times the contrast, times the saturation, and turns of the hue, where 0.5 is the
    opposite colour. (1, 1, 1, 0) leaves a picture as it is, to the bit. `white`: the highest level. Grey pictures have
    neither saturation nor hue.
    """
    bright, contrast, saturation, hue = factors.to(batch.device).double().T
    channels = batch.shape[1]
    luma = torch.tensor(LUMA if channels == 3 else (1.0,), dtype=torch.float64, device=batch.device)
    mixing = (bright * contrast).view(-1, 1, 1) * torch.eye(channels).to(luma)
    if channels == 3:
        mixing = mixing @ _saturated(saturation, luma) @ _turned(hue)
    fade = ((1 - contrast) * bright).float()  # of the mean luma, to every colour
    mixing, luma = mixing.float(), luma.float()
    changed = batch.clone()
    for index in (factors != factors.new_tensor((1, 1, 1, 0))).any(1).nonzero()[:, 0].tolist():
        pixels = batch[index].contiguous().flatten(1).float()  # (c, h * w)
        offset = fade[index] * (pixels.mean(1) @ luma)
        made = torch.addmm(offset, mixing[index], pixels).clamp_(0, white)
        changed[index] = levels_of(made, batch.dtype).view_as(batch[index])
    return changed


def random_factors(draws: Tensor, most: float) -> Tensor:
    """(n, 4) `factors` for `jitter`: the first three within 1 - most .. 1 + most, hue within most / 4 turns.

    `draws`: (n, 4) in [0, 1). `most`: 0 to 1.
    """
    swings = (2 * draws - 1) * most
    return torch.cat([1 + swings[:, :3], swings[:, 3:] / 4], 1)


def _saturated(saturation: Tensor, luma: Tensor) -> Tensor:
    """(n, 3, 3) away from the luma."""
    factor = saturation.view(-1, 1, 1)
    return factor * torch.eye(3).to(luma) + (1 - factor) * luma.expand(3, 3)


def _turned(turns: Tensor) -> Tensor:
    """(n, 3, 3) turned in the plane of I and Q."""
    yiq = torch.cat([turns.new_tensor([LUMA]), turns.new_tensor(TO_IQ)])
    angle = turns * (2 * torch.pi)
    turned = torch.eye(3).to(turns).repeat(len(turns), 1, 1)
    turned[:, 1, 1] = turned[:, 2, 2] = angle.cos()
    turned[:, 1, 2] = -angle.sin()
    turned[:, 2, 1] = angle.sin()
    made: Tensor = torch.linalg.inv(yiq) @ turned @ yiq
    return made
