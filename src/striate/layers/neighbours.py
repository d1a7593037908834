"""A classifier that remembers: the nearest of the pictures it has seen vote."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

WARMTH = 0.07  # by which similarities are divided (Wu et al., CVPR 2018, arXiv:1805.01978, section 3.4)


class Neighbours(nn.Module):
    """Votes of the `k` most similar of the kept pictures, by cosine of the features less their mean.

    A vote weighs exp(similarity / 0.07). One more vote is spread over all classes, so that none is impossible.
    """

    mean: Tensor
    bank: Tensor
    votes: Tensor
    temperature: Tensor

    def __init__(self, pictures: int, features: int, classes: int, k: int):
        super().__init__()
        self.k = min(k, pictures)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("bank", torch.zeros(pictures, features))
        self.register_buffer("votes", torch.zeros(pictures, classes))
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        similarities, which = (normalize(x - self.mean, dim=1) @ self.bank.T).topk(self.k, dim=1)  # (n, k)
        weights = (similarities / WARMTH).softmax(1)
        shares = (weights[:, :, None] * self.votes[which]).sum(1)  # (n, classes)
        classes = shares.shape[1]
        return ((self.k * shares + 1 / classes) / (self.k + 1)).log() / self.temperature
