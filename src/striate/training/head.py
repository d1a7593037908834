"""The regime in which only the classifier learns: fitted in one go to features that are computed once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from striate.analysis.result import Layer
from striate.data.records import Part
from striate.data.transforms.augment import Augment
from striate.errors import ConfigError, WeightsError
from striate.features.cache import FeatureCache, key
from striate.features.card import Card, classifier_name
from striate.features.classifiers import Fitted, fitted
from striate.features.extract import features_of, rows
from striate.features.frozen import Frozen, Variant
from striate.metrics.accuracy import accuracy
from striate.model import Evaluation, Model
from striate.training.allocator import keep_memory
from striate.training.choices import augment_of
from striate.training.config import TrainConfig
from striate.training.machine import Machine

USUAL_CHANGE = Augment(flip=True, crop=0.5)  # of variants, where the settings name no change
MANY = 4000  # pictures; from here on fewer folds say enough
CLOSE = 1e-3  # relative, of logits and features


@dataclass(frozen=True, eq=False)
class Head:
    """A classifier of features. `accuracy`, `loss`: cross-validated, of pictures as they are, without their variants;
    `unreadable`: why, by the position of a training picture."""

    fitted: Fitted
    accuracy: float
    loss: float
    unreadable: dict[int, str]
    pictures: int
    seconds: float


class Features:
    """The features of `model` before its classifier, for this training: computed once, kept in the cache folder.

    Where a picture cannot be read they are not kept, so that it is told each time. Those of noise are kept with them:
    code of one's own may compute something else with the same weights.
    """

    def __init__(self, model: Model, layers: Sequence[Layer], machine: Machine):
        self.model, self.layers, self.machine = model, layers, machine
        self._card, self._cache = Card.of(model), FeatureCache()
        self._noise = features_of(model, noise(model))
        if not bool(torch.isfinite(self._noise).all()):
            raise WeightsError(
                f"{model.reference.text}: its features are not numbers (NaN or infinite), as its weights make them. "
                "Give other weights."
            )
        self._frozen: dict[str, Frozen] = {}

    def of(
        self, part: Part, *, precision: str = "", variant: Variant | None = None
    ) -> tuple[Tensor, Tensor, dict[int, str]]:
        """(n, f) float32, (n,) positions of the pictures they are of, and the reasons of the others by position."""
        precision = precision or self.machine.precision
        name = key(self._card, part.digest(), f"{precision} {variant or ''}")
        kept = self._cache.get(name)
        if kept is not None and len(kept) == len(self._noise) + len(part):
            before, features = kept.split([len(self._noise), len(part)])
            if close(before, self._noise):
                return features, torch.arange(len(part)), {}
        if precision not in self._frozen:
            keep_memory(threads_compute=True)
            self._frozen[precision] = Frozen(
                self.model,
                self.layers,
                device=self.machine.device,
                precision=precision,
                threads=self.machine.threads,
            )
        found = self._frozen[precision].of(part, variant)
        if not found.unreadable:
            self._cache.put(name, torch.cat([self._noise, found.features]))
        return found.features, found.index, found.unreadable


def learn(features: Features, part: Part, config: TrainConfig) -> Head:
    """The classifier for the pictures of `part` and the variants of them that `config` asks for."""
    begun = time.perf_counter()
    found, index, unreadable = features.of(part)
    given, positions = [found], [index]
    change = replace(augment_of(config), mixup=0.0, cutmix=0.0)
    if change == Augment(shift=change.shift):
        change = USUAL_CHANGE
    for number in range(1, config.variants + 1):
        more, index, _ = features.of(part, variant=Variant(change, config.seed, number))
        given.append(more)
        positions.append(index)
    which = torch.cat(positions)
    labels = part.labels[which]
    groups = _groups(part, which.tolist()) if part.groups is not None or config.variants else None
    made = fitted(
        torch.cat(given),
        labels,
        features.model.classes,
        groups=groups,
        most_folds=5 if len(which) <= MANY else 3,
        seed=config.seed % 2**32,
    )
    answers, wanted = made.held_out[: len(found)], labels[: len(found)]
    loss = float(cross_entropy(answers / made.temperature, wanted))
    return Head(made, accuracy(answers, wanted), loss, unreadable, len(found), time.perf_counter() - begun)


def _groups(part: Part, which: list[int]) -> list[str]:
    """What must not be torn apart by cross-validation: a group of the data, or the variants of one picture."""
    names = part.groups if part.groups is not None else [""] * len(part)
    return [names[i] or f"\0{i}" for i in which]


@torch.no_grad()
def put(model: Model, found: Fitted, temperature: float) -> None:
    """Give the last layer of `model` the weights of `found`, its logits divided by `temperature`.

    `ConfigError` where no such classifier can stand there: its classes are made in another way.
    """
    name = classifier_name(model)
    last = model.net.get_submodule(name)
    if why := misfit(last):
        raise ConfigError(
            f"{model.reference.text}: its classes come from {type(last).__name__} '{name}', {why}, so that a "
            "classifier of its features cannot stand there. Take --regime last or all."
        )
    assert isinstance(last, nn.Linear | nn.Conv2d)
    assert last.bias is not None
    weight = found.tensors["weight"] / temperature
    if weight.numel() != last.weight.numel():
        raise ConfigError(
            f"{model.reference.text}: '{name}' has weights {tuple(last.weight.shape)}, but a picture has "
            f"{weight.shape[1]} features. Take --regime last or all."
        )
    before = last.weight.clone(), last.bias.clone()
    last.weight.copy_(weight.view_as(last.weight))
    last.bias.copy_(found.tensors["bias"] / temperature)
    if not answers_as(model, found, temperature, name):
        last.weight.copy_(before[0])
        last.bias.copy_(before[1])
        raise ConfigError(
            f"{model.reference.text}: more than a mean follows its last layer '{name}', so that a classifier of its "
            "features cannot stand there. Take --regime last or all."
        )


def misfit(last: nn.Module) -> str:
    """Why `last` cannot be a classifier of features; empty where it can."""
    if isinstance(last, nn.Conv2d):
        if max(last.kernel_size) > 1 or last.groups > 1 or max(last.padding) != 0 or max(last.stride) > 1:
            return "which is more than a product of features"
    elif not isinstance(last, nn.Linear):
        return "not from a fully connected layer"
    return "" if last.bias is not None else "which has no bias"


@torch.inference_mode()
def answers_as(model: Model, found: Fitted, temperature: float, name: str) -> bool:
    """Whether `model` gives for noise what the classifier makes of its features: nothing else follows."""
    caught: list[Tensor] = []
    hook = model.net.get_submodule(name).register_forward_pre_hook(lambda module, given: caught.append(rows(given[0])))
    try:
        outputs = model.net.eval()(model.preprocess.normalise(noise(model)))
    finally:
        hook.remove()
    wanted = (caught[-1] @ found.tensors["weight"].T + found.tensors["bias"]) / temperature
    return close(outputs, wanted)


def noise(model: Model) -> Tensor:
    """(2, c, h, w) uint8: the same two pictures of noise each time."""
    drawn = torch.randint(256, (2, *model.preprocess.image), generator=torch.Generator().manual_seed(0))
    return drawn.to(torch.uint8)


def close(found: Tensor, wanted: Tensor) -> bool:
    """Whether they are the same but for rounding."""
    return found.shape == wanted.shape and bool((found - wanted).abs().max() <= CLOSE * wanted.abs().max())


def can_stand(model: Model, found: Fitted) -> bool:
    """Whether `found` can be the last layer of `model`, which then has it."""
    try:
        put(model, found, 1.0)
    except ConfigError:
        return False
    return True


def evaluate(features: Features, part: Part, found: Fitted) -> Evaluation:
    """The answers of the classifier on `part`, with features in full precision: those that the saved model gives."""
    given, index, unreadable = features.of(part, precision="float32")
    outputs = given @ found.tensors["weight"].T + found.tensors["bias"]
    said = {part.name(i): why for i, why in unreadable.items()}
    return Evaluation((outputs / found.temperature).softmax(1), part.labels[index], said, index, outputs)
