"""A trained network with another classifier: all is kept but its last layer."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from torch import nn

from striate.errors import ConfigError
from striate.features.card import classifier_name
from striate.features.classifiers import Fitted
from striate.features.folded import put
from striate.layers.neighbours import Neighbours
from striate.model import Model
from striate.tasks.classify import Classify


def with_classifier(model: Model, found: Fitted, facts: dict[str, Any] | None = None) -> Model:
    """A model that answers with the classes of `found`, fitted on what this one's classifier is given.

    The network is copied; its last layer, which must be fully connected, becomes `found.head()`. The result is saved
    and loaded like any. Raises `ConfigError`.
    """
    name, last = last_layer(model)
    if last.in_features != found.features:
        raise ConfigError(
            f"{model.reference.text}: '{name}' is given {last.in_features} features, but the classifier takes "
            f"{found.features}. Fit it on features of this network, without a layer."
        )
    net = copy.deepcopy(model.net)
    head = found.head()
    put(net, name, head)
    said: dict[str, Any] = {}
    if isinstance(head, Neighbours):  # else it is the same network for other classes
        said = {"layer": name, "pictures": len(head.bank), "features": head.bank.shape[1], "k": head.k}
    return replace(
        model,
        net=net.eval(),
        classes=found.classes,
        reference=replace(model.reference, head=said),
        facts=dict(facts or {}),
        task=Classify(),
        report=None,
    )


def last_layer(model: Model) -> tuple[str, nn.Linear]:
    """The layer that gives the classes, and its name; `ConfigError` where no other classifier can stand there."""
    name = classifier_name(model)
    last = model.net.get_submodule(name)
    if not isinstance(last, nn.Linear) or last.bias is None or not name:
        without = " without a bias" if isinstance(last, nn.Linear) else ""
        raise ConfigError(
            f"{model.reference.text}: its classes come from {type(last).__name__} '{name}'{without}, not from a fully "
            "connected layer, so that no other classifier can stand there. Choose another network, or train it."
        )
    return name, last
