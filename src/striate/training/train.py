"""From data and a network to a run folder with a trained model in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from striate import networks
from striate.errors import RunError, TrainingError
from striate.model import Evaluation, Model, load
from striate.networks import Net
from striate.run import Log, Run
from striate.training import checkpoints
from striate.training.choices import slug
from striate.training.config import TrainConfig
from striate.training.evaluation import first_kernels
from striate.training.events import Done, Event, Resumed, Started, Warned
from striate.training.follow import follow, lead
from striate.training.honest import answered_anew, calibrate
from striate.training.launch import Place, fitted, place, steps_only, together
from striate.training.lock import Lock
from striate.training.loggers import logged
from striate.training.outcome import Outcome, fitted_outcome, keep
from striate.training.prepare import Prepared, prepare
from striate.training.ranks import Ranks
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
    rank: int = 0  # of several processes, the one of this number; the first has the answers

    @property
    def accuracy(self) -> float | None:
        accuracy: float | None = self.model.facts["accuracy"]
        return accuracy

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
            "regime": self.model.facts["regime"],
            "reason": self.model.facts["reason"],
            "unreadable": self.model.facts["unreadable"],
        }


def fit(data: Any, net: Net, config: TrainConfig, *, overwrite: bool = False, tell: Tell = lambda _: None) -> Trained:
    """Train `net` on `data` as `config` says and leave all of it in a run folder.

    `data`: anything `striate.data.read` takes. `tell` is called with every event. Mistakes (`StriateError`) are found
    before the run folder is touched, except for a disk that fills or a loss that diverges.
    """
    if (stands := place()) is not None and stands.rank:
        return _followed(stands, data, net)
    config, warned = fitted(config)
    if config.run is not None and config.run.is_dir():  # a folder that is taken is told before any picture is read
        with Lock(Run.create(config.run, "", overwrite=overwrite).folder):
            pass
    prepared = prepare(data, net, config)
    run = Run.create(config.run, slug(f"{prepared.model.reference.text}-{prepared.dataset.name}"), overwrite=overwrite)
    with Lock(run.folder):
        Run.create(run.folder, "", overwrite=overwrite)  # nobody wrote it between the first look and the lock
        checkpoints.clear(run.checkpoints)
        run.write_settings(prepared.config)
        prepared.told += warned
        return _run(prepared, run, tell, None, ())


def _in_one_go(prepared: Prepared, run: Run, tell: Tell) -> Trained:
    """The run of a classifier that was fitted to features when the training was prepared."""
    before = first_kernels(prepared.model.net)
    with Log(run.log, 0) as log, logged(run, prepared.config) as elsewhere:

        def both(event: Event) -> None:
            log.write(event.as_json())
            elsewhere(event)
            tell(event)

        both(started(prepared, 0))
        for event in prepared.told:
            both(event)
        outcome = fitted_outcome(prepared)
        keep(run, prepared, outcome, before)
        trained = Trained(run, prepared.model, outcome.evaluation, outcome.seconds, 0)
        both(Done(0, outcome.seconds, trained.accuracy))
    return trained


def _complete(run: Run, data: Any, net: Net, config: TrainConfig, tell: Tell) -> Trained:
    """A run without steps: as it is where it is complete, else made again, from features that may be kept already."""
    if run.weights.exists():
        steps_only()
        tell(Warned(f"{run.folder}: is complete: its classifier was fitted in one go. There is nothing to go on with"))
        code = networks.refer(net).kind in ("file", "python")
        model = load(run.folder, net=net if code else None)
        return Trained(run, model, None, 0.0, 0, resumed_from=0)
    prepared = prepare(data, net, config)
    run.write_settings(prepared.config)
    return _run(prepared, run, tell, None, ())


def resume(run: Run, data: Any, net: Net, config: TrainConfig, *, tell: Tell = lambda _: None) -> Trained:
    """Go on with `run` from its newest checkpoint that is whole; `config` as `resumed_config` gives it.

    `ConfigError` where the data are other ones, `RunError` where there is no checkpoint.
    """
    if (stands := place()) is not None and stands.rank:
        return _followed(stands, data, net)
    config, _ = fitted(config, stored=True)
    with Lock(run.folder):
        if config.regime == "head":
            return _complete(run, data, net, config, tell)
        state, refused = checkpoint_of(run)
        held = unflatten(state.tensors, state.values)
        prepared = prepare(data, net, config, held.get("start"))
        same_data(run, held, prepared.dataset.classes, mark_of(prepared.train))
        not_over(run, held["epochs_told"], config.epochs)
        run.write_settings(prepared.config)
        return _run(prepared, run, tell, held, refused)


def _followed(stands: Place, data: Any, net: Net) -> Trained:
    """What a process of torchrun's that is not the first gives; the answers are with the first."""
    named = [None if isinstance(one, str | Path) else one for one in (data, net)]
    session = follow(stands, *named)
    session.model.facts = {"accuracy": None}
    stopped = session.stops.asked if session.why == "asked" else None
    loop = session.loop
    return Trained(
        session.folder, session.model, None, loop.seconds, loop.step, stopped and stopped.value, rank=stands.rank
    )


