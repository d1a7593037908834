"""Telling pictures that are of none of the classes: scores that are high for what is known, and a threshold for them.

The threshold is that of split conformal prediction (Vovk, Gammerman, Shafer 2005): a picture of the same kind as the
validation pictures, whatever their distribution, is rejected with at most the chance that is asked for.
"""

from __future__ import annotations

from math import inf

from torch import Tensor

FALSE_REJECTIONS = 0.05  # of known pictures


def energy(logits: Tensor) -> Tensor:
    """(n,) the logarithm of the summed exponentials of `logits` (n, classes): high for what is known.

    Energy-based Out-of-distribution Detection, Liu et al., NeurIPS 2020, arXiv:2010.03759. Its energy is the negative.
    """
    return logits.logsumexp(1)


def rejection_threshold(scores: Tensor, false_rejections: float = FALSE_REJECTIONS) -> float:
    """The score below which a picture is rejected as unknown: at most `false_rejections` of known pictures are.

    `scores`: (n,) of validation pictures, which the network was not trained on. With fewer than 19 of them nothing can
    be promised for 5 %: the threshold is minus infinity, and nothing is rejected.

    >>> import torch
    >>> rejection_threshold(torch.arange(1.0, 100.0))
    5.0
    """
    if not 0 < false_rejections < 1:
        raise ValueError(f"false_rejections is {false_rejections}; it must be between 0 and 1.")
    rank = int((len(scores) + 1) * false_rejections + 1e-9)
    return float(scores.kthvalue(rank).values) if rank else -inf
