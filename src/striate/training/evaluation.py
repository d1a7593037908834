"""What is kept of the answers on held-out pictures: for the log, the card, and the report."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.data.preprocess import Preprocess
from striate.data.records import Part, Pictures
from striate.errors import DataError
from striate.metrics.suspicious import suspicious_labels
from striate.model import Evaluation, Model
from striate.run import Run
from striate.weights.files import save_tensors

WORST, SUSPICIOUS, SAMPLES = 24, 12, 9  # pictures kept for the report


def true_loss(evaluation: Evaluation) -> float:
    """Mean cross-entropy of the true classes, without label smoothing."""
    return -float(true_probability(evaluation).clamp_min(1e-12).log().mean())


def true_probability(evaluation: Evaluation) -> Tensor:
    """(n,) the probability given to the true class."""
    return evaluation.probabilities.gather(1, evaluation.labels[:, None])[:, 0]


def first_kernels(net: nn.Module) -> Tensor | None:
    """A copy of the weights of the first convolution, or None."""
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    first = next((m for m in net.modules() if isinstance(m, kinds)), None)
    return None if first is None else first.weight.detach().clone()


def save_evaluation(run: Run, model: Model, evaluation: Evaluation | None, shown: Part, kernels: Tensor | None) -> None:
    """Write what the report shows: answers, worst mistakes, doubtful labels, pictures to look through the network."""
    spread = torch.linspace(0, len(shown) - 1, min(SAMPLES, len(shown))).long()
    sample, found = seen(shown, spread, model.preprocess)
    tensors: dict[str, Tensor] = {"sample_images": sample, "sample_labels": shown.labels[found]}
    if kernels is not None:
        tensors["initial_kernels"] = kernels
    names: list[str] = []
    if evaluation is not None:
        truth = true_probability(evaluation)
        wrong = (evaluation.predicted != evaluation.labels).nonzero()[:, 0]
        worst = wrong[truth[wrong].argsort()[:WORST]]
        places = _positions(evaluation, worst)
        images, there = seen(shown, places, model.preprocess)
        worst = worst[torch.isin(places, there)]  # a file may have vanished since
        tensors |= {
            "labels": evaluation.labels,
            "predicted": evaluation.predicted,
            "probability": evaluation.probabilities.max(1).values,
            "true_probability": truth,
            "worst_index": worst,
            "worst_images": images,
        }
        if evaluation.outputs is not None and model.task.temperature != 1:
            tensors["plain_probability"] = evaluation.outputs.softmax(1).max(1).values
        more, names = suspicious(model, evaluation, shown)
        tensors |= more
    save_tensors(run.evaluation, tensors, {"classes": list(model.classes), "suspicious_names": names})


def suspicious(model: Model, evaluation: Evaluation, shown: Part) -> tuple[dict[str, Tensor], list[str]]:
    """The labels that the network doubts most, as tensors, and the names of their pictures."""
    found = [one for one in suspicious_labels(evaluation.probabilities, evaluation.labels) if one.probability > one.own]
    found = found[:SUSPICIOUS]
    places = _positions(evaluation, torch.tensor([one.picture for one in found], dtype=torch.int64))
    images, there = seen(shown, places, model.preprocess)
    found = [one for one, place in zip(found, places.tolist(), strict=True) if place in set(there.tolist())]
    tensors = {
        "suspicious_index": torch.tensor([one.picture for one in found], dtype=torch.int64),
        "suspicious_suggestion": torch.tensor([one.suggestion for one in found], dtype=torch.int64),
        "suspicious_own": torch.tensor([one.own for one in found], dtype=torch.float32),
        "suspicious_probability": torch.tensor([one.probability for one in found], dtype=torch.float32),
        "suspicious_images": images,
    }
    return tensors, [shown.name(place) for place in there.tolist()]


def _positions(evaluation: Evaluation, index: Tensor) -> Tensor:
    """Where the answers at `index` stand in the part that was shown."""
    return index if evaluation.index is None else evaluation.index[index]


def seen(part: Part, positions: Tensor, preprocess: Preprocess) -> tuple[Tensor, Tensor]:
    """(m, c, h, w) uint8, (m,): some pictures and where they stand; files as the network sees them, if readable."""
    if isinstance(part, Pictures):
        return part.images[positions], positions
    images, found = [torch.empty(0, *preprocess.image, dtype=torch.uint8)], []
    for position in positions.tolist():
        try:
            images.append(part.pixels(position, preprocess)[None])
        except DataError:  # it was told already
            continue
        found.append(position)
    return torch.cat(images), torch.tensor(found, dtype=torch.int64)
