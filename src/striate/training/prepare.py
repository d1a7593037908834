"""All that is decided before the first step: data, network, preprocessing, machine. Mistakes are found here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from striate import networks
from striate.analysis.analyse import analyse
from striate.analysis.result import Analysis
from striate.data.measure import for_training
from striate.data.quick import quick_check
from striate.data.read import read
from striate.data.records import DataSet, Part
from striate.data.split import split
from striate.errors import ConfigError, DataError
from striate.metrics.balance import inverse_frequency
from striate.model import Model
from striate.networks import Net
from striate.tasks.classify import Classify
from striate.training.allocator import keep_memory
from striate.training.choices import resolved
from striate.training.config import TrainConfig, letters_of
from striate.training.events import Event, Timed, Unreadable, Warned
from striate.training.finetune import begin
from striate.training.initialise import he
from striate.training.loggers import check_installed
from striate.training.machine import Machine, usual
from striate.training.measuring import Measured, choose
from striate.training.memory import too_small_for
from striate.training.optimizers import highest
from striate.training.randomness import number
from striate.training.regimes import reuses
from striate.training.stages import WHOLE, Plan
from striate.training.start import Opened, Start, opened
from striate.training.suitable import check
from striate.training.tuning import tuned

CHOSEN_BY = 0.1  # share of the training pictures that are chosen by, where something is to be chosen


@dataclass
class Prepared:
    """A training that can start. `config` has nothing open; `told` is what the log must hold of the preparation.

    `given`: the data as they were read; `dataset`: without what is unreadable, and with a part to choose by if needed.
    """

    given: DataSet
    dataset: DataSet
    config: TrainConfig
    known: Analysis
    model: Model
    machine: Machine
    told: list[Event]
    start: Start | None = None  # the weights of others that it starts from
    left_out: Mapping[str, Sequence[int]] = field(default_factory=dict)  # positions by part of unreadable pictures

    @property
    def learning(self) -> Plan:
        """Which layers learn."""
        return WHOLE if self.start is None else self.start.plan

    @property
    def train(self) -> Part:
        """The pictures to train on."""
        assert self.dataset.train is not None
        return self.dataset.train


def prepare(
    data: Any,
    net: Net,
    config: TrainConfig,
    held: Mapping[str, Any] | None = None,
    left_out: Mapping[str, Sequence[int]] | None = None,
) -> Prepared:
    """Read the data, leave out what cannot be read, build the network, choose the machine.

    `held`: what a checkpoint says of the weights that the training started from (`Start.as_json`). `left_out`: the
    positions by part that another process found unreadable; None: they are looked for.
    `StriateError` for every mistake that can be known before the first step; nothing is written.
    """
    with too_small_for("what comes before the first step. Take a smaller network or a smaller --image"):
        return _prepare(data, net, config, held, left_out)


def _prepare(
    data: Any,
    net: Net,
    config: TrainConfig,
    held: Mapping[str, Any] | None,
    left_out: Mapping[str, Sequence[int]] | None,
) -> Prepared:
    keep_memory()
    check_installed(config.log_to)
    told: list[Event] = []
    whole = read(data, data_dir=config.data_dir, format=config.format, group=config.group)
    told += [Warned(f"{whole.name}: {note}") for note in whole.notes]
    dataset, left_out = sound(whole, config.max_bad, told, left_out)
    dataset = with_validation(dataset, config)
    if dataset.train is None or len(dataset.train) == 0:
        why = f": {'; '.join(dataset.notes)}" if dataset.notes else ""
        raise ConfigError(f"{dataset.name}: has no training pictures{why}.")
    seen = dataset.train.labels.bincount(minlength=len(dataset.classes))
    empty = [name for name, count in zip(dataset.classes, seen.tolist(), strict=True) if not count]
    if int((seen > 0).sum()) < 2:
        few = (
            f" Of {', '.join(map(repr, empty[:5]))} all pictures are held out: a class needs several." if empty else ""
        )
        raise ConfigError(
            f"{dataset.name}: all training pictures are of one class, '{dataset.classes[int(seen.argmax())]}'. "
            f"There is nothing to tell apart: give pictures of a second class.{few}"
        )
    if empty:
        told.append(Warned(f"no training picture shows {', '.join(map(repr, empty[:5]))}; it will not be learned"))
    given = opened(net, config, dataset, held) if reuses(net, config) else None
    wanted = config if given is None else dataclasses.replace(config, image=given.preprocess.image)
    asked, (config, image) = config, resolved(wanted, dataset, net)
    classes = len(dataset.classes)
    with torch.device("meta"):
        known = analyse(networks.build(net, image, classes, letters=letters_of(config)), image)
    if given is None:
        given = _drawn(net, config, dataset.train, classes)
    module, preprocess = given.net, given.preprocess
    check(module, known, dataset.train, preprocess, classes=classes, batch=config.batch_size)
    weights = inverse_frequency(seen) if config.balance == "weights" else None
    task = Classify(config.label_smoothing, config.loss, None if weights is None else tuple(weights.tolist()))
    model = Model(module, dataset.classes, preprocess, given.reference, task=task)
    start = None
    if given.weights:
        start, events = begin(given, model, known, dataset, dataclasses.replace(config, epochs=asked.epochs), held)
        told += events
        bad = [(event.file, event.reason) for event in events if isinstance(event, Unreadable)]
        refuse_many(dataset.name, bad, sum(len(part) for _, part in dataset.parts), config.max_bad)
        config = tuned(asked, dataclasses.replace(config, regime=start.regime), len(dataset.train))
        model.task = dataclasses.replace(model.task, label_smoothing=config.label_smoothing)
    one_go = start is not None and start.regime == "head"
    measured = Measured(usual(config), {}) if one_go else choose(config, module, preprocess, classes)
    machine = measured.machine
    if measured.speeds:
        told.append(Timed(measured.speeds))
    torch.set_num_threads(machine.threads)
    config = dataclasses.replace(
        config,
        precision=machine.precision,
        device=machine.device.type,
        threads=machine.threads,
        memory_format=machine.layout,
        rate=None if one_go else highest(config),
    )
    return Prepared(whole, dataset, config, known, model, machine, told, start, left_out)


def _drawn(net: Net, config: TrainConfig, pictures: Part, classes: int) -> Opened:
    """`net` with weights that are drawn at random; a module of the user's own starts as it is."""
    assert config.image is not None
    torch.manual_seed(number(config.seed, 0, "weights"))
    module = networks.build(net, config.image, classes, letters=letters_of(config))
    reference = networks.refer(net, letters_of(config))
    if reference.kind in ("zoo", "notation"):
        he(module)
    return Opened(module, for_training(pictures, config.image), reference, {})


