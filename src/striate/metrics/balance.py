"""Weights for the loss of classes that have unequally many pictures. Their mean is 1 over the classes that have any."""

from __future__ import annotations

import torch
from torch import Tensor

BETA = 0.999


def inverse_frequency(counts: Tensor) -> Tensor:
    """(classes,) float32 weights proportional to 1 / `counts`; 0 for a class without pictures.

    >>> inverse_frequency(torch.tensor([10, 30]))
    tensor([1.5000, 0.5000])
    """
    return _normalised(1 / counts.double(), counts)


def effective_number(counts: Tensor, beta: float = BETA) -> Tensor:
    """(classes,) float32 weights proportional to (1 - beta) / (1 - beta^n), which are less unequal.

    Class-Balanced Loss Based on Effective Number of Samples. Cui, Jia, Lin, Song, Belongie, CVPR 2019, equation 12.
    arXiv:1901.05555. `beta`: 0 weighs all alike, towards 1 they become those of `inverse_frequency`.
    """
    if not 0 <= beta < 1:
        raise ValueError(f"beta is {beta}; it must be at least 0 and below 1.")
    return _normalised((1 - beta) / (1 - beta ** counts.double()), counts)


def _normalised(weights: Tensor, counts: Tensor) -> Tensor:
    there = counts > 0
    if bool((counts < 0).any()) or not bool(there.any()):
        raise ValueError(f"counts are {counts.tolist()}; they must be numbers of pictures, at least one above 0.")
    return torch.where(there, weights / weights[there].mean(), torch.zeros_like(weights)).float()
