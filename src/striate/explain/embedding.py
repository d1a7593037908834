"""Pictures as points of a plane, near each other where a network finds them alike: PCA and t-SNE.

PCA: On Lines and Planes of Closest Fit, Pearson 1901. t-SNE: Visualizing Data using t-SNE, van der Maaten, Hinton,
JMLR 2008, as scikit-learn computes it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from striate.errors import ConfigError

METHODS = ("pca", "tsne")
FEWEST = 3
PERPLEXITY = 30.0  # about how many neighbours a point has
FIRST = 50  # dimensions that PCA leaves to t-SNE, as its authors do


def embedding(features: Tensor, method: str = "pca", *, seed: int = 0) -> Tensor:
    """(n, 2) points for `features` (n, ...), each axis centred; the same again for the same `seed`.

    `method`: "pca", the two directions in which they vary the most, or "tsne". `ConfigError` for fewer than three
    pictures, another method, and features that are not finite.
    """
    flat = features.detach().flatten(1).double().cpu()
    if method not in METHODS:
        raise ConfigError(f"embedding: method is {method!r}; it must be one of {', '.join(METHODS)}.")
    if len(flat) < FEWEST:
        raise ConfigError(f"embedding: there are {len(flat)} pictures; a plane of them needs at least {FEWEST}.")
    if not bool(flat.isfinite().all()):
        raise ConfigError("embedding: some features are not finite numbers. Look at the weights of the network.")
    if method == "pca":
        return principal(flat, 2)[0]
    return _neighbours(principal(flat, FIRST)[0], seed)


def principal(features: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """(n, k) coordinates of `features` (n, d) along the directions of largest variance, and the share each explains.

    k is at most `most`; where there are fewer directions, coordinates are 0 up to two. The sign of a direction is such
    that its largest coordinate is positive.
    """
    centred = features - features.mean(0)
    left, strength, _ = torch.linalg.svd(centred, full_matrices=False)
    count = min(most, len(strength))
    points = left[:, :count] * strength[:count]
    largest = points.gather(0, points.abs().argmax(0, keepdim=True))
    points = points * torch.where(largest < 0, -1.0, 1.0)
    share = strength[:count].square() / strength.square().sum().clamp(min=1e-30)
    missing = max(0, 2 - count)
    return torch.nn.functional.pad(points, (0, missing)), torch.nn.functional.pad(share, (0, missing))


def _neighbours(points: Tensor, seed: int) -> Tensor:
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    found = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(points.numpy())
    placed = torch.from_numpy(found).double()
    return placed - placed.mean(0)
