"""Where else a training is logged, for people who have a place for that already. `log.jsonl` is written always."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from striate import atomic
from striate.errors import ConfigError
from striate.run import Run
from striate.training.config import TrainConfig
from striate.training.events import Epoch, Event, Step

Tell = Callable[[Event], None]


@contextmanager
def logged(run: Run, config: TrainConfig, resumed: int | None = None) -> Iterator[Tell]:
    """What passes events on to the place that `config.log_to` names; `resumed`: the step that the run goes on from."""
    with LOGGERS[config.log_to](run, config, resumed) as tell:
        yield tell


@contextmanager
def _file(run: Run, config: TrainConfig, resumed: int | None) -> Iterator[Tell]:
    """Nowhere else."""
    yield lambda event: None


@contextmanager
def _tensorboard(run: Run, config: TrainConfig, resumed: int | None) -> Iterator[Tell]:
    """Scalars in RUN/tensorboard: `tensorboard --logdir RUN`. Steps that are taken again are shown once."""
    from torch.utils.tensorboard import SummaryWriter

    first = None if resumed is None else resumed + 1
    with SummaryWriter(str(run.folder / "tensorboard"), purge_step=first) as writer:

        def tell(event: Event) -> None:
            for name, value, step in numbers_of(event):
                writer.add_scalar(name, value, step)

        yield tell


@contextmanager
def _mlflow(run: Run, config: TrainConfig, resumed: int | None) -> Iterator[Tell]:
    """The experiment `striate` of MLFLOW_TRACKING_URI, or of the database mlflow.db beside the run.

    RUN/mlflow.txt has the number that MLflow gave the run: one that goes on does so under it.
    """
    import mlflow

    if "MLFLOW_TRACKING_URI" not in os.environ:
        mlflow.set_tracking_uri(f"sqlite:///{run.folder.resolve().parent / 'mlflow.db'}")
    mlflow.set_experiment("striate")
    number = run.folder / "mlflow.txt"
    known = None if resumed is None else _kept(number, mlflow)
    with mlflow.start_run(run_id=known, run_name=None if known else run.folder.name) as active:
        if known is None:
            atomic.write_text(number, active.info.run_id)
            mlflow.log_params({name: str(value)[:500] for name, value in asdict(config).items() if value is not None})

        def tell(event: Event) -> None:
            found = list(numbers_of(event))
            if found:
                mlflow.log_metrics({name: value for name, value, _ in found}, step=found[0][2])

        yield tell


def _kept(number: Path, mlflow: Any) -> str | None:
    """The number in that file, where MLflow still knows it."""
    with suppress(OSError, ValueError, mlflow.exceptions.MlflowException):
        known = number.read_text(encoding="ascii").strip()
        mlflow.MlflowClient().get_run(known)
        return known
    return None


LOGGERS: Mapping[str, Any] = {"file": _file, "tensorboard": _tensorboard, "mlflow": _mlflow}


def numbers_of(event: Event) -> Iterator[tuple[str, float, int]]:
    """(name, value, step or epoch) of all that is worth a curve.

    >>> list(numbers_of(Step(20, 1, 0.5, 0.9, 0.1, 3.0)))
    [('step/loss', 0.5, 20), ('step/accuracy', 0.9, 20), ('step/rate', 0.1, 20)]
    """
    if isinstance(event, Step):
        yield from ((f"step/{name}", float(getattr(event, name)), event.step) for name in ("loss", "accuracy", "rate"))
    if isinstance(event, Epoch):
        for name, value in asdict(event).items():
            if name not in ("epoch", "seconds") and value is not None:
                yield f"epoch/{name}", float(value), event.epoch


def check_installed(log_to: str) -> None:
    """`ConfigError` with the install command where the package of a place to log to is missing."""
    if log_to != "file" and find_spec(log_to) is None:
        raise ConfigError(f"log_to is {log_to}, which is not installed. Run: pip install 'striate[{log_to}]'")
