"""The weights of others that a training starts from: found, put into the network, and ready for other classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from striate import networks
from striate.data.measure import for_training
from striate.data.preprocess import Preprocess
from striate.data.records import DataSet, Part
from striate.errors import ConfigError, RunError
from striate.networks import Net, Reference
from striate.pretrained import trained
from striate.rows import Shape
from striate.training.config import TrainConfig, letters_of
from striate.training.head import Features, Head
from striate.training.initialise import he
from striate.training.randomness import number
from striate.training.stages import Plan
from striate.weights.catalogue import USUAL, preparations

ANEW = "starts anew, all else is kept"  # the note about another number of classes, which is what is wanted here


@dataclass
class Opened:
    """A network with weights for the classes of the data. `weights`: where they come from; `notes`: how they fit."""

    net: nn.Module
    preprocess: Preprocess
    reference: Reference
    weights: dict[str, Any]
    notes: tuple[str, ...] = ()


@dataclass
class Start:
    """What a training makes of the weights it starts from. `head`: the classifier that was fitted, where nothing
    else learns; `features`: what it was fitted to, for other pictures.

    `tried`: the figures of the regimes that were tried, where some were.
    """

    regime: str
    reason: str
    weights: dict[str, Any]
    preprocess: Preprocess
    plan: Plan = field(default_factory=Plan)
    head: Head | None = None
    features: Features | None = None
    tried: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """What a checkpoint holds, so that going on needs neither the weights nor another choice."""
        return {
            "reason": self.reason,
            "weights": self.weights,
            "preprocess": self.preprocess.as_json(),
            "tried": self.tried,
        }

    def facts(self) -> dict[str, Any]:
        """What the model's card says."""
        found: dict[str, Any] = {"weights": self.weights} | ({"tried": self.tried} if self.tried else {})
        if self.head is not None:
            fitted = self.head.fitted
            found |= {"classifier": fitted.kind, "strength": fitted.strength}
            found |= {"cross_validated_accuracy": self.head.accuracy}
        return found


def opened(net: Net, config: TrainConfig, dataset: DataSet, held: Mapping[str, Any] | None) -> Opened:
    """`net` with the weights that `config` means; new layers are drawn anew.

    `held`: the `Start.as_json` of a training that goes on, whose weights come from its checkpoint. Raises
    `WeightsError`, `ConfigError`, `RunError`, `UnknownName`.
    """
    torch.manual_seed(number(config.seed, 0, "weights"))
    classes, letters = len(dataset.classes), letters_of(config)
    assert dataset.train is not None
    image = _image(net, config, dataset.train)
    if held is not None:
        preprocess = Preprocess.from_json(held["preprocess"])
        module = networks.build(net, preprocess.image, classes, letters=letters)
        return Opened(module, preprocess, networks.refer(net, letters), held["weights"])
    if isinstance(net, nn.Module) and not config.pretrained and config.weights is None:
        if config.preparation is None:
            raise _ask("the module")
        image = image or networks.default_image(net) or dataset.train.shape
        return Opened(net, _prepared(config.preparation, image, dataset.train), networks.refer(net), {"own": True})
    made = trained(net, _source(config), classes=classes, image=image, letters=letters)
    preprocess, notes = made.preprocess, made.report.notes
    if config.preparation is not None:
        preprocess = _prepared(config.preparation, preprocess.image, dataset.train)
        notes = tuple(note for note in notes if note != made.guess)
    elif not made.sure:
        raise _ask(str(config.weights))
    for layer in dict.fromkeys(key.rpartition(".")[0] for key in made.report.fresh):
        he(made.net.get_submodule(layer))
    notes = tuple(note for note in notes if not (made.report.fresh and note.endswith(ANEW)))
    return Opened(made.net, preprocess, made.reference, made.facts["weights"], notes)


def run_network(weights: str | None) -> dict[str, Any]:
    """The settings `net` and its letters of the earlier run that `weights` names; {} where it is none.

    `ConfigError` where its network is code.
    """
    from striate.weights.checkpoint import read_checkpoint

    folder = Path(weights or "")
    if weights is None or not (folder / "model.safetensors").is_file():
        return {}
    described = (read_checkpoint(folder / "model.safetensors").card or {}).get("network")
    if not isinstance(described, Mapping):
        return {}
    if described.get("kind") not in ("zoo", "notation"):
        raise ConfigError(
            f"{folder}: its network is Python code ({described.get('text')}), which no file may start. Give it again, "
            "as --net."
        )
    return {"net": described.get("text"), **dict(described.get("letters", {}))}


def _source(config: TrainConfig) -> str | Path | None:
    """What is meant by `weights`: public ones by name, or a file; of the folder of a run, the file in it."""
    if config.weights is None:
        return None
    path = Path(config.weights).expanduser()
    if path.is_dir():
        if not (path / "model.safetensors").is_file():
            raise RunError(f"{path}: holds no model.safetensors. Give the folder of a finished run, or a file.")
        return path / "model.safetensors"
    return path if path.is_file() else config.weights


def _image(net: Net, config: TrainConfig, pictures: Part) -> Shape | None:
    """The image that `config` asks for, with all three sizes; None where the weights decide."""
    if config.image is None or len(config.image) >= 3:
        return config.image
    channels = (networks.default_image(net) or pictures.shape)[0]
    return (channels, *config.image * (2 // len(config.image)))


def _prepared(how: str, image: Shape, pictures: Part) -> Preprocess:
    """The preparation that a person named."""
    if how == "measured":
        return for_training(pictures, image)
    return preparations()[{"torchvision": USUAL, "half": "torchvision_half"}[how]].for_image(image)


def _ask(what: str) -> ConfigError:
    return ConfigError(
        f"{what}: how pictures are prepared for these weights is unknown. Say it: --preparation torchvision (the mean "
        "and deviation of ImageNet), half (-1 to 1) or measured (those of the training pictures)."
    )
