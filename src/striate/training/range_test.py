"""The learning-rate range test: the rate rises from step to step until the loss does.

Cyclical Learning Rates for Training Neural Networks. L. N. Smith, WACV 2017, section 3.3. arXiv:1506.01186. The rate
rises by equal ratios, not by equal differences, so that one test covers many decades.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from striate.data.loader import Loader
from striate.errors import ConfigError
from striate.networks import Net
from striate.training.config import TrainConfig
from striate.training.loop import Diverged, Loop
from striate.training.prepare import prepare
from striate.training.ranks import alone

SMOOTHING = 0.9  # what the mean of the losses keeps of itself from step to step
RISEN = 4.0  # times the lowest mean loss: then the test is over
FEWEST = 10  # steps, below which nothing can be read off


@dataclass(frozen=True)
class RangeTest:
    """`losses[i]`: the mean loss around the step with `rates[i]`. `rate`: the one where it falls most steeply."""

    network: str
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    rate: float


class _Rising(Loop):
    """A loop whose rate rises from `low` to `high` in `count` steps."""

    low, high, count = 1e-5, 10.0, 100

    def rate_at(self, step: int) -> float:
        return float(self.low * (self.high / self.low) ** (min(step, self.count - 1) / (self.count - 1)))


def range_test(
    data: Any, net: Net, config: TrainConfig, *, low: float = 1e-5, high: float = 10.0, steps: int = 100
) -> RangeTest:
    """Train `net` on `data` for at most `steps` steps with rates from `low` to `high`; nothing is kept of the network.

    `ConfigError` where the bounds are not in order or the loss is no number before anything can be read off.
    """
    if not 0 < low < high or steps < FEWEST:
        raise ConfigError(
            f"rates from {low:g} to {high:g} in {steps} steps: give 0 < low < high and {FEWEST} steps or more."
        )
    prepared = prepare(data, net, config)
    prepared.machine.place(prepared.model.net)
    model = prepared.model
    with Loader(prepared.train, model.preprocess, workers=config.workers) as loader:
        loop = _Rising(
            model,
            loader,
            config=prepared.config,
            machine=prepared.machine,
            ranks=alone(),
            learning=prepared.learning,
        )
        loop.low, loop.high, loop.count = low, high, steps
        rates, losses = _measured(loop, steps)
    if len(losses) < FEWEST:
        raise ConfigError(
            f"the loss is no number after {len(losses)} steps, at the rate {loop.rate_at(len(losses)):g}. Start lower."
        )
    return RangeTest(model.reference.text, tuple(rates), tuple(losses), steepest(rates, losses))


def _measured(loop: Loop, steps: int) -> tuple[list[float], list[float]]:
    """Rates and mean losses until the loss has risen, is no number, or the steps are taken."""
    rates: list[float] = []
    losses: list[float] = []
    mean, before = 0.0, (0.0, 0)

    def over() -> bool:
        nonlocal mean, before
        if loop.totals.pictures < before[1]:  # a new epoch counts anew
            before = (0.0, 0)
        loss = (loop.totals.loss - before[0]) / max(1, loop.totals.pictures - before[1])
        before = (loop.totals.loss, loop.totals.pictures)
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        rates.append(loop.rate_at(loop.step - 1))
        losses.append(mean / (1 - SMOOTHING ** len(rates)))
        return len(rates) >= steps or losses[-1] > RISEN * min(losses)

    loop.steps = steps
    loop.plan(steps)
    try:
        number = 0
        while len(rates) < steps and (len(rates) < 2 or losses[-1] <= RISEN * min(losses)):
            number += 1
            loop.steps = steps
            loop.run(number, over, lambda event: None)
    except Diverged:  # which is what the test looks for
        return rates, losses
    return rates, losses


def steepest(rates: list[float], losses: list[float]) -> float:
    """The rate at which the loss falls most steeply over the logarithm of the rate, before its lowest point.

    A slope is taken over a tenth of the steps, which is more than the losses of single batches vary.

    >>> steepest([1e-3, 1e-2, 1e-1, 1.0], [2.0, 1.9, 1.0, 0.9])
    0.1
    """
    lowest = losses.index(min(losses))
    apart = max(1, len(rates) // 10)
    if lowest <= apart:
        return rates[lowest]
    falls = [losses[i] - losses[i - apart] for i in range(apart, lowest + 1)]
    return rates[falls.index(min(falls)) + apart - apart // 2]
