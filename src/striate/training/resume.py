"""Going on with a run: its configuration with what may change, and its log without what will be told again."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from striate.data.records import Part, Pictures
from striate.errors import ConfigError, RunError
from striate.run import Run
from striate.settings import checked, kinds
from striate.training.checkpoints import State, newest
from striate.training.config import HARMLESS, TrainConfig


def resumed_config(run: Run, changes: Mapping[str, Any]) -> TrainConfig:
    """The configuration of `run` with `changes`. `ConfigError` lists those that would make it another training."""
    stored = checked(TrainConfig, _typed(run.settings()), where=str(run.config))
    wanted = checked(TrainConfig, {**dataclasses.asdict(stored), **changes, "data": stored.data}, where="train")
    if "data" in changes:
        wanted = dataclasses.replace(wanted, data=changes["data"])
    if wanted.processes != stored.processes and wanted.threads == stored.threads:
        wanted = dataclasses.replace(wanted, threads=0)  # they were chosen for another number of processes
    other = [f.name for f in fields(stored) if getattr(stored, f.name) != getattr(wanted, f.name)]
    if refused := [name for name in other if name not in HARMLESS]:
        diff = "; ".join(f"{name} was {getattr(stored, name)!r} and is {getattr(wanted, name)!r}" for name in refused)
        raise ConfigError(
            f"{run.folder}: cannot be resumed with another configuration: {diff}. Leave it out, or start a new run. "
            f"What may change is {', '.join(name for name in HARMLESS if name != 'run')}."
        )
    return dataclasses.replace(wanted, run=run.folder)


def checkpoint_of(run: Run) -> tuple[State, tuple[str, ...]]:
    """The newest checkpoint of `run` that is whole, and why others were refused. `RunError` where there is none."""
    found = newest(run.checkpoints)
    if found.state is None:
        why = f" Refused: {'; '.join(found.refused)}" if found.refused else ""
        raise RunError(f"{run.folder}: has no checkpoint to go on from. Train it anew with --overwrite.{why}")
    return found.state, found.refused


def same_data(run: Run, held: Mapping[str, Any], classes: tuple[str, ...], mark: str) -> None:
    """`ConfigError` with the difference where the data are not those that the checkpoint was trained on."""
    before = tuple(held["classes"])
    if before != classes:
        gone = [name for name in before if name not in classes]
        new = [name for name in classes if name not in before]
        said = [f"{word} {', '.join(map(repr, names[:5]))}" for word, names in (("gone", gone), ("new", new)) if names]
        raise ConfigError(
            f"{run.folder}: its classes are not those of the data any more: {'; '.join(said) or 'another order'}. "
            "Give the data it was trained on."
        )
    if held["data"] != mark:
        raise ConfigError(
            f"{run.folder}: the training pictures are not those it was trained on: some were added, removed, renamed "
            "or moved to another class. Give the data it was trained on, or start a new run."
        )


def not_over(run: Run, done: int, epochs: int | None) -> None:
    """`ConfigError` where `done` epochs are over, and fewer are wanted."""
    if epochs is not None and epochs < done:
        raise ConfigError(f"{run.folder}: has {done} epochs behind it already; --epochs must be at least {done}.")


def mark_of(part: Part) -> str:
    """What tells these training pictures from others: of arrays their content, of files their names; and the labels."""
    if isinstance(part, Pictures):
        return part.digest()
    digest = hashlib.sha256(part.labels.numpy().astype("<i8").data)
    for index in range(len(part)):
        digest.update(part.name(index).encode(errors="surrogateescape") + b"\0")
    return digest.hexdigest()


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    known = kinds(TrainConfig)
    return {
        k: tuple(v) if k in known and known[k].type == "shape" and isinstance(v, list) else v for k, v in values.items()
    }
