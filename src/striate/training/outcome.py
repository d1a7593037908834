"""What a training came to: the facts on the model's card, and the files that the run keeps of it."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import striate
from striate.errors import RunError
from striate.metrics.calibration import expected_calibration_error
from striate.model import Evaluation
from striate.run import Run
from striate.training.evaluation import save_evaluation
from striate.training.head import evaluate
from striate.training.honest import Calibrated, honest_facts
from striate.training.machine import processor_of
from striate.training.prepare import Prepared
from striate.training.regimes import from_scratch


@dataclass(frozen=True)
class Outcome:
    """The answers on held-out pictures, how they are calibrated, and what it took. `seconds` of training alone."""

    evaluation: Evaluation | None
    calibrated: Calibrated | None
    loss: float
    unreadable: int
    seconds: float
    steps: int
    stopped: bool = False


def fitted_outcome(prepared: Prepared) -> Outcome:
    """The outcome of a training whose classifier was fitted when it was prepared: the held-out pictures are answered.

    The temperature is of the cross-validation, so that the error before and after it is measured on all of them.
    """
    begun, start = time.perf_counter(), prepared.start
    assert start is not None
    assert start.head is not None
    assert start.features is not None
    head, held_out = start.head, prepared.dataset.held_out
    if held_out is None:
        return Outcome(None, None, head.loss, len(head.unreadable), head.seconds, 0)
    evaluation = evaluate(start.features, held_out, head.fitted)
    assert evaluation.outputs is not None
    errors = [
        expected_calibration_error(some, evaluation.labels)
        for some in (evaluation.outputs.softmax(1), evaluation.probabilities)
    ]
    calibrated = Calibrated(head.fitted.temperature, "cross-validation of the training pictures", errors[0], errors[1])
    bad = len(head.unreadable) + len(evaluation.unreadable)
    seconds = head.seconds + time.perf_counter() - begun
    return Outcome(evaluation, calibrated, head.loss, bad, seconds, 0)


def keep(run: Run, prepared: Prepared, outcome: Outcome, kernels: Tensor | None) -> None:
    """Write the model with its card, and what the report shows. `kernels`: the first ones, before the training."""
    model, dataset = prepared.model, prepared.dataset
    model.facts = facts_of(prepared, outcome)
    model.facts |= honest_facts(outcome.evaluation, model.classes, outcome.calibrated)
    model.save(run.folder)
    shown = dataset.held_out if dataset.held_out is not None else prepared.train
    try:
        save_evaluation(run, model, outcome.evaluation, shown, kernels)
    except OSError as error:
        raise RunError(f"{run.evaluation}: cannot be saved ({error.strerror}).") from None


def facts_of(prepared: Prepared, outcome: Outcome) -> dict[str, Any]:
    """What the model's card says of the training."""
    config, dataset, evaluation, start = prepared.config, prepared.dataset, outcome.evaluation, prepared.start
    choice = from_scratch(config) if start is None else start
    return {
        "parameters": prepared.known.parameters,
        "data": dataset.name,
        "data_sha256": prepared.given.fingerprint(),  # evaluate knows the training data again by it
        **({"group": config.group} if config.group else {}),  # and splits them again by that
        "training_examples": len(prepared.train),
        "examples": 0 if evaluation is None else evaluation.examples,
        "accuracy": None,  # these two are among the honest facts where pictures were held out
        "accuracy_interval": None,
        "regime": choice.regime,
        "reason": choice.reason,
        **({} if start is None else start.facts()),
        "loss": outcome.loss,
        "unreadable": outcome.unreadable,
        "seconds": round(outcome.seconds, 3),
        "steps": outcome.steps,
        "epochs": config.epochs,
        "stopped": outcome.stopped,
        "seed": config.seed,
        "device": config.device,
        "precision": config.precision,
        "threads": config.threads,
        "processor": processor_of(prepared.machine.device),
        "versions": {
            "striate": striate.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }
