"""Whether a probability means what it says, and one number that mends it.

On Calibration of Modern Neural Networks. Guo, Pleiss, Sun, Weinberger, ICML 2017. arXiv:1706.04599

Deviation: the temperature is fitted with one more picture, of unknown class, added to the given ones, as Platt (1999)
adds to his two classes. Where every answer is right the likelihood alone would make every probability 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log

import torch
from torch import Tensor

BINS = 15  # equally wide, as in section 5 of the paper
LOWEST, HIGHEST = 0.01, 100.0  # temperatures
STEPS = 100  # at most; about 8 are needed
CLOSE = 1e-7  # relative change of the temperature at which it is found


@dataclass(frozen=True)
class Reliability:
    """Pictures binned by confidence, which is the highest probability; each (bins,), but `edges` (bins + 1,).

    Bin i holds what lies in (edges[i], edges[i + 1]], the first one 0 as well. `accuracy` and the mean `confidence` are
    nan in an empty bin.
    """

    edges: Tensor
    pictures: Tensor
    accuracy: Tensor
    confidence: Tensor

    @property
    def error(self) -> float:
        """Expected calibration error (equation 3): the mean gap of accuracy and confidence over all pictures, 0..1."""
        gaps = (self.accuracy - self.confidence).abs().nan_to_num(0)
        return float((gaps * self.pictures).sum() / self.pictures.sum())


def reliability(probabilities: Tensor, labels: Tensor, bins: int = BINS) -> Reliability:
    """The reliability curve of `probabilities` (n, classes) against `labels` (n,)."""
    _check(probabilities, labels)
    confidence, answers = probabilities.max(1)
    return reliability_of(confidence, answers == labels, bins)


def reliability_of(confidence: Tensor, right: Tensor, bins: int = BINS) -> Reliability:
    """The same from each picture's highest probability (n,), and whether that answer is right (n,) bool."""
    confidence = confidence.double()
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    which = (torch.bucketize(confidence, edges) - 1).clamp_(0, bins - 1)
    pictures = torch.bincount(which, minlength=bins)
    share = torch.bincount(which, right.double(), bins) / pictures
    return Reliability(edges, pictures, share, torch.bincount(which, confidence, bins) / pictures)


def expected_calibration_error(probabilities: Tensor, labels: Tensor, bins: int = BINS) -> float:
    """The mean gap of confidence and accuracy in 0..1, over 15 equally wide bins of confidence unless told otherwise.

    >>> probabilities = torch.tensor([[0.8, 0.2], [0.8, 0.2], [0.8, 0.2], [0.2, 0.8]])
    >>> round(expected_calibration_error(probabilities, torch.tensor([0, 0, 1, 0])), 3)
    0.3
    """
    return reliability(probabilities, labels, bins).error


def temperature(logits: Tensor, labels: Tensor, *, unknown: float = 1.0) -> float:
    """What to divide `logits` (n, classes) by so that their softmax is most likely to give `labels` (n,).

    The logarithm of the likelihood is concave in 1 / temperature, so Newton's method inside a bracket finds its one
    maximum, within 0.01..100. `unknown`: pictures of unknown class that are added; 0 gives the paper's estimate. Fit it
    on pictures the network was not trained on. Logits that prefer no class give 1.

    >>> temperature(torch.tensor([[3.0, 0.0]] * 3 + [[0.0, 3.0]]), torch.tensor([0, 0, 0, 0]), unknown=0)
    2.7307...
    """
    _check(logits, labels)
    if not bool(torch.isfinite(logits).all()):
        raise ValueError("logits hold values that are not numbers (NaN or infinite).")
    scores = logits.double()
    scores = scores - scores.max(1, keepdim=True).values
    if not scores.any():
        return 1.0
    count = len(labels)
    wanted = scores.gather(1, labels[:, None]).sum() + unknown / count * scores.mean(1).sum()
    weight = 1 + unknown / count
    low, high = -log(HIGHEST), -log(LOWEST)  # of log(1 / temperature)
    at = 0.0
    for _ in range(STEPS):
        inverse = torch.tensor(at, dtype=torch.float64).exp()
        likely = (scores * inverse).softmax(1)
        mean = (likely * scores).sum(1)
        slope = inverse * (weight * mean.sum() - wanted)  # by the logarithm of 1 / temperature
        spread = (likely * scores.square()).sum(1) - mean.square()
        if slope > 0:
            high = at
        else:
            low = at
        curve = float(inverse.square() * weight * spread.sum() + slope)
        step = float(slope) / curve if curve > 0 else float("inf")
        then = at - step if isfinite(step) and low < at - step < high else (low + high) / 2
        if abs(then - at) < CLOSE:
            break
        at = then
    return float(torch.tensor(-at, dtype=torch.float64).exp())


def _check(scores: Tensor, labels: Tensor) -> None:
    if not len(labels) or len(scores) != len(labels):
        raise ValueError(f"calibration needs a label for each picture; {len(scores)} pictures, {len(labels)} labels.")
