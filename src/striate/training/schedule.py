"""Learning rates over a training."""

from __future__ import annotations

WARM_UP = 0.3  # share of the steps in which the rate rises


def one_cycle(step: int, steps: int, highest: float) -> float:
    """The rate of `step` (0 first): a straight rise to `highest`, then a straight fall towards 0.

    Smith and Topin, Super-Convergence, 2018, without its last part far below the first rate.

    >>> [round(one_cycle(step, 10, 1.0), 3) for step in (0, 1, 2, 6, 9)]
    [0.333, 0.667, 1.0, 0.5, 0.125]
    """
    rise = max(1, round(WARM_UP * steps))
    if step < rise:
        return highest * (step + 1) / rise
    return highest * (1 - (step + 1 - rise) / (steps - rise + 1))
