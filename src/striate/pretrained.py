"""A network with trained weights: those of the catalogue, or a file of the user's own, and how to feed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from striate.data.preprocess import Preprocess
from striate.networks import Net, Reference, build, default_classes, default_image, refer
from striate.rows import Shape
from striate.weights.catalogue import (
    DEFAULT,
    Entry,
    entry_of,
    imagenet_classes,
    preparation_known,
    preparation_of,
)
from striate.weights.checkpoint import Checkpoint, read_checkpoint
from striate.weights.fetch import obtain
from striate.weights.load import load_weights
from striate.weights.match import Report, match

PHOTOGRAPH = 64  # pixels; a network for smaller pictures is not one for photographs
IMAGENET = 1000  # classes


@dataclass(frozen=True)
class Trained:
    """A network with its weights. `facts`: where they come from; `report`: how they came into the network.

    `sure`: whether anything says how pictures are prepared for them; `guess`: the note on that.
    """

    net: nn.Module
    classes: tuple[str, ...]
    preprocess: Preprocess
    reference: Reference
    facts: dict[str, Any]
    report: Report
    sure: bool = True
    guess: str = ""


def trained(
    net: Net,
    weights: str | Path | None = None,
    *,
    classes: int | None = None,
    image: Shape | None = None,
    letters: Mapping[str, int] | None = None,
) -> Trained:
    """`net` with `weights`: a file, or the name of public weights, "imagenet" where none is given.

    Naming public weights is asking for them: they are taken from their package or downloaded, once. `classes`, `image`:
    where the network is to have others than its weights; all weights that fit are kept. Raises `WeightsError`,
    `UnknownName`, `ShapeError`. `letters`: of the lectures' pattern, where `net` is one.
    """
    reference = refer(net, letters)
    entry: Entry | None = None
    if weights is None or not _is_file(weights):
        entry = entry_of(reference.text, str(weights or DEFAULT))
        checkpoint, preprocess, note, sure = obtain(entry), entry.preparation, "", True
    else:
        checkpoint = read_checkpoint(weights)
        preprocess, note, sure = _preparation(net, checkpoint)
    names = entry.categories if entry else _card_classes(checkpoint)
    said = entry is not None or checkpoint.card is not None
    shape = tuple(image or (preprocess.image if said else default_image(net) or preprocess.image))
    with torch.device("meta"):
        module = build(net, shape, classes or len(names) or default_classes(net), letters=letters)
        found = match(module.state_dict(), checkpoint).classes
        if found and classes is None:  # the file says how many
            module = build(net, shape, found[0], letters=letters)
    report = load_weights(module, checkpoint, network_name=reference.text, classes=classes)
    count = classes or (found[0] if found else len(names) or default_classes(net))
    notes = [*report.notes, *([note] if note else [])]
    if count != len(names):
        names = imagenet_classes() if count == IMAGENET else tuple(map(str, range(count)))
        notes += ["its 1000 classes are taken for those of ImageNet in their usual order"] if count == IMAGENET else []
    facts = {"weights": _facts(entry) if entry else {"file": str(checkpoint.path)}}
    report = replace(report, notes=tuple(notes))
    return Trained(module.eval(), names, preprocess.for_image(shape), reference, facts, report, sure, note)


def _is_file(weights: str | Path) -> bool:
    """Whether a file is meant, not the name of public weights."""
    path = Path(weights)
    return isinstance(weights, Path) or path.is_file() or bool(path.suffix) or path.name != weights


def _preparation(net: Net, checkpoint: Checkpoint) -> tuple[Preprocess, str, bool]:
    """How pictures are prepared for a file of the user's own, a sentence that says why so, and whether it is known."""
    if checkpoint.card is not None and "preprocess" in checkpoint.card:
        return Preprocess.from_json(checkpoint.card["preprocess"]), "", True
    own = default_image(net)
    if own is not None and min(own[1:]) < PHOTOGRAPH:
        channels, height, width = own
        half = (0.5,) * channels
        small = Preprocess((channels, height, width), half, half, "resize")
        return small, "how its pictures are prepared is unknown; they are resized and scaled to -1..1", False
    network, file = refer(net).text, checkpoint.path.name
    return *preparation_of(network, file), preparation_known(network, file)


def _card_classes(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The names of the classes, in a file that Striate wrote."""
    return tuple(map(str, (checkpoint.card or {}).get("classes", ())))


def _facts(entry: Entry) -> dict[str, Any]:
    keys = ("name", "file", "sha256", "publisher", "licence", "top1", "top5")
    return {key: getattr(entry, key) for key in keys}
