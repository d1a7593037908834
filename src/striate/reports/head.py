"""The top of the page: how good the network is, and the few numbers that people ask for first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from striate.analysis.result import Analysis
from striate.metrics.interval import wilson
from striate.reports.record import Record
from striate.reports.words import count, digits_for, duration, large, percent, plain

TOLD = {  # facts that the page has said elsewhere
    *("parameters", "multiply_adds", "accuracy", "accuracy_interval", "examples"),
    *("training_examples", "seconds", "stopped", "versions"),
    *("top5", "ece", "per_class", "macro", "thresholds", "confused", "calibration", "unknown_below"),
}


@dataclass(frozen=True)
class Head:
    """`accuracy` is empty where nothing was held out. `sums`: (number, what it counts); `warning`: or empty."""

    said: str
    accuracy: str
    interval: str
    examples: str
    sums: tuple[tuple[str, str], ...]
    warning: str


def head(record: Record, analysis: Analysis) -> Head:
    """The first words and numbers."""
    facts, answers, epochs = record.facts, record.answers, len(record.epochs)
    accuracy = interval = examples = ""
    sums: list[tuple[str, str]] = []
    said = "No pictures were held out, so nobody knows yet how good it is on new ones."
    if answers is not None:
        number = len(answers.labels)
        right, digits = int((answers.predicted == answers.labels).sum()), digits_for(number)
        low, high = wilson(right, number)
        accuracy, examples = percent(right / number, digits if right < number else 0), count(number)
        interval = f"{low * 100:.{digits}f} to {percent(high, digits if high < 1 else 0)}"
        said = f"Of {examples} pictures that it had never seen, it got {accuracy} right."
        sums.append((count(number - right), f"mistakes in {examples}"))
    if isinstance(seconds := facts.get("seconds"), int | float):
        sums.append((duration(seconds), "of training" + (f", {_epochs(epochs)}" if epochs else "")))
    sums.append((large(analysis.parameters), "parameters"))
    sums.append((large(analysis.multiply_adds), "multiply-adds a picture"))
    when = f"after {_epochs(epochs)}" if epochs else "before its first epoch was over"
    if device := _device(facts):
        sums.append(device)
    return Head(
        said=" ".join(part for part in (said, _source(facts)) if part),
        accuracy=accuracy,
        interval=interval,
        examples=examples,
        sums=tuple(sums),
        warning="" if record.finished else f"It ended {when}; the page shows what was saved by then.",
    )


def details(record: Record) -> tuple[tuple[str, str], ...]:
    """The list at the end: facts that have no place of their own, versions, the hash of the weights."""
    versions = record.facts.get("versions")
    said = {key: value for key, value in record.facts.items() if key not in TOLD and value is not None}
    said |= versions if isinstance(versions, dict) else {}
    if record.sha256:
        said["sha256 of the weights"] = record.sha256
    return tuple((str(key).replace("_", " "), _plainly(value)) for key, value in said.items())


def _plainly(value: Any) -> str:
    """A fact as people write it, with the facts that it is made of, if it is."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plainly(part)}" for key, part in value.items() if key != "event")
    if isinstance(value, list):
        return "; ".join(map(_plainly, value))
    return plain(value) if isinstance(value, float) else str(value)


def _epochs(number: int) -> str:
    return f"{count(number)} epoch{'' if number == 1 else 's'}"


def _source(facts: dict[str, Any]) -> str:
    pictures, data = facts.get("training_examples"), facts.get("data")
    if not isinstance(pictures, int):
        return ""
    return f"It learned from {count(pictures)} pictures{f' of {data}' if data else ''}."


def _device(facts: dict[str, Any]) -> tuple[str, str] | None:
    precision, device, threads = (facts.get(key) for key in ("precision", "device", "threads"))
    if not precision or not device:
        return (str(precision or device), "") if precision or device else None
    return str(precision), f"on {device}" + (f", {threads} thread{'' if threads == 1 else 's'}" if threads else "")
