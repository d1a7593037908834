"""The checkpoints of a training: RUN/checkpoints/step-000001234.safetensors, and its manifest beside it to read.

A checkpoint is one file, so that one rename commits all of it: tensors, and in the header the manifest (schema, step,
values, SHA-256). The file is whole, compared with memory and on the disk before it gets its name, and only then are
older ones removed. step-000001234.json is a copy of the manifest for people; nothing depends on it.

One thread of one process saves into a folder at a time: it holds the run's lock.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from striate import atomic
from striate.analysis.grid import as_bytes
from striate.data.files import file_bytes
from striate.errors import DataError, RunError, WeightsError
from striate.weights.files import NewerSchema, load_tensors, save_tensors

SCHEMA = 1  # of the manifest; the file around it counts its own
FILE = re.compile(r"step-(\d{9}|[1-9]\d{9,17})\.(safetensors|json)")


class CheckpointError(RunError):
    """A checkpoint could not be saved; those before it are as they were.

    `needed`, `free`: bytes of the checkpoint and of the disk, None where the disk does not say.
    """

    def __init__(self, path: Path, why: str, needed: int, free: int | None):
        room = f"it needs {as_bytes(needed)}, {'?' if free is None else as_bytes(free)} are free"
        super().__init__(f"{path}: cannot be saved ({why}): {room}. The checkpoints before it are kept.")
        self.path, self.needed, self.free = path, needed, free


@dataclass(frozen=True, eq=False)
class State:
    """All that decides the future of a training after `step` steps; `flatten` and `unflatten` make the two parts."""

    step: int
    tensors: Mapping[str, Tensor]
    values: Any  # what JSON can hold


@dataclass(frozen=True)
class Found:
    """The newest checkpoint that is whole, if there is one; a sentence for each file that was refused before it."""

    state: State | None
    refused: tuple[str, ...]


def path_of(folder: Path, step: int) -> Path:
    """Where the checkpoint of `step` lies."""
    return folder / f"step-{step:09d}.safetensors"


def save(folder: Path, state: State, *, keep: int = 2) -> Path:
    """Save `state` in `folder`, which is made if need be; then only the newest `keep` checkpoints are left.

    Raises `CheckpointError` where the disk is full, cannot be written or fails; all checkpoints before are then there
    still. Those of later steps are removed: they are of a course that was given up for this one.
    """
    if state.step < 0 or keep < 1:
        raise ValueError(f"step {state.step}, keep {keep}: a step is at least 0, and one checkpoint at least is kept")
    path = path_of(folder, state.step)
    manifest = {"checkpoint": SCHEMA, "step": state.step, "values": state.values}
    json.dumps(manifest, allow_nan=False)  # a mistake of the caller's is found before anything is written
    try:
        _make(folder)
        atomic.sweep(folder, FILE.pattern)
        sha256 = save_tensors(path, state.tensors, manifest)
        atomic.write_text(path.with_suffix(".json"), _readable(manifest, sha256))
        kept = [step for step in _steps(folder) if step <= state.step][:keep]
        _remove(folder, kept)
    except OSError as error:
        needed = sum(tensor.nbytes for tensor in state.tensors.values())
        raise CheckpointError(path, _why(error), needed, _free(folder)) from None
    return path


def newest(folder: Path) -> Found:
    """The newest checkpoint in `folder` that is whole, by the number in its name; nothing is changed there.

    Raises `RunError` where the folder cannot be read, or where a newer Striate wrote the newest one: to go on from an
    older one would throw away its work.
    """
    refused = []
    try:
        steps = _steps(folder)
    except OSError as error:
        raise RunError(f"{folder}: cannot be read ({error.strerror}).") from None
    for step in steps:
        path = path_of(folder, step)
        try:
            tensors, card = load_tensors(path)
            values = _checked(path, card, step)
        except NewerSchema as error:
            raise RunError(str(error)) from None
        except WeightsError as error:
            refused.append(str(error))
            continue
        refused += _strange_copy(path, card)
        return Found(State(step, tensors, values), tuple(refused))
    return Found(None, tuple(refused))


def clear(folder: Path) -> None:
    """Remove all checkpoints of a run that is to be overwritten; `RunError` where that fails. Hold the run's lock."""
    try:
        atomic.sweep(folder, FILE.pattern)
        _remove(folder, [])
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(f"{folder}: its checkpoints cannot be removed ({error.strerror}).") from None


def _make(folder: Path) -> None:
    """Make `folder` and have its name on the disk."""
    with suppress(FileExistsError):
        atomic.uninterrupted(os.mkdir, folder)
        atomic.sync(folder.parent)


def _steps(folder: Path) -> list[int]:
    """The steps of the checkpoints in `folder`, the last first; nothing is read."""
    try:
        names = atomic.uninterrupted(os.listdir, folder)
    except FileNotFoundError:
        return []
    found = (FILE.fullmatch(name) for name in names)
    return sorted((int(match[1]) for match in found if match and match[2] == "safetensors"), reverse=True)


def _remove(folder: Path, kept: list[int]) -> None:
    """Remove the checkpoints of all steps but `kept`, and copies of manifests that were left alone."""
    stems = {path_of(folder, step).stem for step in kept}
    for name in sorted(atomic.uninterrupted(os.listdir, folder)):
        if FILE.fullmatch(name) and Path(name).stem not in stems:
            with suppress(FileNotFoundError):
                atomic.uninterrupted(os.unlink, folder / name)


def _checked(path: Path, card: Mapping[str, Any], step: int) -> Any:
    """The values of a card that is a manifest of `step`."""
    version = card.get("checkpoint")
    if type(version) is not int or "values" not in card:
        raise WeightsError(f"{path}: holds no checkpoint of a training.")
    if version > SCHEMA:
        raise NewerSchema(
            f"{path}: was written by a newer Striate (checkpoint schema {version}, this one reads {SCHEMA}). Update it."
        )
    if card.get("step") != step:
        raise WeightsError(f"{path}: holds step {card.get('step')!r}, which is not the one in its name.")
    return card["values"]


def _readable(manifest: Mapping[str, Any], sha256: str) -> str:
    """The copy of the manifest for people."""
    return json.dumps({**manifest, "sha256": sha256}, indent=1) + "\n"


def _strange_copy(path: Path, card: Mapping[str, Any]) -> list[str]:
    """A sentence where the copy of the manifest says something else; none where there is no copy."""
    copy = path.with_suffix(".json")
    meant = _readable({key: card[key] for key in ("checkpoint", "step", "values")}, card["sha256"]).encode()
    if not copy.exists():  # the power may have gone after the commit
        return []
    try:
        same = file_bytes(copy, most=len(meant)) == meant
    except DataError:
        same = False
    return [] if same else [f"{copy}: is damaged. It is only a copy to read; {path.name} is whole and was used."]


def _why(error: OSError) -> str:
    if error.errno == errno.EFBIG:
        return "larger than this process may write, see `ulimit -f`"
    return error.strerror or str(error)


def _free(folder: Path) -> int | None:
    for place in (folder, folder.parent):
        with suppress(OSError):
            return shutil.disk_usage(place).free
    return None