def _run(prepared: Prepared, run: Run, tell: Tell, held: Mapping[str, Any] | None, refused: tuple[str, ...]) -> Trained:
    """Train from `held`, or from the beginning. What the disk refuses from now on is a failure of the training."""
    try:
        if prepared.start is not None and prepared.start.regime == "head":
            steps_only()
            return _in_one_go(prepared, run, tell)
        with together(prepared.config, run.folder) as ranks:
            lead(ranks, prepared, run, held)
            return _logged(prepared, run, tell, ranks, held, refused)
    except RunError as error:
        raise TrainingError(f"{error} Free some room; striate train --resume {run.folder} goes on.") from None


def _logged(
    prepared: Prepared, run: Run, tell: Tell, ranks: Ranks, held: Mapping[str, Any] | None, refused: tuple[str, ...]
) -> Trained:
    before = first_kernels(prepared.model.net)
    lines, resumed = (0, None) if held is None else (held["lines"], held["loop"]["step"])
    with Log(run.log, lines) as log, logged(run, prepared.config, resumed) as elsewhere, Stops() as stops:

        def both(event: Event) -> None:
            log.write(event.as_json())
            elsewhere(event)
            tell(event)

        session = Session(prepared, run, stops, both, ranks)
        with session.reading:
            if held is None:
                session.tell(started(prepared, session.loop.steps))
                for event in prepared.told:
                    session.tell(event)
                session.save()
            else:
                session.restore(held)
                session.lines = log.kept
                session.tell(Resumed(session.loop.step, session.loop.steps, prepared.config.epochs or 1, refused))
            session.run()
        return finished(session, before, resumed)


def started(prepared: Prepared, steps: int) -> Started:
    """What is told first."""
    config = prepared.config
    return Started(
        network=prepared.model.reference.text,
        data=prepared.dataset.name,
        parameters=prepared.known.parameters,
        examples=len(prepared.train),
        epochs=(config.epochs or 1) if steps else 0,
        steps=steps,
        device=config.device,
        precision=config.precision,
        threads=torch.get_num_threads(),
    )


def finished(session: Session, before: torch.Tensor | None, resumed_from: int | None) -> Trained:
    """Save the model and what the report shows, and tell that it is done; a stopped training saves where it stands."""
    prepared, loop, stopped = session.prepared, session.loop, session.why == "asked"
    model, run = prepared.model, session.folder
    session.settle()
    calibrated = None
    if session.evaluation is not None:
        calibrated = calibrate(model, session.evaluation, session.validated)
        session.evaluation = answered_anew(session.evaluation, model)
    loss, bad = loop.totals.means()[0], len(session.unreadable)
    keep(run, prepared, Outcome(session.evaluation, calibrated, loss, bad, loop.seconds, loop.step, stopped), before)
    signal = session.stops.asked if stopped else None
    trained = Trained(run, model, session.evaluation, loop.seconds, loop.step, signal and signal.value, resumed_from)
    session.tell(Done(loop.step, loop.seconds, trained.accuracy, stopped, session.why))
    if session.unsaved is not None:
        raise session.unsaved
    return trained
