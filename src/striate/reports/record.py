"""What a run left in its folder, read and checked: settings, log, the card of its model, and its evaluation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from striate.errors import RunError
from striate.run import Run

AGAIN = "Evaluate the run again."


@dataclass(frozen=True)
class Suspects:
    """Pictures whose labels the network doubts, the widest disagreement first.

    `index`: (k,) positions; `suggestion`: (k,) what it takes them for; `own`, `probability`: (k,) what it gives to the
    label and to that; `images`: (k, c, h, w) uint8; `names`: of their files.
    """

    index: Tensor
    suggestion: Tensor
    own: Tensor
    probability: Tensor
    images: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """What the finished network said to `n` pictures that it did not learn from.

    `labels`, `predicted`: (n,) classes; `probability`: (n,) that it gave to its answer, `truth`: (n,) to the label.
    `worst`: (k,) positions of the mistakes it was surest of; `worst_images`: (k, c, h, w) uint8. `plain`: (n,) that it
    gave to its answer before it had a temperature.
    """

    labels: Tensor
    predicted: Tensor
    probability: Tensor
    truth: Tensor
    worst: Tensor
    worst_images: Tensor
    plain: Tensor | None = None
    suspects: Suspects | None = None


@dataclass(frozen=True)
class Record:
    """A run folder. `answers` is None where nothing was held out; `samples` where no picture was kept."""

    config: str
    classes: tuple[str, ...]
    image: tuple[int, ...]
    facts: dict[str, Any]
    sha256: str
    steps: tuple[dict[str, Any], ...]
    epochs: tuple[dict[str, Any], ...]
    epoch_ends: tuple[float, ...]  # the last step logged before each epoch ended
    finished: bool  # False where it was interrupted
    answers: Answers | None = None
    samples: Tensor | None = None  # (m, c, h, w) uint8
    sample_labels: Tensor | None = None  # (m,)
    initial_kernels: Tensor | None = None


def read(run: Run) -> Record:
    """All that the report says of `run`; `RunError` names the file that is missing or damaged, and what in it."""
    card = _card(run.folder / "model.json")
    events = [event for event in run.events() if isinstance(event, dict)]
    tensors = _tensors(run.evaluation)
    return Record(
        config=_text(run.config),
        classes=tuple(map(str, card["classes"])),
        image=tuple(card["image"]),
        facts=card.get("facts", {}),
        sha256=str(card.get("sha256", "")),
        steps=tuple(e for e in events if e.get("event") == "step"),
        epochs=tuple(e for e in events if e.get("event") == "epoch"),
        epoch_ends=_epoch_ends(events),
        finished=any(e.get("event") == "done" and not e.get("stopped") for e in events),
        answers=_answers(run.evaluation, tensors, len(card["classes"])),
        samples=tensors.get("sample_images"),
        sample_labels=_sample_labels(run.evaluation, tensors, len(card["classes"])),
        initial_kernels=tensors.get("initial_kernels"),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RunError(f"{path}: is missing. Give the folder of a run that has saved its model.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: cannot be read ({error}). Restore the file, or train again.") from None


def _card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise RunError(
            f"{path}: line {error.lineno} is not JSON ({error.msg}). Restore the file, or train again."
        ) from None
    for key, kind, name in (("classes", list, "list"), ("image", list, "list"), ("facts", dict, "table")):
        if not isinstance(card, dict) or not isinstance(card.get(key), kind):
            raise RunError(f"{path}: needs the {name} '{key}'. Restore the file, or train again.")
    return dict(card)


def _epoch_ends(events: list[dict[str, Any]]) -> tuple[float, ...]:
    ends, step = [], 0.0
    for event in events:
        if event.get("event") == "step" and isinstance(event.get("step"), int | float):
            step = max(step, event["step"])
        elif event.get("event") == "epoch":
            ends.append(step)
    return tuple(ends)


def _tensors(path: Path) -> dict[str, Tensor]:
    if not path.exists():
        return {}
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path}: cannot be read ({error}). {AGAIN}") from None


def _answers(path: Path, tensors: dict[str, Tensor], classes: int) -> Answers | None:
    if "labels" not in tensors or not len(tensors["labels"]):
        return None
    names = ("labels", "predicted", "probability", "true_probability", "worst_index", "worst_images")
    if missing := [name for name in names if name not in tensors]:
        raise RunError(f"{path}: holds no '{missing[0]}'. {AGAIN}")
    examples, worst = len(tensors["labels"]), tensors["worst_index"]
    for name in names[:4]:
        if tensors[name].shape != (examples,):
            raise RunError(
                f"{path}: '{name}' is {tuple(tensors[name].shape)}, but there are {examples} labels. {AGAIN}"
            )
    for name in names[:2]:
        if not _within(tensors[name], classes):
            raise RunError(f"{path}: '{name}' goes beyond the {classes} classes of model.json. {AGAIN}")
    if len(worst) != len(tensors["worst_images"]) or not _within(worst, examples):
        raise RunError(f"{path}: 'worst_index' does not fit its {len(tensors['worst_images'])} pictures. {AGAIN}")
    before = tensors.get("plain_probability")
    if before is not None and before.shape != (examples,):
        raise RunError(f"{path}: 'plain_probability' is not one number for each of {examples} labels. {AGAIN}")
    labels, predicted, probability, truth, worst, images = (tensors[name] for name in names)
    suspects = _suspects(path, tensors, examples, classes)
    return Answers(labels, predicted, probability, truth, worst, images, before, suspects)


def _suspects(path: Path, tensors: dict[str, Tensor], examples: int, classes: int) -> Suspects | None:
    names = ("index", "suggestion", "own", "probability", "images")
    if any(f"suspicious_{name}" not in tensors for name in names):
        return None
    found = [tensors[f"suspicious_{name}"] for name in names]
    number = len(found[0])
    if any(len(values) != number for values in found) or not _within(found[0], examples):
        raise RunError(f"{path}: 'suspicious_index' does not fit its {len(found[-1])} pictures. {AGAIN}")
    if not _within(found[1], classes):
        raise RunError(f"{path}: 'suspicious_suggestion' goes beyond the {classes} classes of model.json. {AGAIN}")
    files = _names(path)
    index, suggestion, own, probability, images = found
    called = files if len(files) == number else tuple(f"picture {k}" for k in index.tolist())
    return Suspects(index, suggestion, own, probability, images, called)


def _names(path: Path) -> tuple[str, ...]:
    """The names of the suspicious pictures, which stand in the card; () where it has none."""
    with safe_open(path, "pt") as file:
        try:
            names = json.loads((file.metadata() or {}).get("striate", "{}")).get("suspicious_names", [])
        except (ValueError, AttributeError):
            return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _sample_labels(path: Path, tensors: dict[str, Tensor], classes: int) -> Tensor | None:
    images, labels = tensors.get("sample_images"), tensors.get("sample_labels")
    if images is None or labels is None:
        return None
    if labels.shape != images.shape[:1] or not _within(labels, classes):
        raise RunError(
            f"{path}: 'sample_labels' do not fit their {len(images)} pictures and {classes} classes. {AGAIN}"
        )
    return labels


def _within(values: Tensor, end: int) -> bool:
    return bool(((values >= 0) & (values < end)).all())
