"""Fit a classifier to features, judge it by cross-validation, and keep it as a run.

striate classify-features features.parquet
striate classify-features features.parquet --kind nearest_neighbours --run runs/birds
"""

from __future__ import annotations

from typing import Any

from striate.cli.output import percent, remark, tell
from striate.verbs.classify_features import Classified, ClassifyFeaturesSettings, classify_features

SETTINGS = ClassifyFeaturesSettings
MOST = 12  # classes that are printed


def main(settings: ClassifyFeaturesSettings, as_json: bool) -> int:
    found = classify_features(
        settings.features,
        settings.kind,
        run=settings.run,
        overwrite=settings.overwrite,
        seed=settings.seed,
        net=settings.net,
        weights=settings.weights,
    )
    tell(found.as_json(), _text(found), as_json)
    if found.why:
        remark(f"no run is kept: {found.why}")
    return 0


def _text(found: Classified) -> str:
    lines = [f"cross-validated  {_accuracy(found.figures)} of {found.examples:,} pictures, {_folds(found)} parts"]
    if found.tested:
        lines.append(f"held out         {_accuracy(found.tested)}")
    scores = found.figures["per_class"]
    worst = sorted(scores, key=lambda each: each["recall"] if each["recall"] is not None else 1.0)[:MOST]
    lines.append(f"{'recall':>8}  {'precision':>9}  {'pictures':>8}  class{', worst first' if len(scores) > 1 else ''}")
    for each in worst:
        recall, precision = (_share(each[name]) for name in ("recall", "precision"))
        lines.append(f"{recall:>8}  {precision:>9}  {each['support']:>8}  {each['label']}")
    if len(scores) > MOST:
        lines.append(f"and {len(scores) - MOST:,} more classes")
    if found.run is not None:
        lines.append(f"run  {found.run.folder}")
    return "\n".join(lines)


def _accuracy(figures: dict[str, Any]) -> str:
    low, high = figures["accuracy_interval"]
    return f"{percent(figures['accuracy'])} (95 % interval {percent(low)} to {percent(high)})"


def _folds(found: Classified) -> int:
    return len(found.fitted.accuracies)


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)
