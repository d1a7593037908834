"""From data and a network to a run folder with a trained model in it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

import striate
from striate.errors import RunError, TrainingError
from striate.metrics.interval import wilson
from striate.model import Evaluation, Model
from striate.networks import Net
from striate.run import Log, Run
from striate.training import checkpoints
from striate.training.choices import slug
from striate.training.config import TrainConfig
from striate.training.evaluation import first_kernels, save_evaluation
from striate.training.events import Done, Event, Resumed, Started
from striate.training.honest import answered_anew, calibrate, honest_facts
from striate.training.lock import Lock
from striate.training.loggers import logged
from striate.training.prepare import Prepared, prepare
from striate.training.ranks import Ranks, alone
from striate.training.resume import checkpoint_of, mark_of, not_over, same_data
from striate.training.session import Session
from striate.training.state import unflatten
from striate.training.stopping import Stops

Tell = Callable[[Event], None]


@dataclass(frozen=True)
class Trained:
    """What a training gives. `accuracy` on the held-out pictures, None without any; `seconds` of training alone."""

    run: Run
    model: Model
    evaluation: Evaluation | None
    seconds: float
    steps: int
    stopped_by: int | None = None  # the number of the signal that asked to stop
    resumed_from: int | None = None  # the step

    @property
    def accuracy(self) -> float | None:
        return None if self.evaluation is None else self.evaluation.accuracy

    def as_json(self) -> dict[str, Any]:
        return {
            "accuracy": self.accuracy,
            "accuracy_interval": self.model.facts.get("accuracy_interval"),
            "loss": self.model.facts.get("loss"),
            "seconds": round(self.seconds, 3),
            "steps": self.steps,
            "parameters": self.model.facts["parameters"],
            "network": self.model.reference.text,
            "run": str(self.run.folder),
            "report": str(self.run.report),
            "resumed_from": self.resumed_from,
            "unreadable": self.model.facts["unreadable"],
        }


def fit(data: Any, net: Net, config: TrainConfig, *, overwrite: bool = False, tell: Tell = lambda _: None) -> Trained:
    """Train `net` on `data` as `config` says and leave all of it in a run folder.

    `data`: anything `striate.data.read` takes. `tell` is called with every event. Mistakes (`StriateError`) are found
    before the run folder is touched, except for a disk that fills or a loss that diverges.
    """
    if config.run is not None and config.run.is_dir():  # a folder that is taken is told before any picture is read
        with Lock(Run.create(config.run, "", overwrite=overwrite).folder):
            pass
    prepared = prepare(data, net, config)
    run = Run.create(config.run, slug(f"{prepared.model.reference.text}-{prepared.dataset.name}"), overwrite=overwrite)
    with Lock(run.folder):
        Run.create(run.folder, "", overwrite=overwrite)  # nobody wrote it between the first look and the lock
        checkpoints.clear(run.checkpoints)
        run.write_settings(prepared.config)
        return _run(prepared, run, tell, alone(), None, ())


def resume(run: Run, data: Any, net: Net, config: TrainConfig, *, tell: Tell = lambda _: None) -> Trained:
    """Go on with `run` from its newest checkpoint that is whole; `config` as `resumed_config` gives it.

    `ConfigError` where the data are other ones, `RunError` where there is no checkpoint.
    """
    with Lock(run.folder):
        state, refused = checkpoint_of(run)
        held = unflatten(state.tensors, state.values)
        prepared = prepare(data, net, config)
        same_data(run, held, prepared.dataset.classes, mark_of(prepared.train))
        not_over(run, held["epochs_told"], config.epochs)
        run.write_settings(prepared.config)
        return _run(prepared, run, tell, alone(), held, refused)


def _run(
    prepared: Prepared, run: Run, tell: Tell, ranks: Ranks, held: Mapping[str, Any] | None, refused: tuple[str, ...]
) -> Trained:
    """Train from `held`, or from the beginning. What the disk refuses from now on is a failure of the training."""
    try:
        return _logged(prepared, run, tell, ranks, held, refused)
    except RunError as error:
        raise TrainingError(f"{error} Free some room; striate train --resume {run.folder} goes on.") from None


def _logged(
    prepared: Prepared, run: Run, tell: Tell, ranks: Ranks, held: Mapping[str, Any] | None, refused: tuple[str, ...]
) -> Trained:
    before = first_kernels(prepared.model.net)
    lines = 0 if held is None else held["lines"]
    with Log(run.log, lines) as log, logged(run, prepared.config) as elsewhere, Stops() as stops:

        def both(event: Event) -> None:
            log.write(event.as_json())
            elsewhere(event)
            tell(event)

        session = Session(prepared, run, stops, both, ranks)
        with session.loader:
            if held is None:
                session.tell(started(session))
                for event in prepared.told:
                    session.tell(event)
                session.save()
            else:
                session.restore(held)
                session.lines = log.kept
                session.tell(Resumed(session.loop.step, session.loop.steps, prepared.config.epochs or 1, refused))
            session.run()
        return finished(session, before, None if held is None else held["loop"]["step"])


def started(session: Session) -> Started:
    """What is told first."""
    prepared, config = session.prepared, session.config
    return Started(
        network=prepared.model.reference.text,
        data=prepared.dataset.name,
        parameters=prepared.known.parameters,
        examples=len(prepared.train),
        epochs=config.epochs or 1,
        steps=session.loop.steps,
        device=config.device,
        precision=config.precision,
        threads=torch.get_num_threads(),
    )


def finished(session: Session, before: torch.Tensor | None, resumed_from: int | None) -> Trained:
    """Save the model and what the report shows, and tell that it is done; a stopped training saves where it stands."""
    prepared, loop, stopped = session.prepared, session.loop, session.why == "asked"
    model, dataset, run = prepared.model, prepared.dataset, session.folder
    if stopped:
        session.save()
        session.keep()
        session.evaluation = None  # it was of other weights
    calibrated = None
    if session.evaluation is not None:
        calibrated = calibrate(model, session.evaluation, session.validated)
        session.evaluation = answered_anew(session.evaluation, model)
    model.facts = facts_of(session, stopped=stopped) | honest_facts(session.evaluation, model.classes, calibrated)
    model.save(run.folder)
    shown = dataset.held_out if dataset.held_out is not None else prepared.train
    try:
        save_evaluation(run, model, session.evaluation, shown, before)
    except OSError as error:
        raise RunError(f"{run.evaluation}: cannot be saved ({error.strerror}).") from None
    signal = session.stops.asked if stopped else None
    trained = Trained(run, model, session.evaluation, loop.seconds, loop.step, signal and signal.value, resumed_from)
    session.tell(Done(loop.step, loop.seconds, trained.accuracy, stopped, session.why))
    if session.unsaved is not None:
        raise session.unsaved
    return trained


def facts_of(session: Session, *, stopped: bool) -> dict[str, Any]:
    """What the model's card says of the training."""
    config, dataset, evaluation = session.config, session.prepared.dataset, session.evaluation
    right = 0 if evaluation is None else round(evaluation.accuracy * evaluation.examples)
    interval = None if evaluation is None else list(wilson(right, evaluation.examples))
    return {
        "parameters": session.prepared.known.parameters,
        "data": dataset.name,
        "data_sha256": dataset.fingerprint(),  # evaluate knows the training data again by it
        "training_examples": len(session.prepared.train),
        "examples": 0 if evaluation is None else evaluation.examples,
        "accuracy": None if evaluation is None else evaluation.accuracy,
        "accuracy_interval": interval,
        "loss": session.loop.totals.means()[0],
        "unreadable": len(session.unreadable),
        "seconds": round(session.loop.seconds, 3),
        "steps": session.loop.step,
        "epochs": config.epochs,
        "stopped": stopped,
        "seed": config.seed,
        "device": config.device,
        "precision": config.precision,
        "threads": config.threads,
        "versions": {
            "striate": striate.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }
