"""From data and a network to a run folder with a trained model in it."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

import striate
from striate import atomic, networks
from striate.analysis.analyse import analyse
from striate.data.measure import for_training
from striate.data.preprocess import Preprocess
from striate.data.read import read
from striate.data.records import DataSet
from striate.errors import ConfigError, RunError
from striate.metrics.interval import wilson
from striate.model import Evaluation, Model
from striate.networks import Net
from striate.run import Log, Run
from striate.settings import to_toml
from striate.tasks.classify import Classify
from striate.training.allocator import keep_memory
from striate.training.choices import resolved, slug
from striate.training.config import TrainConfig, letters_of
from striate.training.evaluation import first_kernels, save_evaluation, true_loss
from striate.training.events import Done, Epoch, Event, Started
from striate.training.initialise import he
from striate.training.loop import Loop
from striate.training.machine import Machine, choose
from striate.training.randomness import number
from striate.training.stopping import Stops
from striate.training.suitable import check


@dataclass(frozen=True)
class Trained:
    """What a training gives. `accuracy` on the held-out pictures, None without any; `seconds` of training alone."""

    run: Run
    model: Model
    evaluation: Evaluation | None
    seconds: float
    steps: int
    stopped_by: int | None = None  # the number of the signal that asked to stop

    @property
    def accuracy(self) -> float | None:
        return None if self.evaluation is None else self.evaluation.accuracy

    def as_json(self) -> dict[str, Any]:
        return {
            "accuracy": self.accuracy,
            "accuracy_interval": self.model.facts.get("accuracy_interval"),
            "seconds": round(self.seconds, 3),
            "steps": self.steps,
            "parameters": self.model.facts["parameters"],
            "network": self.model.reference.text,
            "run": str(self.run.folder),
            "report": str(self.run.report),
        }


def fit(
    data: Any, net: Net, config: TrainConfig, *, overwrite: bool = False, tell: Callable[[Event], None] = lambda _: None
) -> Trained:
    """Train `net` on `data` as `config` says and leave all of it in a run folder.

    `data`: anything `striate.data.read` takes. `tell` is called with every event. Mistakes (`StriateError`) are found
    before the run folder is touched, except for a disk that fills or a loss that diverges.
    """
    keep_memory()
    if config.threads:
        torch.set_num_threads(config.threads)
    dataset = read(data, data_dir=config.data_dir)
    if dataset.train is None or len(dataset.train) == 0:
        raise ConfigError(f"{dataset.name}: has no training pictures.")
    config, image = resolved(config, dataset, net)
    classes = len(dataset.classes)
    with torch.device("meta"):
        known = analyse(networks.build(net, image, classes, letters=letters_of(config)), image)
    machine = choose(config.device, config.precision)
    config = dataclasses.replace(config, precision=machine.precision, device=machine.device.type)
    torch.manual_seed(number(config.seed, 0, "weights"))
    module = networks.build(net, image, classes, letters=letters_of(config))
    if isinstance(net, str) and networks.refer(net).kind in ("zoo", "notation"):
        he(module)  # a module of the user's own starts as it is
    preprocess = for_training(dataset.train, image)
    check(module, known, dataset.train, preprocess, classes=classes, batch=config.batch_size)
    reference = networks.refer(net, letters_of(config))
    run = Run.create(config.run, slug(f"{reference.text}-{dataset.name}"), overwrite=overwrite)
    model = Model(module, dataset.classes, preprocess, reference, task=Classify(config.label_smoothing))
    started = Started(
        network=reference.text,
        data=dataset.name,
        parameters=known.parameters,
        examples=len(dataset.train),
        epochs=config.epochs or 1,
        steps=0,
        device=config.device,
        precision=config.precision,
        threads=torch.get_num_threads(),
    )
    try:
        text = to_toml(config, comment=f"striate train --recipe {run.config} starts this run again.")
        atomic.write_text(run.config, text)
        with Log(run.log) as log, Stops() as stops:
            return _train(model, dataset, config, machine, started, run=run, log=log, stops=stops, tell=tell)
    except OSError as error:
        raise RunError(f"{run.folder}: cannot be written ({error.strerror}); what was there is kept.") from None


def _train(
    model: Model,
    dataset: DataSet,
    config: TrainConfig,
    machine: Machine,
    started: Started,
    *,
    run: Run,
    log: Log,
    stops: Stops,
    tell: Callable[[Event], None],
) -> Trained:
    assert dataset.train is not None
    train, test = dataset.train, dataset.test
    before = first_kernels(model.net)
    pixels = model.preprocess.pixels(train.images)
    machine.place(model.net)
    loop = Loop(model.net, pixels, train.labels, model.preprocess, config=config, machine=machine)

    def both(event: Event) -> None:
        log.write(event.as_json())
        tell(event)

    both(dataclasses.replace(started, steps=loop.steps))
    evaluation = None
    for epoch in range(1, (config.epochs or 1) + 1):
        loss, accuracy = loop.epoch(epoch, lambda: stops.asked is not None, both).means()
        if epoch == config.epochs or stops.asked is not None:  # as it will be saved and loaded
            model.net.to("cpu", memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
        evaluation = model.evaluate(test) if test is not None else None
        test_loss = None if evaluation is None else true_loss(evaluation)
        test_accuracy = None if evaluation is None else evaluation.accuracy
        both(Epoch(epoch, loss, accuracy, test_loss, test_accuracy, loop.seconds))
        if stops.asked is not None:
            break
    model.facts = facts_of(config, dataset, started, evaluation, loop, stopped=stops.asked is not None)
    model.save(run.folder)
    save_evaluation(run, model, evaluation, test or train, before)
    trained = Trained(run, model, evaluation, loop.seconds, loop.step, stops.asked and stops.asked.value)
    both(Done(loop.step, loop.seconds, trained.accuracy, stops.asked is not None))
    return trained


def facts_of(
    config: TrainConfig, dataset: DataSet, started: Started, evaluation: Evaluation | None, loop: Loop, *, stopped: bool
) -> dict[str, Any]:
    """What the model's card says of the training."""
    right = 0 if evaluation is None else round(evaluation.accuracy * evaluation.examples)
    interval = None if evaluation is None else list(wilson(right, evaluation.examples))
    return {
        "parameters": started.parameters,
        "data": dataset.name,
        "data_sha256": dataset.fingerprint(),  # evaluate knows the training data again by it
        "training_examples": started.examples,
        "examples": 0 if evaluation is None else evaluation.examples,
        "accuracy": None if evaluation is None else evaluation.accuracy,
        "accuracy_interval": interval,
        "seconds": round(loop.seconds, 3),
        "steps": loop.step,
        "epochs": config.epochs,
        "stopped": stopped,
        "seed": config.seed,
        "device": config.device,
        "precision": config.precision,
        "threads": started.threads,
        "versions": {
            "striate": striate.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }
