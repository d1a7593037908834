"""A trained network with all that is needed to use it: classes, preprocessing, and where the network came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from striate import atomic
from striate.data.classes import class_number
from striate.data.loader import Loader
from striate.data.preprocess import Preprocess
from striate.data.records import Part, Pictures
from striate.errors import ConfigError, DataError, RunError, WeightsError
from striate.explain.features import classifier_input, layer_output
from striate.explain.grades import Grade, grades
from striate.explain.methods import Maps, explained
from striate.metrics.accuracy import accuracy
from striate.networks import Net, Reference, build, rebuild, refer, with_head
from striate.pretrained import trained
from striate.registry import nearest
from striate.rows import Shape
from striate.tasks.classify import Classify
from striate.weights.files import load_tensors, save_tensors
from striate.weights.match import Report
from striate.zoo import networks

PICTURES_AT_ONCE = 500  # keeps the peak memory of evaluating small pictures under 200 MB
PIXELS_AT_ONCE = 2**20  # the same for large ones
NOT_AGAIN = ("seconds",)  # facts that differ each time: in model.json only, so that equal trainings leave equal files


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
    """The answers on labelled pictures. `probabilities`: (n, classes); `labels`: (n,).

    `unreadable`: the reason by file, of those that are left out; `index`: (n,) the positions of the others, None: all.
    `outputs`: (n, classes) what the probabilities were made of.
    """

    probabilities: Tensor
    labels: Tensor
    unreadable: dict[str, str] = field(default_factory=dict)
    index: Tensor | None = None
    outputs: Tensor | None = None

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

    report: Report | None = None  # how the weights of a file came into the network; None for a run

    @torch.inference_mode()
    def probabilities(self, images: Tensor) -> Tensor:
        """(n, classes) probabilities for (n, c, h, w) uint8 pictures of any one size, in float32."""
        return self.task.decode(self.outputs(images))

    @torch.inference_mode()
    def outputs(self, images: Tensor) -> Tensor:
        """(n, classes) what the network itself gives for (n, c, h, w) uint8 pictures, in float32, on the CPU."""
        parts = [self.net(batch).float().cpu() for batch in self._batches(images)]
        return torch.cat(parts) if parts else torch.empty(0, len(self.classes))

    def features(self, images: Tensor, layer: str | None = None) -> Tensor:
        """What a layer makes of (n, c, h, w) uint8 pictures of any one size, n at least 1: (n, ...), on the CPU.

        `layer`: its name, as `striate show` prints it; `UnknownName` offers the nearest. None: what the classifier is
        given, which is (n, features) where nothing of the picture's height and width is left.
        """
        parts = []
        for batch in self._batches(images):
            if layer is None:
                parts.append(classifier_input(self.net, batch, len(self.classes)).cpu())
            else:
                parts.append(layer_output(self.net, batch, layer).cpu())
        return torch.cat(parts)

    def _batches(self, images: Tensor) -> Iterator[Tensor]:
        """Some pictures at a time as the network takes them, on its device; it is set to answer, not to learn."""
        self.net.eval()
        device = next((p.device for p in self.net.parameters()), torch.device("cpu"))
        pixels = self.preprocess.pixels(images)
        for part in pixels.split(self._at_once()):
            if len(part):
                yield self.preprocess.normalise(part).to(device)

    def _at_once(self) -> int:
        """Pictures that are shown to the network together."""
        return max(1, min(PICTURES_AT_ONCE, PIXELS_AT_ONCE // (self.preprocess.image[1] * self.preprocess.image[2])))

    def evaluate(self, pictures: Part, *, workers: int = 0, loader: Loader | None = None) -> Evaluation:
        """The answers on `pictures`, whose labels count this model's classes; unreadable ones are left out.

        `loader`: an open one of `pictures` and this preprocessing, which stays open; else one with so many `workers`.
        `DataError` where all are.
        """
        if isinstance(pictures, Pictures):
            given = self.outputs(pictures.images)
            return Evaluation(self.task.decode(given), pictures.labels, outputs=given)
        outputs, index = [torch.empty(0, len(self.classes))], [torch.empty(0, dtype=torch.int64)]
        with (
            Loader(pictures, self.preprocess, workers=workers, memory=0) if loader is None else nullcontext(loader)
        ) as loader:
            for batch in loader.batches(torch.arange(len(pictures)).split(self._at_once())):
                if len(batch.labels):
                    outputs.append(self.outputs(batch.pixels))
                    index.append(batch.index)
            unreadable = {pictures.name(i): why for i, why in loader.unreadable.items()}
        positions, given = torch.cat(index), torch.cat(outputs)
        if not len(positions):
            first = next(iter(unreadable.values()), "there are none.")
            raise DataError(f"none of {len(pictures):,} pictures can be read; the first: {first}")
        return Evaluation(self.task.decode(given), pictures.labels[positions], unreadable, positions, given)

    def predict(self, files: Sequence[str | Path]) -> list[Prediction]:
        """The answer for each picture file; `DataError` names a file that cannot be read."""
        answers = []
        for file in files:
            answers += self.answers([str(file)], self.outputs(self.preprocess.open(Path(file))[None]))
        return answers

    def answers(self, files: Sequence[str], outputs: Tensor) -> list[Prediction]:
        """What `outputs` (n, classes) of the network say of the pictures in `files`."""
        best = self.task.decode(outputs).topk(min(5, len(self.classes)))
        tops = (
            tuple((self.classes[i], p) for p, i in zip(values, places, strict=True))
            for values, places in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        )
        return [Prediction(file, *top[0], top) for file, top in zip(files, tops, strict=True)]

    def explain(
        self,
        pictures: Sequence[str | Path] | Tensor,
        method: str = "grad_cam",
        *,
        target: str | None = None,
        layer: str | None = None,
    ) -> tuple[Maps, list[Grade]]:
        """What in each picture speaks for the class `target`, or for the answer, and what each of these maps is worth.

        `pictures`: files, or (n, c, h, w) uint8. The maps are (n, h, w), of the network's input;
        `striate.data.placement` lays them on pictures of other sizes. Raises as `striate.explain.methods.explained`.
        """
        if not isinstance(pictures, Tensor):
            pictures = torch.stack([self.preprocess.open(Path(file)) for file in pictures])
        ready = self.preprocess.normalise(self.preprocess.pixels(pictures))
        wanted = None if target is None else torch.full((len(ready),), class_number(target, self.classes))
        found = explained(self.net, ready, wanted, method, layer)
        return found, grades(self.net, ready, found)

    def save(self, folder: Path) -> None:
        """Write model.safetensors and model.json into `folder`, each whole or not at all."""
        card = {
            "network": {k: v for k, v in asdict(self.reference).items() if v},
            "image": list(self.preprocess.image),
            "classes": list(self.classes),
            "task": self.task.name,
            **self.task.as_json(),
            "preprocess": self.preprocess.as_json(),
            "facts": self.facts,
        }
        weights = folder / "model.safetensors"
        again = {name: fact for name, fact in self.facts.items() if name not in NOT_AGAIN}
        try:
            sha256 = save_tensors(weights, self.net.state_dict(), {**card, "facts": again})
            atomic.write_text(folder / "model.json", json.dumps({**card, "sha256": sha256}, indent=2) + "\n")
        except OSError as error:
            why = f"{weights}: the model cannot be saved ({error.strerror}); what was there is kept."
            raise RunError(why) from None


def load(
    source: str | Path | Net,
    weights: str | Path | None = None,
    *,
    classes: int | None = None,
    image: Shape | None = None,
    net: Net | None = None,
) -> Model:
    """The model of a run folder or a model.safetensors file, or a network with trained weights.

    `source`: where the run is, or a network as `striate.build` takes it. `weights`: a file of any common kind, the
    folder of a run, or the name of public weights; "imagenet" is meant where a network of the zoo is named without any.
    `classes`, `image`: where the network is to have others than its weights: all weights that fit are kept, and
    `report` says which do not. `net`: needed only where the network of a run is Python code, which no file may start.

    Raises `RunError`, `WeightsError`, `UnknownName`, `ConfigError`.

    >>> load("resnet50", weights="imagenet_v3")
    Traceback (most recent call last):
    ...
    striate.errors.WeightsError: resnet50: there are no weights called 'imagenet_v3'. There are imagenet, imagenet_v2.
    """
    wanted = str(source) if isinstance(source, Path) else source
    if weights is not None and Path(weights).is_dir():
        return load(weights, classes=classes, image=image, net=wanted)
    if not isinstance(wanted, str) or weights is not None or (net is None and _is_network(wanted)):
        made = trained(wanted, weights, classes=classes, image=image)
        return Model(made.net, made.classes, made.preprocess, made.reference, made.facts, report=made.report)
    if classes is not None or image is not None:
        raise ConfigError(f"{wanted}: a run has its own classes and image. Leave both out, or give weights=.")
    path = Path(wanted)
    file = path / "model.safetensors" if path.is_dir() else path
    if not file.exists():
        close = nearest(wanted, list(networks), 1) if path.name == wanted else []
        hint = f", or the name of a network. Did you mean {close[0]}?" if close else "."
        raise RunError(f"{file}: there is no such file. Give the folder of a finished run{hint}")
    tensors, card = load_tensors(file)
    try:
        described = card["network"]
        reference = Reference(
            described["kind"], described["text"], described.get("letters", {}), described.get("head", {})
        )
        names = tuple(str(name) for name in card["classes"])
        preprocess, task = Preprocess.from_json(card["preprocess"]), Classify.from_json(card)
        facts = dict(card["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{file}: its card is incomplete ({error}). It was not written by Striate.") from None
    with torch.device("meta"):
        module = rebuild(reference, preprocess.image, len(names)) if net is None else None
    if module is None:
        assert net is not None
        module = with_head(build(net, preprocess.image, len(names)), reference, len(names))
        reference = replace(refer(net), head=reference.head)
    try:
        module.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        first = str(error).strip().splitlines()[1 if "\n" in str(error) else 0].strip()
        raise WeightsError(f"{file}: the weights do not fit {reference.text}: {first}") from None
    return Model(module.eval(), names, preprocess, reference, facts, task)


def _is_network(text: str) -> bool:
    """Whether a network of the zoo is meant: a file or folder of that name comes first."""
    return not Path(text).exists() and text in networks
