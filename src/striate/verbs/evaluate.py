"""How often a trained model is right on labelled pictures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import StriateError
from striate.settings import setting

if TYPE_CHECKING:
    from striate.data.records import DataSet
    from striate.model import Model
    from striate.networks import Net


@dataclass(frozen=True)
class EvaluateSettings:
    """What to evaluate on what."""

    run: Path = setting(positional="RUN", meaning="the folder of a run")
    data: str = setting(positional="DATA", meaning="a data set by name, or a folder or file; its test part counts")
    net: str | None = setting(None, meaning="the network again, where it is your own Python code")
    data_dir: Path | None = setting(None, meaning="where the files of a named data set are already")
    format: str | None = setting(None, meaning="the layout of the data, where it can be read in several ways")


@dataclass(frozen=True)
class Evaluated:
    """`accuracy` 0..1 on `examples` pictures; `interval`: its 95 % confidence interval."""

    accuracy: float
    interval: tuple[float, float]
    examples: int
    run: str
    data: str
    classes: str = ""  # how the data's classes differ from the model's, in words
    unreadable: dict[str, str] = field(default_factory=dict)  # the reason by file
    figures: dict[str, Any] = field(default_factory=dict)  # accuracy, top5, ece, per_class, thresholds, confused

    def as_json(self) -> dict[str, Any]:
        return {
            **self.figures,
            "examples": self.examples,
            "run": self.run,
            "data": self.data,
            "classes": self.classes,
            "unreadable": [{"file": file, "reason": reason} for file, reason in self.unreadable.items()],
        }


def evaluate(
    run: str | Path, data: Any, *, net: Net | None = None, data_dir: Path | None = None, format: str | None = None
) -> Evaluated:
    """The accuracy of the model in `run` on the test part of `data`, or on all of it where it has no parts.

    On the very data the model was trained on, the part that was held out then counts. Classes are matched by name:
    another order or a class that is missing is told, and a class that the model does not know is a `DataError`.
    """
    from striate.data.classes import matched, renumbered
    from striate.model import load
    from striate.training.allocator import keep_memory
    from striate.training.honest import described

    keep_memory()
    model = load(run, net=net)
    dataset, own = _read(data, data_dir, format, model)
    match = matched(dataset.classes, model.classes)
    held_out = dataset.held_out
    pictures = held_out if held_out is not None and (own or not dataset.parted) else dataset.whole()
    labels = renumbered(pictures.labels, dataset.classes, model.classes, where=dataset.name)
    found = model.evaluate(replace(pictures, labels=labels))
    figures = described(found, model.classes)
    low, high = figures["accuracy_interval"]
    said = "" if match.same else match.diff()
    return Evaluated(
        found.accuracy, (low, high), found.examples, str(run), dataset.name, said, found.unreadable, figures
    )


def _read(data: Any, data_dir: Path | None, format: str | None, model: Model) -> tuple[DataSet, bool]:
    """The data set, and whether `model` was trained on it; if so, with its groups held out together again."""
    from striate.data.read import read

    given, own = read(data, data_dir=data_dir, format=format), model.facts.get("data_sha256")
    group = model.facts.get("group")
    if given.fingerprint() == own or not isinstance(group, str):
        return given, given.fingerprint() == own
    try:
        grouped = read(data, data_dir=data_dir, format=format, group=group)
    except StriateError:  # other pictures have other names
        return given, False
    return (grouped, True) if grouped.fingerprint() == own else (given, False)
