"""A trained network with another classifier: all is kept but its last layer."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from torch import nn

from striate.errors import ConfigError
from striate.features.card import classifier_name
from striate.features.classifiers import Fitted
from striate.model import Model


def with_classifier(model: Model, found: Fitted, facts: dict[str, Any] | None = None) -> Model:
    """A model that answers with the classes of `found`, fitted on what this one's classifier is given.

    The network is copied; its last layer, which must be fully connected, becomes `found.head()`. With a linear kind the
    result is the same network for other classes: it is saved and loaded like any. Raises `ConfigError`.
    """
    name = classifier_name(model)
    last = model.net.get_submodule(name)
    if not isinstance(last, nn.Linear) or not name:
        raise ConfigError(
            f"{model.reference.text}: its classes come from {type(last).__name__} '{name}', not from a fully connected "
            "layer, so that no other classifier can stand there. Choose another network, or train it."
        )
    if last.in_features != found.features:
        raise ConfigError(
            f"{model.reference.text}: '{name}' is given {last.in_features} features, but the classifier takes "
            f"{found.features}. Fit it on features of this network, without a layer."
        )
    net = copy.deepcopy(model.net)
    parent, _, child = name.rpartition(".")
    setattr(net.get_submodule(parent), child, found.head())
    return replace(model, net=net.eval(), classes=found.classes, facts=dict(facts or {}), report=None)
