"""A classifier of features that stand in a file, judged by cross-validation and kept as a run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import ConfigError
from striate.settings import setting

if TYPE_CHECKING:
    from torch import Tensor

    from striate.features.classifiers import Fitted
    from striate.features.table import Table
    from striate.model import Evaluation, Model
    from striate.networks import Net
    from striate.run import Run

KINDS = ("logistic", "linear_svm", "centroid", "nearest_neighbours")
HELD_OUT = "test"  # the split that is not learned from


@dataclass(frozen=True, kw_only=True)
class ClassifyFeaturesSettings:
    """Which features to classify, and how."""

    features: Path = setting(positional="FEATURES", meaning="what striate features wrote, from pictures with labels")
    kind: str = setting("logistic", choices=KINDS, meaning="the classifier")
    run: Path | None = setting(None, meaning="the folder to keep it in; runs/KIND-DATA-1, -2, ...")
    overwrite: bool = setting(False, meaning="replace the run that is in the folder", written=False)
    seed: int = setting(0, meaning="of the parts of the cross-validation", low=0, high=2**32 - 1)
    net: str | None = setting(None, meaning="the network or run that made the features, where it lies elsewhere now")
    weights: str | None = setting(None, meaning="the weights of --net, where they are not its usual ones")


@dataclass(frozen=True, eq=False)
class Classified:
    """A classifier, and what is known of it. `figures`: of cross-validation; `tested`: of the held-out part, or {}.

    `run`: None where none can be kept, and `why` then says the reason.
    """

    fitted: Fitted
    examples: int
    figures: dict[str, Any]
    tested: dict[str, Any] = field(default_factory=dict)
    run: Run | None = None
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            **self.figures,
            "kind": self.fitted.kind,
            "strength": self.fitted.strength,
            "folds": list(self.fitted.accuracies),
            "examples": self.examples,
            "features": self.fitted.features,
            "classes": list(self.fitted.classes),
            "test": self.tested or None,
            "run": None if self.run is None else str(self.run.folder),
            "why_no_run": self.why or None,
        }


def classify_features(
    features: str | PathLike[str],
    kind: str = "logistic",
    *,
    run: str | Path | None = None,
    overwrite: bool = False,
    seed: int = 0,
    net: Net | Path | None = None,
    weights: str | Path | None = None,
) -> Classified:
    """Fit a classifier to the features in a file that `striate features` wrote, and keep it with its network as a run.

    It learns from all rows but those of the split "test", which judge it once more. The run is one like any other:
    the network, with the classifier where its own stood. No run is kept, and `why` says so, where the file does not
    say which network made it, or the features are of a layer before the last. `net`, `weights`: where that network is
    now. Raises `DataError`, and `ConfigError` where `run` or `net` is given and none can be kept.
    """
    import torch

    from striate.features.classifiers import fitted
    from striate.features.table import read_table
    from striate.training.honest import described
    from striate.training.regimes import enough
    from striate.verbs.classified_run import keep

    path = Path(features)
    table = read_table(path)
    labels = table.numbers()
    why = _no_run(table, path)
    if why and (run is not None or net is not None):
        raise ConfigError(f"no run can be kept: {why}")
    model = None if why else _network(table, path, net, weights)
    held_out = torch.tensor([split == HELD_OUT for split in table.splits or [""] * len(table)])
    learned, left = (which.nonzero()[:, 0] for which in (~held_out, held_out))
    enough(path.name, table.classes, labels[learned], labels)
    found = fitted(table.features[learned], labels[learned], table.classes, kind, seed=seed)
    validated = _evaluation(found.held_out / found.temperature, labels[learned], learned)
    tested = _evaluation(found.outputs(table.features[left]), labels[left], left) if len(left) else None
    made = Classified(
        found,
        validated.examples,
        described(validated, found.classes),
        {} if tested is None else described(tested, found.classes),
        why=why,
    )
    if model is None:
        return made
    settings = ClassifyFeaturesSettings(features=path, kind=kind, run=None if run is None else Path(run), seed=seed)
    return replace(made, run=keep(made, model, table, (validated, tested), settings, overwrite=overwrite))


def _no_run(table: Table, path: Path) -> str:
    """Why the classifier cannot become part of a network; empty where it can."""
    if table.card is None:
        return f"{path} does not say which network made it. Make it with striate features, which writes that down."
    if table.card.layer is not None:
        return (
            f"{path} holds features of the layer '{table.card.layer}', and a classifier stands where the network's own "
            "does. Make them without --layer."
        )
    return ""


def _network(table: Table, path: Path, net: Net | Path | None, weights: str | Path | None) -> Model:
    """The network that made the features, proved to be it, and able to take another classifier."""
    from striate.features.card import Card
    from striate.features.reuse import last_layer
    from striate.model import load
    from striate.verbs.search import source_model

    assert table.card is not None
    model = source_model(table.card, str(path)) if net is None else load(net, weights)
    Card.of(model).require(table.card, str(path))
    last_layer(model)
    return model


def _evaluation(outputs: Tensor, labels: Tensor, index: Tensor) -> Evaluation:
    from striate.model import Evaluation

    return Evaluation(outputs.softmax(1), labels, index=index, outputs=outputs)
