"""Train a run again from its stored configuration, and compare."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import RunError
from striate.settings import setting

if TYPE_CHECKING:
    from striate.networks import Net
    from striate.run import Run
    from striate.training.events import Event

COMPARED = ("data_sha256", "training_examples", "device", "processor", "precision", "threads", "steps", "epochs")


@dataclass(frozen=True)
class ReproduceSettings:
    """Which run to train again."""

    run: Path = setting(positional="RUN", meaning="the folder of a finished run")
    keep: Path | None = setting(None, meaning="a folder for the second run; it is removed if not given")
    data: str | None = setting(None, meaning="where the data are now, if not where they were")
    net: str | None = setting(None, meaning="the network again, where it is your own Python code")


@dataclass(frozen=True)
class Difference:
    """Something that was not the same in the second training, in words."""

    what: str
    before: str
    now: str


@dataclass(frozen=True)
class Reproduced:
    """`sha256` of the weights and `accuracy` (0..1, None where nothing is held out) of the run, and of its repetition.

    `differences`: what else was not the same, where the weights are not; `stopped_by`: a signal that ended it early.
    """

    run: str
    again: str | None
    sha256: tuple[str, str]
    accuracy: tuple[float | None, float | None]
    differences: tuple[Difference, ...]
    seconds: float
    stopped_by: int | None = None

    @property
    def identical(self) -> bool:
        """Whether the weights are the same to the last bit, and so the accuracy."""
        return self.sha256[0] == self.sha256[1] and self.accuracy[0] == self.accuracy[1]

    def as_json(self) -> dict[str, Any]:
        return {
            "identical": self.identical,
            "run": self.run,
            "again": self.again,
            "sha256": list(self.sha256),
            "accuracy": list(self.accuracy),
            "differences": [{"what": d.what, "before": d.before, "now": d.now} for d in self.differences],
            "seconds": round(self.seconds, 3),
        }


def reproduce(
    run: str | Path,
    *,
    keep: str | Path | None = None,
    data: str | Path | None = None,
    net: Net | None = None,
    tell: Callable[[Event], None] = lambda _: None,
) -> Reproduced:
    """Train again as the configuration in `run` says, in a folder of its own, and compare weights and accuracy.

    `keep`: that folder, else it is a temporary one. `data`, `net`: needed where they are elsewhere now, or are Python.
    Raises `RunError` where the run is not finished, `ConfigError` where it cannot be started from its configuration.
    """
    from striate.run import Run
    from striate.verbs.train import code_again, read_recipe, train
    from striate.weights.files import load_tensors

    first = Run.open(run)
    stored = read_recipe(first.config)
    code_again(first.folder, stored, data, net)
    if not first.weights.exists():
        raise RunError(f"{first.folder}: has no model.safetensors. Finish it first: striate train --resume {run}.")
    before = load_tensors(first.weights)[1]
    if before["facts"].get("stopped"):
        raise RunError(f"{first.folder}: was stopped before its end. Finish it first: striate train --resume {run}.")
    with tempfile.TemporaryDirectory(prefix="striate-reproduce-") as temporary:
        folder = Path(temporary) / "run" if keep is None else Path(keep)
        trained = train(stored["data"] if data is None else data, net, recipe=first.config, run=folder, tell=tell)
        now = load_tensors(trained.run.weights)[1]
        same = before["sha256"] == now["sha256"]
        return Reproduced(
            run=str(first.folder),
            again=None if keep is None else str(folder),
            sha256=(before["sha256"], now["sha256"]),
            accuracy=(before["facts"].get("accuracy"), trained.accuracy),
            differences=() if same else _differences(first, before["facts"], trained.run, now["facts"]),
            seconds=trained.seconds,
            stopped_by=trained.stopped_by,
        )


def _differences(first: Run, before: Mapping[str, Any], second: Run, now: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What is recorded of both runs and is not the same."""
    pairs = [(f"version of {name}", old, now["versions"].get(name)) for name, old in before.get("versions", {}).items()]
    pairs += [(name.replace("_", " "), before.get(name), now.get(name)) for name in COMPARED]
    pairs.append(("epochs planned in turn", _plans(first), _plans(second)))
    settings = (first.settings(), second.settings())
    names = [name for name in {**settings[0], **settings[1]} if name not in ("data", *COMPARED)]
    pairs += [(f"setting {name}", settings[0].get(name), settings[1].get(name)) for name in names]
    return tuple(Difference(what, _said(old), _said(new)) for what, old, new in pairs if old != new)


def _plans(run: Run) -> tuple[int, ...]:
    """The numbers of epochs the run was to have: one, or more where it was resumed with others."""
    found = [event["epochs"] for event in run.events() if event.get("event") in ("started", "resumed")]
    return tuple(n for i, n in enumerate(found) if i == 0 or n != found[i - 1])


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return ", then ".join(map(str, value))
    return "not recorded" if value is None else str(value)
