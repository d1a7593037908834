"""Local response normalisation as AlexNet prints it. Krizhevsky, Sutskever, Hinton, NIPS 2012, section 3.3."""

from __future__ import annotations

from torch import nn


def response_norm(size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> nn.LocalResponseNorm:
    """b_i = a_i / (k + alpha · sum of a_j² over the `size` maps around i)^beta: the paper's formula and constants.

    torch and Caffe divide alpha by `size` first; weights trained there want `nn.LocalResponseNorm` itself. `size` is
    odd: as many maps before as after.

    >>> response_norm(5, alpha=0.25)
    LocalResponseNorm(5, alpha=1.25, beta=0.75, k=2.0)
    """
    return nn.LocalResponseNorm(size, alpha * size, beta, k)
