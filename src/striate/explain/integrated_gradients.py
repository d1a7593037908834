"""Axiomatic Attribution for Deep Networks. Sundararajan, Taly and Yan, ICML 2017, arXiv:1703.01365.

The attributions of a picture sum to the difference between its score and that of the baseline (completeness). The paper
takes the sum of m equal steps; here the m points and weights are those of Gauss and Legendre, which come closer.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from striate.errors import ConfigError
from striate.explain.answers import prepared
from striate.explain.gradients import weighted_gradients
from striate.explain.marks import explanation


@explanation(paper="Sundararajan, Taly, Yan 2017, arXiv:1703.01365", signed=True)
def integrated_gradients(
    net: nn.Module, images: Tensor, targets: Tensor, *, steps: int = 50, baseline: float | Tensor = 0.0
) -> Tensor:
    """(n, *spatial), signed: the sum of `attributions` over the channels of each pixel."""
    return attributions(net, images, targets, steps=steps, baseline=baseline).sum(1)


def attributions(
    net: nn.Module, images: Tensor, targets: Tensor, *, steps: int = 50, baseline: float | Tensor = 0.0
) -> Tensor:
    """(n, c, *spatial), signed: the mean slope on the straight way from `baseline`, times the way.

    `baseline`: a picture that says nothing, as a number or a tensor that fits (c, *spatial); 0 is the mean colour of
    normalised pictures.
    """
    if steps < 1:
        raise ConfigError(f"integrated_gradients: steps is {steps}; it must be at least 1.")
    images, targets = prepared(net, images, targets)
    start = torch.as_tensor(baseline).to(images)
    try:
        start = start.expand(images.shape[1:])
    except RuntimeError:
        raise ConfigError(
            f"integrated_gradients: baseline is {tuple(start.shape)}; pictures are {tuple(images.shape[1:])}."
        ) from None
    points, weights = (torch.from_numpy(values).to(images) for values in np.polynomial.legendre.leggauss(steps))
    shares = ((points + 1) / 2).view(-1, *[1] * (images.ndim - 1))

    def copy(pictures: Tensor, numbers: Tensor) -> Tensor:
        return start + shares[numbers] * (pictures - start)

    return (images - start) * weighted_gradients(net, images, targets, weights=weights / 2, copy=copy)
