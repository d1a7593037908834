"""A classifier of features as a run: the network that made them, with the classifier where its own stood."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import striate
from striate import atomic
from striate.data.picture_files import PictureFiles
from striate.errors import RunError
from striate.features.reuse import with_classifier
from striate.run import Log, Run
from striate.settings import to_toml
from striate.training.choices import slug
from striate.training.evaluation import save_evaluation
from striate.training.events import Done
from striate.training.honest import honest_facts, unknown_below
from striate.training.lock import Lock

if TYPE_CHECKING:
    from striate.features.table import Table
    from striate.model import Evaluation, Model
    from striate.verbs.classify_features import Classified, ClassifyFeaturesSettings


def keep(
    found: Classified,
    model: Model,
    table: Table,
    answers: tuple[Evaluation, Evaluation | None],
    settings: ClassifyFeaturesSettings,
    *,
    overwrite: bool,
) -> Run:
    """Write the run and give it. `answers`: of the cross-validation, and on the held-out part. Raises `RunError`."""
    facts = _facts(found, table, answers, settings)
    evaluation = answers[1] or answers[0]
    assert evaluation.index is not None
    pictures = PictureFiles(Path(), table.files, table.numbers(), model.preprocess.image).take(evaluation.index)
    made = with_classifier(model, found.fitted, facts)
    made.facts["parameters"] = sum(p.numel() for p in made.net.parameters())
    run = Run.create(settings.run, f"{found.fitted.kind}-{slug(facts['data'])}", overwrite=overwrite)
    with Lock(run.folder):
        made.save(run.folder)
        try:
            save_evaluation(run, made, replace(evaluation, index=None), pictures, None)
            comment = f"{facts['command']} makes this run again."
            atomic.write_text(run.config, to_toml(replace(settings, run=run.folder), comment=comment))
        except OSError as error:
            raise RunError(f"{run.folder}: cannot be written ({error.strerror}).") from None
        with Log(run.log) as log:
            log.write(Done(0, 0.0, evaluation.accuracy).as_json())
    return run


def _facts(
    found: Classified,
    table: Table,
    answers: tuple[Evaluation, Evaluation | None],
    settings: ClassifyFeaturesSettings,
) -> dict[str, Any]:
    """What the card of the run says. The accuracy is that on the held-out part, else of the cross-validation."""
    validated, tested = answers
    name, *digest = (table.card.data if table.card is not None else ()) or (settings.features.stem,)
    kind = found.fitted.kind
    return {
        "data": name,
        "data_sha256": digest[0] if digest else None,
        "classifier": kind,
        "strength": found.fitted.strength,
        "training_examples": found.examples,
        "cross_validated": {key: found.figures[key] for key in ("accuracy", "accuracy_interval", "ece")},
        "examples": (tested or validated).examples,
        **honest_facts(tested or validated, found.fitted.classes, None),
        "unknown_below": unknown_below(validated),
        "command": f"striate classify-features {settings.features} --kind {kind}",
        "versions": {
            "striate": striate.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }
