"""How a training goes on from weights of others: which regime, and the classifier that it begins with.

Fine-tuning begins at the accuracy of the classifier that was fitted to the features: nothing of the weights is spoilt
by the gradients of a classifier that knows nothing yet.

The rule by the pictures a class takes for granted that the features of the weights serve the new classes. Where it says
"head" and cross-validation says that they do not, which costs nothing more, the regimes are tried.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from striate.analysis.result import Analysis
from striate.data.records import DataSet, Part
from striate.errors import ConfigError
from striate.features.card import classifier_name
from striate.metrics.interval import wilson
from striate.model import Model
from striate.training import head
from striate.training.candidates import tried
from striate.training.config import TrainConfig
from striate.training.events import Event, Fitted, Regime, Tried, Unreadable, Warned
from striate.training.machine import usual
from striate.training.regimes import LEARNS, Choice, by_count, enough
from striate.training.stages import plan
from striate.training.start import Opened, Start
from striate.training.tuning import USUAL, spread

ENOUGH = 0.99  # cross-validated accuracy, beyond which no regime could be better by more than a point
SURE = 0.99  # confidence of the interval of that accuracy
OF_STEPS = (
    *("epochs", "rate", "optimizer", "loss", "label_smoothing", "balance", "ema", "mixup", "cutmix"),
    *("patience", "keep", "validation"),
)
OF_CHANGES = ("flip", "crop", "rotate", "jitter", "erase")  # which variants know


def begin(
    given: Opened, model: Model, known: Analysis, dataset: DataSet, config: TrainConfig, held: Mapping[str, Any] | None
) -> tuple[Start, list[Event]]:
    """What the training makes of `given`, which is in `model`, and what is to be told of it.

    `held`: the `Start.as_json` of a training that goes on: nothing is fitted or chosen then.
    """
    part = dataset.train
    assert part is not None
    if held is not None:
        start = Start(config.regime, held["reason"], given.weights, given.preprocess, tried=held["tried"])
        start.plan = plan(model.net, known.layers, config.regime)
        return start, []
    enough(dataset.name, dataset.classes, part.labels, torch.cat([p.labels for _, p in dataset.parts]))
    told: list[Event] = [Warned(note) for note in given.notes]
    features = head.Features(model, known.layers, usual(config))
    choice = by_count(part.labels) if config.regime == "auto" else Choice(config.regime, "as asked")
    learned = _fit(features, _some(part, choice.regime), config, told)
    choice, figures = _settled(choice, learned, features, model, known, part, config)
    told += figures
    start = Start(choice.regime, choice.reason, given.weights, given.preprocess)
    start.tried = [figure.as_json() for figure in figures]
    learns, parameters = _put(start, learned, features, model, known, config, told)
    return start, [Regime(choice.regime, choice.reason, learns, parameters, start.weights), *told]


def _some(part: Part, regime: str) -> Part:
    """The pictures that the classifier is fitted to: all where it may be what is kept."""
    return part if regime in ("head", "best") else part.take(spread(part.labels))


def _fit(features: head.Features, part: Part, config: TrainConfig, told: list[Event]) -> head.Head:
    """The classifier for `part`; what happened is told."""
    learned = head.learn(features, part, config)
    told += [Unreadable(part.name(i), why) for i, why in learned.unreadable.items()]
    made = learned.fitted
    told.append(
        Fitted(learned.pictures, made.features, learned.accuracy, made.strength, made.temperature, learned.seconds)
    )
    return learned


def _settled(
    choice: Choice,
    learned: head.Head,
    features: head.Features,
    model: Model,
    known: Analysis,
    part: Part,
    config: TrainConfig,
) -> tuple[Choice, list[Tried]]:
    """The regime in the end, and the figures of those that were tried for it."""
    doubted = config.regime == "auto" and choice.regime == "head"
    possible = config.regime == "head" or head.can_stand(model, learned.fitted)
    if doubted and not possible:
        return Choice("last", f"{choice.reason}, but no classifier of features can stand in this network"), []
    if choice.regime != "best" and not (doubted and not suffices(learned)):
        return choice, []
    figures = tried([name for name in LEARNS if name != "head" or possible], features, model, known, part, config)
    if not figures and doubted:
        return choice, []
    if not figures:
        raise ConfigError("there are too few pictures to try regimes on. Name one: --regime head, last or all.")
    best = figures[0]
    names = {figure.regime for figure in figures}
    said = f"the best of {', '.join(name for name in LEARNS if name in names)} on {best.examples:,} pictures"
    if doubted:
        share = f"{100 * learned.accuracy:.1f} %"
        said = f"{choice.reason}, but a classifier of the features is right on {share} only; {said}"
    return Choice(best.regime, said), figures


def suffices(learned: head.Head) -> bool:
    """Whether the classifier is so often right that it may be right on `ENOUGH` of all pictures."""
    right = round(learned.accuracy * learned.pictures)
    return wilson(right, learned.pictures, SURE)[1] >= ENOUGH


def without_use(config: TrainConfig) -> list[str]:
    """The settings in `config` that a classifier of features does not know: of trainings in steps."""
    names = OF_STEPS if config.variants else OF_STEPS + OF_CHANGES
    return [name for name in names if getattr(config, name) != getattr(USUAL, name)]


def _put(
    start: Start,
    learned: head.Head,
    features: head.Features,
    model: Model,
    known: Analysis,
    config: TrainConfig,
    told: list[Event],
) -> tuple[str, int]:
    """Put the classifier into the network and freeze what does not learn; what does, in words and in parameters."""
    made = learned.fitted
    if start.regime == "head":
        head.put(model, made, 1.0)
        model.task = dataclasses.replace(model.task, kind="cross-entropy", temperature=made.temperature)
        if unused := without_use(config):
            told.append(Warned(f"the classifier is fitted in one go, without {', '.join(unused)}"))
        start.head, start.features = learned, features
        return LEARNS["head"], sum(p.numel() for p in model.net.get_submodule(classifier_name(model)).parameters())
    try:
        head.put(model, made, made.temperature)
    except ConfigError as error:
        told.append(Warned(f"the classifier begins anew: {error}"))
    start.plan = plan(model.net, known.layers, start.regime)
    start.plan.freeze(model.net)
    count = sum(p.numel() for p in model.net.parameters() if p.requires_grad)
    return f"{LEARNS[start.regime]} ({start.plan.learning[0]} to {start.plan.learning[-1]})", count
