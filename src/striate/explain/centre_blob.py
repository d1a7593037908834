"""A blob in the middle of the picture, where photographers put things: what an explanation has to be better than."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.explain.marks import explanation


@explanation(paper="a baseline of Striate", signed=False, asks_network=False)
def centre_blob(net: nn.Module, images: Tensor, targets: Tensor, *, width: float = 0.25) -> Tensor:
    """(n, *spatial) in 0..1: a Gaussian around the centre; `width` is its standard deviation as a share of each side.

    >>> centre_blob(nn.Identity(), torch.zeros(1, 1, 5), torch.tensor([0])).argmax().item()
    2
    """
    blob = images.new_ones(())
    for size in images.shape[2:]:
        offset = torch.arange(size, dtype=images.dtype, device=images.device) - (size - 1) / 2
        blob = blob[..., None] * torch.exp(-0.5 * (offset / (width * size)) ** 2)
    return blob.expand(len(images), *blob.shape).clone()
