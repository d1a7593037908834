"""A trained network with all that is needed to use it: classes, preprocessing, and where the network came from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from striate import atomic
from striate.data.preprocess import Preprocess
from striate.data.records import Pictures
from striate.errors import RunError, WeightsError
from striate.metrics.accuracy import accuracy
from striate.networks import Net, Reference, build, rebuild, refer
from striate.tasks.classify import Classify
from striate.weights.files import load_tensors, save_tensors

PICTURES_AT_ONCE = 500  # keeps the peak memory of evaluating small pictures under 200 MB


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture. `top`: (label, probability), the most probable first, five at most."""

    file: str
    label: str
    probability: float
    top: tuple[tuple[str, float], ...]

    def as_json(self) -> dict[str, Any]:
        top = [{"label": label, "probability": probability} for label, probability in self.top]
        return {"file": self.file, "label": self.label, "probability": self.probability, "top": top}


@dataclass(frozen=True)
class Evaluation:
    """The answers on labelled pictures. `probabilities`: (n, classes); `labels`: (n,)."""

    probabilities: Tensor
    labels: Tensor

    @property
    def predicted(self) -> Tensor:
        """(n,) the most probable class."""
        return self.probabilities.argmax(1)

    @property
    def accuracy(self) -> float:
        """Share of pictures whose most probable class is right, 0..1."""
        return accuracy(self.probabilities, self.labels)

    @property
    def examples(self) -> int:
        return len(self.labels)


@dataclass
class Model:
    """`net` is a plain torch module that anyone may take and use; the rest says how to feed it and read its answers."""

    net: nn.Module
    classes: tuple[str, ...]
    preprocess: Preprocess
    reference: Reference
    facts: dict[str, Any] = field(default_factory=dict)
    task: Classify = field(default_factory=Classify)

    @torch.inference_mode()
    def probabilities(self, images: Tensor) -> Tensor:
        """(n, classes) probabilities for (n, c, h, w) uint8 pictures of any one size, in float32."""
        self.net.eval()
        device = next((p.device for p in self.net.parameters()), torch.device("cpu"))
        pixels = self.preprocess.pixels(images)
        parts = [
            self.task.decode(self.net(self.preprocess.normalise(part).to(device))).cpu()
            for part in pixels.split(PICTURES_AT_ONCE)
        ]
        return torch.cat(parts) if parts else torch.empty(0, len(self.classes))

    def evaluate(self, pictures: Pictures) -> Evaluation:
        """The answers on `pictures`, whose labels count this model's classes."""
        return Evaluation(self.probabilities(pictures.images), pictures.labels)

    def predict(self, files: Sequence[str | Path]) -> list[Prediction]:
        """The answer for each picture file; `DataError` names a file that cannot be read."""
        answers = []
        for file in files:
            probabilities = self.probabilities(self.preprocess.open(Path(file))[None])[0]
            best = probabilities.topk(min(5, len(self.classes)))
            top = tuple((self.classes[i], p) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True))
            answers.append(Prediction(str(file), top[0][0], top[0][1], top))
        return answers

    def save(self, folder: Path) -> None:
        """Write model.safetensors and model.json into `folder`, each whole or not at all."""
        card = {
            "network": {k: v for k, v in asdict(self.reference).items() if v},
            "image": list(self.preprocess.image),
            "classes": list(self.classes),
            "task": self.task.name,
            "preprocess": self.preprocess.as_json(),
            "facts": self.facts,
        }
        weights = folder / "model.safetensors"
        try:
            sha256 = save_tensors(weights, self.net.state_dict(), card)
            atomic.write_text(folder / "model.json", json.dumps({**card, "sha256": sha256}, indent=2) + "\n")
        except OSError as error:
            why = f"{weights}: the model cannot be saved ({error.strerror}); what was there is kept."
            raise RunError(why) from None


def load(path: str | Path, *, net: Net | None = None) -> Model:
    """The model of a run folder or of a model.safetensors file.

    `net` is needed only where the model's network is Python code, which no file may start.
    """
    given = Path(path)
    file = given / "model.safetensors" if given.is_dir() else given
    if not file.exists():
        raise RunError(f"{file}: there is no such file. Give the folder of a finished run.")
    tensors, card = load_tensors(file)
    try:
        described = card["network"]
        reference = Reference(described["kind"], described["text"], described.get("letters", {}))
        classes = tuple(str(name) for name in card["classes"])
        preprocess = Preprocess.from_json(card["preprocess"])
        facts = dict(card["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{file}: its card is incomplete ({error}). It was not written by Striate.") from None
    with torch.device("meta"):
        module = rebuild(reference, preprocess.image, len(classes)) if net is None else None
    if module is None:
        assert net is not None
        module, reference = build(net, preprocess.image, len(classes)), refer(net)
    try:
        module.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        first = str(error).strip().splitlines()[1 if "\n" in str(error) else 0].strip()
        raise WeightsError(f"{file}: the weights do not fit {reference.text}: {first}") from None
    return Model(module.eval(), classes, preprocess, reference, facts)
