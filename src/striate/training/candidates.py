"""Regimes that are tried on a part of the training pictures, and judged on the rest, each in a limited time."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Sequence
from contextlib import suppress

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from striate.analysis.result import Analysis
from striate.data.loader import Loader
from striate.data.records import Part
from striate.data.split import held_out, units
from striate.errors import ConfigError
from striate.features.classifiers import Fitted
from striate.features.classifiers import fitted as fit
from striate.metrics.calibration import temperature
from striate.model import Model
from striate.training.config import TrainConfig
from striate.training.depthwise import quick_depthwise
from striate.training.events import Tried
from striate.training.head import Features, put
from striate.training.loop import Loop
from striate.training.machine import Machine, usual
from striate.training.randomness import number
from striate.training.ranks import alone
from striate.training.stages import plan
from striate.training.tuning import first_fit, tuned

KEPT_APART = 0.25  # of each class, to judge by
MINUTES = 5.0  # for each regime, where the settings give no time
SHARE = 0.25  # of the time that they give
MEASURED_STEPS = 5  # after so many it is known how many fit into the time


def tried(
    regimes: Sequence[str], features: Features, model: Model, known: Analysis, part: Part, config: TrainConfig
) -> list[Tried]:
    """How each of `regimes` does on pictures of `part` that it did not learn from, the best one first.

    The best has the lowest cross-entropy at its best temperature, which tells more of few pictures than accuracy does.
    `model` is left as it is. No figures where there are too few pictures to keep some apart.
    """
    rows, index, _ = features.of(part)
    seed = number(config.seed, 0, "candidates") >> 1
    hashes = part.hashes(seed)
    chosen = held_out(hashes, part.labels.numpy(), KEPT_APART, units(hashes, part.groups, seed), exact=True)
    apart, wanted = torch.from_numpy(chosen)[index], part.labels[index]
    apart &= wanted[~apart].bincount(minlength=len(model.classes))[wanted] >= 2  # else all of a class are learned from
    if not apart.any():
        return []
    learn, judge = index[~apart], index[apart]
    machine, found = usual(config), []
    first = first_fit(rows[~apart], part.labels[learn], model.classes, config)
    for regime in regimes:
        begun = time.perf_counter()
        if regime == "head":
            whole = fit(rows[~apart], part.labels[learn], model.classes, seed=config.seed % 2**32)
            outputs, labels = whole.outputs(rows[apart]), part.labels[judge]
        else:
            outputs, labels = _trained(regime, model, known, part, (learn, judge), first, config, machine)
        found.append(_judged(regime, outputs, labels, time.perf_counter() - begun))
    return sorted(found, key=lambda one: one.loss)


def _judged(regime: str, outputs: Tensor, labels: Tensor, seconds: float) -> Tried:
    right = float((outputs.argmax(1) == labels).double().mean())
    loss = float(cross_entropy(outputs / temperature(outputs, labels), labels))
    return Tried(regime, right, loss, len(labels), seconds)


def _trained(
    regime: str,
    model: Model,
    known: Analysis,
    part: Part,
    positions: tuple[Tensor, Tensor],
    first: Fitted,
    config: TrainConfig,
    machine: Machine,
) -> tuple[Tensor, Tensor]:
    """What a copy of `model` answers to the second pictures after learning from the first, and their labels."""
    train = part.take(positions[0])
    settings = tuned(config, dataclasses.replace(config, regime=regime, compile=False), len(train))
    task = dataclasses.replace(model.task, label_smoothing=settings.label_smoothing)
    mine = dataclasses.replace(model, net=copy.deepcopy(model.net), task=task)
    with suppress(ConfigError):  # then its classifier begins anew
        put(mine, first, first.temperature)
    budget = 60 * (MINUTES if config.minutes is None else SHARE * config.minutes)
    machine.place(mine.net)
    with Loader(train, mine.preprocess, workers=config.workers) as loader, quick_depthwise(mine.net, machine):
        learning = plan(mine.net, known.layers, regime)
        loop = Loop(mine, loader, config=settings, machine=machine, ranks=alone(), learning=learning)

        def over() -> bool:
            if loop.step == MEASURED_STEPS:
                loop.plan(max(loop.step + 1, int(0.9 * budget / max(loop.seconds, 1e-9) * MEASURED_STEPS)))
            return loop.seconds >= budget

        for epoch in range(1, (settings.epochs or 1) + 1):
            loop.run(epoch, over, lambda event: None)
            if loop.step >= loop.steps or loop.seconds >= budget:
                break
    found = mine.evaluate(part.take(positions[1]), workers=config.workers)
    assert found.outputs is not None
    return found.outputs, found.labels
