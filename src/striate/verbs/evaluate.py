"""How often a trained model is right on labelled pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import DataError
from striate.settings import setting

if TYPE_CHECKING:
    from striate.networks import Net


@dataclass(frozen=True)
class EvaluateSettings:
    """What to evaluate on what."""

    run: Path = setting(positional="RUN", meaning="the folder of a run")
    data: str = setting(positional="DATA", meaning="a data set by name, or a folder or file; its test part counts")
    net: str | None = setting(None, meaning="the network again, where it is your own Python code")
    data_dir: Path | None = setting(None, meaning="where the files of a named data set are already")


@dataclass(frozen=True)
class Evaluated:
    """`accuracy` 0..1 on `examples` pictures; `interval`: its 95 % confidence interval."""

    accuracy: float
    interval: tuple[float, float]
    examples: int
    run: str
    data: str

    def as_json(self) -> dict[str, Any]:
        return {
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.interval),
            "examples": self.examples,
            "run": self.run,
            "data": self.data,
        }


def evaluate(run: str | Path, data: Any, *, net: Net | None = None, data_dir: Path | None = None) -> Evaluated:
    """The accuracy of the model in `run` on the test part of `data`, or on all of it where it has no parts.

    On the very data the model was trained on, the part that was held out then counts. `DataError` where the classes are
    not the model's.
    """
    from striate.data.read import read
    from striate.metrics.interval import wilson
    from striate.model import load
    from striate.training.allocator import keep_memory

    keep_memory()
    model = load(run, net=net)
    dataset = read(data, data_dir=data_dir)
    if dataset.classes != model.classes:
        missing = [c for c in model.classes if c not in dataset.classes]
        extra = [c for c in dataset.classes if c not in model.classes]
        how = "; ".join(
            f"{word} {', '.join(names[:5])}" for word, names in (("missing", missing), ("unknown", extra)) if names
        )
        raise DataError(f"{dataset.name}: its classes are not the model's ({how or 'another order'}).")
    own = dataset.fingerprint() == model.facts.get("data_sha256")
    pictures = dataset.test if dataset.test is not None and (own or not dataset.parted) else dataset.whole()
    found = model.evaluate(pictures)
    right = round(found.accuracy * found.examples)
    return Evaluated(found.accuracy, wilson(right, found.examples), found.examples, str(run), dataset.name)
