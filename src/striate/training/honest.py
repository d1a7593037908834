"""What a run says of itself beyond its accuracy: intervals, calibration, every class, thresholds, doubtful labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from striate.metrics.accuracy import top_k_accuracy
from striate.metrics.calibration import expected_calibration_error, temperature
from striate.metrics.confusion import confusion_matrix, most_confused
from striate.metrics.interval import wilson
from striate.metrics.per_class import class_scores
from striate.metrics.rejection import energy, rejection_threshold
from striate.metrics.thresholds import threshold_table
from striate.model import Evaluation, Model

FEWEST = 20  # pictures, below which no temperature is fitted
PAIRS = 10  # most confused ones that are told


@dataclass(frozen=True)
class Calibrated:
    """A temperature, where it comes from, and the expected calibration error before and after it."""

    temperature: float
    source: str
    before: float
    after: float


def calibrate(model: Model, tested: Evaluation, validated: Evaluation | None) -> Calibrated | None:
    """Fit the temperature of `model`, which is changed, and say what it does on `tested`, whose answers follow.

    It is fitted on `validated`. Where there is none, on the held-out pictures themselves: the error after it is then
    measured crosswise, on each half with the temperature of the other, so that no picture answers for itself. None
    where the loss is not cross-entropy, a temperature is set already, or there are too few pictures.
    """
    if model.task.kind != "cross-entropy" or model.task.temperature != 1.0 or tested.outputs is None:
        return None
    source = tested if validated is None or validated.outputs is None else validated
    if min(source.examples, tested.examples) < FEWEST or source.outputs is None:
        return None
    before = expected_calibration_error(tested.probabilities, tested.labels)
    found = temperature(source.outputs, source.labels)
    if source is tested:
        after = expected_calibration_error(_crosswise(tested.outputs, tested.labels), tested.labels)
    else:
        after = expected_calibration_error((tested.outputs / found).softmax(1), tested.labels)
    model.task = replace(model.task, temperature=found)
    where = "validation" if source is not tested else "held-out pictures, crosswise"
    return Calibrated(found, where, before, after)


def _crosswise(outputs: Tensor, labels: Tensor) -> Tensor:
    """(n, classes) probabilities of each half with the temperature that the other half gives."""
    first = torch.arange(len(labels)) % 2 == 0
    given = torch.empty_like(outputs)
    for half in (first, ~first):
        given[half] = (outputs[half] / temperature(outputs[~half], labels[~half])).softmax(1)
    return given


def described(evaluation: Evaluation, classes: Sequence[str]) -> dict[str, Any]:
    """All figures of an evaluation as plain values."""
    probabilities, labels = evaluation.probabilities, evaluation.labels
    matrix = confusion_matrix(evaluation.predicted, labels, len(classes))
    right = round(evaluation.accuracy * evaluation.examples)
    scores = class_scores(matrix)
    return {
        "accuracy": evaluation.accuracy,
        "accuracy_interval": list(wilson(right, evaluation.examples)),
        "top5": top_k_accuracy(probabilities, labels, 5),
        "ece": expected_calibration_error(probabilities, labels),
        "per_class": scores.as_json(tuple(classes)),
        "macro": asdict(scores.macro),
        "thresholds": [asdict(row) for row in threshold_table(probabilities, labels)],
        "confused": [
            {"label": classes[pair.truth], "answer": classes[pair.answer], "count": pair.count}
            for pair in most_confused(matrix, PAIRS)
        ],
    }


def answered_anew(evaluation: Evaluation, model: Model) -> Evaluation:
    """The evaluation with the probabilities that `model` gives now that its temperature is set."""
    if evaluation.outputs is None:
        return evaluation
    return replace(evaluation, probabilities=model.task.decode(evaluation.outputs))


def honest_facts(
    evaluation: Evaluation | None, classes: Sequence[str], calibrated: Calibrated | None
) -> dict[str, Any]:
    """What the card of a model holds of its evaluation."""
    if evaluation is None:
        return {}
    facts = {**described(evaluation, classes), "unknown_below": unknown_below(evaluation)}
    if calibrated is not None:
        facts |= {"calibration": asdict(calibrated), "ece": calibrated.after}
    return facts


def unknown_below(evaluation: Evaluation) -> float | None:
    """The energy below which a picture is taken for none of the classes: one in twenty held-out pictures lies there.

    None where there are too few of them to say.
    """
    if evaluation.outputs is None:
        return None
    threshold = rejection_threshold(energy(evaluation.outputs))
    return threshold if threshold > float("-inf") else None
