"""Learning rates over a training: pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Callable

WARM_UP = {"one-cycle": 0.3}  # share of the steps in which the rate rises; other schedules start at once
DROPS = (0.5, 0.75)  # of the steps: where the rate of "step" falls to a tenth, He et al. 2016, section 4.2


def rate_of(step: int, steps: int, highest: float, schedule: str, warm_up: float | None = None) -> float:
    """The learning rate of `step` (0 first) of `steps`: a straight rise to `highest`, then `schedule`.

    >>> [round(rate_of(step, 10, 1.0, "one-cycle"), 3) for step in (0, 1, 2, 6, 9)]
    [0.333, 0.667, 1.0, 0.5, 0.125]
    >>> [round(rate_of(step, 4, 1.0, "cosine"), 3) for step in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    share = WARM_UP.get(schedule, 0.0) if warm_up is None else warm_up
    rise = max(1, round(share * steps)) if share else 0
    if step < rise:
        return highest * (step + 1) / rise
    return highest * SCHEDULES[schedule](step - rise, max(1, steps - rise))


def _one_cycle(step: int, steps: int) -> float:
    """A straight fall towards 0. Smith and Topin, Super-Convergence, 2018, without its last part."""
    return 1 - (step + 1) / (steps + 1)


def _cosine(step: int, steps: int) -> float:
    """Loshchilov and Hutter, SGDR, 2017, equation 5, without restarts."""
    return (1 + math.cos(math.pi * step / steps)) / 2


def _step(step: int, steps: int) -> float:
    return float(0.1 ** sum(step >= drop * steps for drop in DROPS))


def _constant(step: int, steps: int) -> float:
    return 1.0


SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "one-cycle": _one_cycle,
    "cosine": _cosine,
    "step": _step,
    "constant": _constant,
}
