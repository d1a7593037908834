"""Weights for the loss of classes that have unequally many pictures. Their mean is 1 over the classes that have any."""

from __future__ import annotations

import torch
from torch import Tensor


def inverse_frequency(counts: Tensor) -> Tensor:
    """(classes,) float32 weights proportional to 1 / `counts`; 0 for a class without pictures.

    >>> inverse_frequency(torch.tensor([10, 30]))
    tensor([1.5000, 0.5000])
    """
    there = counts > 0
    if bool((counts < 0).any()) or not bool(there.any()):
        raise ValueError(f"counts are {counts.tolist()}; they must be numbers of pictures, at least one above 0.")
    weights = 1 / counts.double()
    return torch.where(there, weights / weights[there].mean(), 0).float()
