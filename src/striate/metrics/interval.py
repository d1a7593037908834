"""How sure one can be of a share that was measured on a limited number of pictures."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson(right: int, examples: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of the share `right` / `examples`: (low, high) in 0..1.

    Probable Inference, the Law of Succession, and Statistical Inference, E. B. Wilson, JASA 22, 1927. Unlike the
    normal approximation it stays inside 0..1 and is not empty when nothing, or everything, is right.

    >>> [round(bound, 4) for bound in wilson(992, 1000)]
    [0.9843, 0.9959]
    """
    if not 0 <= right <= examples or examples == 0:
        raise ValueError(f"{right} right of {examples} is not a share.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must be between 0 and 1.")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, z2 = right / examples, z * z
    middle = share + z2 / (2 * examples)
    half = z * sqrt(share * (1 - share) / examples + z2 / (4 * examples**2))
    low, high = (middle - half) / (1 + z2 / examples), (middle + half) / (1 + z2 / examples)
    return (0.0 if right == 0 else low), (1.0 if right == examples else high)
