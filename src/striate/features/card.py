"""Where features come from: a network, its weights, a layer, and how pictures were prepared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import nn

from striate.errors import DataError
from striate.explain.features import outputs
from striate.model import Model

MAY_MISS = ("source", "data")  # in the card of an older file


@dataclass(frozen=True)
class Card:
    """What features depend on. `weights`, `preprocess`: SHA-256; `layer`: None for what the classifier is given.

    `source`: what `striate.load` was given, a run, or a network and perhaps weights. `data`: the name of the data set
    and its fingerprint. Both are empty where they are not known, and do not count in a comparison.
    """

    network: str
    weights: str
    layer: str | None
    preprocess: str
    source: tuple[str, ...] = field(default=(), compare=False)
    data: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(
        cls, model: Model, layer: str | None = None, *, source: tuple[str, ...] = (), data: tuple[str, ...] = ()
    ) -> Card:
        """The card of the features that `model.features(..., layer)` gives.

        What the classifier is given does not depend on the classifier, which does not count where `layer` is None.
        """
        last = None if layer is not None else classifier_name(model)
        weights = weights_sha256(model.net, without=last)
        return cls(model.reference.text, weights, layer, model.preprocess.fingerprint(), source, data)

    def as_json(self) -> dict[str, Any]:
        """The card as plain values; `from_json` gives it back."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, given: Any, where: str) -> Card:
        """The card that `as_json` wrote; `DataError` names `where` it was found."""
        known = [each.name for each in fields(cls)]
        names = [name for name in known if name not in MAY_MISS]
        if not isinstance(given, Mapping) or not set(names) <= set(given) <= set(known):
            raise DataError(f"{where}: its card must have {', '.join(names)}. It was not written by Striate.")
        for name in MAY_MISS:
            texts = given.get(name, [])
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise DataError(
                    f"{where}: {name} of its card is {texts!r:.40}; it must be a list of texts. Make it again."
                )
        for name in names:
            if not isinstance(given[name], str) and not (name == "layer" and given[name] is None):
                raise DataError(f"{where}: {name} of its card is {given[name]!r:.40}; it must be text. Make it again.")
        source, data = (tuple(given.get(name, ())) for name in MAY_MISS)
        network, weights, layer, preprocess = (given[name] for name in names)
        return cls(network, weights, layer, preprocess, source, data)

    def require(self, other: Card, where: str) -> None:
        """Pass if `other`, found in `where`, is this card; else `DataError` that names both."""
        for name, what in (("weights", "weights"), ("layer", "layer"), ("preprocess", "preparation of pictures")):
            if getattr(self, name) != getattr(other, name):
                theirs, ours = (f"{card.network} ({what} {_short(getattr(card, name))})" for card in (other, self))
                raise DataError(
                    f"{where}: was made by {theirs}, but you ask with {ours}. Use that one, or make the file again."
                )


def weights_sha256(net: nn.Module, without: str | None = None) -> str:
    """SHA-256 of the names, shapes and values of all weights and buffers but those of the layer `without`."""
    digest = hashlib.sha256()
    for name, tensor in net.state_dict().items():
        if without is None or name.rpartition(".")[0] != without:
            values = tensor.detach().cpu().contiguous()
            digest.update(f"{name} {tuple(values.shape)} {values.dtype}\n".encode())
            digest.update(values.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def classifier_name(model: Model) -> str:
    """The name of the layer that gives the classes: the last one called that has as many outputs as there are classes.

    `DataError` where there is none.
    """
    called: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, given, name=name: called.append(name))
        for name, module in model.net.named_modules()
        if outputs(module) == len(model.classes)
    ]
    try:
        model.probabilities(torch.zeros(1, *model.preprocess.image, dtype=torch.uint8))
    finally:
        for hook in hooks:
            hook.remove()
    if not called:
        raise DataError(
            f"{model.reference.text}: no layer gives {len(model.classes)} classes, so there is no classifier to take "
            "features from. Name a layer."
        )
    return called[-1]


def _short(value: str | None) -> str:
    return "before the classifier" if value is None else value[:12]
