"""A classifier of features as a file: tensors and a card, nothing that could run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from striate.data.files import shown
from striate.errors import DataError, StriateError, WeightsError
from striate.features.classifiers import Fitted
from striate.features.marks import kinds
from striate.weights.files import load_tensors, save_tensors


def save_classifier(path: Path, found: Fitted, card: Mapping[str, Any]) -> None:
    """Write `found` atomically, with the card of its features (see `striate.features.card`). Raises `DataError`."""
    described = {
        "kind": found.kind,
        "classes": list(found.classes),
        "strength": found.strength,
        "temperature": found.temperature,
        "accuracies": list(found.accuracies),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(path, {**found.tensors, "held_out": found.held_out}, {"classifier": described, "card": dict(card)})
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be written ({error.strerror}).") from None


def load_classifier(path: Path) -> tuple[Fitted, dict[str, Any]]:
    """What `save_classifier` wrote, and the card of its features. Raises `WeightsError`."""
    tensors, card = load_tensors(path)
    try:
        described = card["classifier"]
        held_out = tensors.pop("held_out")
        found = Fitted(
            kinds.name_of(described["kind"]),
            tuple(str(name) for name in described["classes"]),
            tensors,
            float(described["strength"]),
            float(described["temperature"]),
            tuple(float(value) for value in described["accuracies"]),
            held_out,
        )
        outputs = found.head()(held_out.new_zeros(1, found.features)).shape[1]
        features_card = dict(card["card"])
    except (KeyError, TypeError, ValueError, RuntimeError, StopIteration, StriateError) as error:
        said = (str(error).splitlines() or [""])[0]
        raise WeightsError(f"{shown(path)}: is not a classifier of features ({said}). Fit it again.") from None
    if outputs != len(found.classes):
        raise WeightsError(f"{shown(path)}: has {len(found.classes)} classes but {outputs} outputs. Fit it again.")
    return found, features_card
