"""Tell how often a trained model is right on labelled pictures."""

from __future__ import annotations

from striate.cli.output import percent, remark, tell
from striate.verbs.evaluate import EvaluateSettings, evaluate

SETTINGS = EvaluateSettings


def main(settings: EvaluateSettings, as_json: bool) -> int:
    found = evaluate(settings.run, settings.data, net=settings.net, data_dir=settings.data_dir, format=settings.format)
    if found.classes:
        remark(found.classes)
    for reason in found.unreadable.values():
        remark(f"left out: {reason}")
    low, high = found.interval
    text = (
        f"accuracy  {percent(found.accuracy)} on {found.examples:,} pictures "
        f"(95 % interval {percent(low)} to {percent(high)})"
    )
    tell(found.as_json(), text, as_json)
    return 0