def sound(
    dataset: DataSet, max_bad: float, told: list[Event], known: Mapping[str, Sequence[int]] | None = None
) -> tuple[DataSet, dict[str, list[int]]]:
    """`dataset` without the pictures that a quick look finds unreadable; each is told. Their positions by part.

    `known`: those positions, where another process has looked. `DataError` where they are more than `max_bad` of all.
    """
    if known is not None:
        fewer: dict[str, Any] = {
            name: part.take(_others(len(part), known[name])) for name, part in dataset.parts if known.get(name)
        }
        return dataclasses.replace(dataset, **fewer), {}
    parts: dict[str, Any] = {}
    left_out: dict[str, list[int]] = {}
    bad, count = 0, 0
    for name, part in dataset.parts:
        reasons = quick_check(part)
        told += [Unreadable(part.name(i), reason) for i, reason in reasons.items()]
        left_out[name] = list(reasons)
        parts[name] = part.take(_others(len(part), left_out[name])) if reasons else part
        bad, count = bad + len(reasons), count + len(part)
    if not bad:
        return dataset, {}
    refuse_many(dataset.name, [(e.file, e.reason) for e in told if isinstance(e, Unreadable)], count, max_bad)
    return dataclasses.replace(dataset, **parts), left_out


def _others(count: int, bad: Sequence[int]) -> Tensor:
    """(count,) bool: True but for `bad`."""
    kept = torch.ones(count, dtype=torch.bool)
    kept[list(bad)] = False
    return kept


def refuse_many(name: str, bad: list[tuple[str, str]], count: int, max_bad: float) -> None:
    """`DataError` where more than the share `max_bad` of `count` pictures is bad."""
    if len(bad) > max_bad * count:
        raise DataError(
            f"{name}: {len(bad):,} of {count:,} pictures cannot be read, more than --max-bad {max_bad:g} allows; the "
            f"first: {bad[0][1]} Run striate check to see them all."
        )


def with_validation(dataset: DataSet, config: TrainConfig) -> DataSet:
    """`dataset` with a part to choose by, taken from the training pictures where something is to be chosen."""
    chooses = config.patience is not None or config.keep == "best"
    share = config.validation if config.validation is not None else CHOSEN_BY if chooses else 0.0
    if not share or dataset.validation is not None or dataset.train is None:
        return dataset
    train, validation = split(dataset.train, share, seed=number(config.seed, 0, "validation") >> 1)
    if validation is None:
        raise ConfigError(
            f"{dataset.name}: has too few training pictures to choose by. Leave out --patience and --keep."
        )
    return dataclasses.replace(dataset, train=train, validation=validation)
