"""Telling pictures that are of none of the classes: scores that are high for what is known, and a threshold for them.

The threshold is that of split conformal prediction (Vovk, Gammerman, Shafer 2005): a picture of the same kind as the
validation pictures, whatever their distribution, is rejected with at most the chance that is asked for.
"""

from __future__ import annotations

from math import inf

import torch
from torch import Tensor
from torch.nn.functional import normalize

FALSE_REJECTIONS = 0.05  # of known pictures


def confidence(logits: Tensor) -> Tensor:
    """(n,) the highest probability (Hendrycks and Gimpel, ICLR 2017, arXiv:1610.02136)."""
    return logits.softmax(1).max(1).values


def energy(logits: Tensor) -> Tensor:
    """(n,) the logarithm of the summed exponentials of `logits` (n, classes): high for what is known.

    Energy-based Out-of-distribution Detection, Liu et al., NeurIPS 2020, arXiv:2010.03759. Its energy is the negative.
    """
    return logits.logsumexp(1)


def nearness(features: Tensor, known: Tensor, k: int = 1) -> Tensor:
    """(n,) the cosine of `features` (n, f) and the `k`-th most similar of `known` (m, f), -1..1.

    Out-of-Distribution Detection with Deep Nearest Neighbors, Sun et al., ICML 2022, arXiv:2204.06507.
    """
    if not 1 <= k <= len(known):
        raise ValueError(f"k is {k}; it must be 1 to {len(known)}, the known pictures.")
    bank = normalize(known, dim=1).T
    return torch.cat([(part @ bank).topk(k).values[:, -1] for part in normalize(features, dim=1).split(1024)])


def rejection_threshold(scores: Tensor, false_rejections: float = FALSE_REJECTIONS) -> float:
    """The score below which a picture is rejected as unknown: at most `false_rejections` of known pictures are.

    `scores`: (n,) of validation pictures, which the network was not trained on. With fewer than 19 of them nothing can
    be promised for 5 %: the threshold is minus infinity, and nothing is rejected.

    >>> rejection_threshold(torch.arange(1.0, 100.0))
    5.0
    """
    if not 0 < false_rejections < 1:
        raise ValueError(f"false_rejections is {false_rejections}; it must be between 0 and 1.")
    rank = int((len(scores) + 1) * false_rejections + 1e-9)
    return float(scores.kthvalue(rank).values) if rank else -inf


def rejected(scores: Tensor, threshold: float) -> Tensor:
    """(n,) bool: which pictures are unknown."""
    return scores < threshold
