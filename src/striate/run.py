"""A run: one folder that holds all of a training, readable at any moment.

config.toml               the resolved configuration; it starts the same run again
log.jsonl                 one JSON object a line: steps, epochs, the end
model.safetensors         the weights, with the model's card in the header
model.json                the same card to read, and how long it took: network, classes, preprocessing, facts
evaluation.safetensors    the answers on the held-out pictures, and the pictures the report shows
report.html               one page
checkpoints/              where the training can go on from: the newest are kept
tensorboard/              the log once more, where it was asked for
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from striate import atomic
from striate.errors import RunError
from striate.settings import read_toml, to_toml

FILES = (
    "config.toml",
    "log.jsonl",
    "model.safetensors",
    "model.json",
    "evaluation.safetensors",
    "report.html",
    "checkpoints",
    "tensorboard",
)
LOCK = ".lock"  # there while a process writes the run


@dataclass(frozen=True)
class Run:
    """The folder of a run. `open` one that is there, `create` a new one."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def weights(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def evaluation(self) -> Path:
        return self.folder / "evaluation.safetensors"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """The run in `folder`; `RunError` where there is none."""
        path = Path(folder)
        if not path.is_dir():
            raise RunError(f"{path}: there is no such folder. Train a run first, or give the folder of one.")
        if not any((path / name).exists() for name in FILES[:3]):
            raise RunError(f"{path}: is not the folder of a run: it has neither a log.jsonl nor a model.safetensors.")
        return cls(path)

    @classmethod
    def create(cls, folder: str | Path | None, name: str, *, overwrite: bool = False) -> Run:
        """A folder for a new run: `folder`, else runs/NAME-1, -2, ... the first that is free.

        A folder that holds a run is refused unless `overwrite`; one that holds anything else is refused always.
        `RunError` where it cannot be written.
        """
        try:
            if folder is None:
                return cls(_first_free(Path("runs"), name))
            path = Path(folder)
            path.mkdir(parents=True, exist_ok=True)
            foreign = sorted(p.name for p in path.iterdir() if p.name not in FILES and not p.name.startswith("."))
            if foreign:
                raise RunError(f"{path}: holds {foreign[0]}, which is not of a run. Give an empty folder.")
            if any(p.name != LOCK for p in path.iterdir()) and not overwrite:
                raise RunError(f"{path}: holds a run already. Give another folder, or --overwrite to replace it.")
            if not os.access(path, os.W_OK | os.X_OK):
                raise RunError(f"{path}: cannot be written (permission denied). Give a folder you may write to.")
        except OSError as error:
            raise RunError(f"{folder or 'runs'}: cannot be written ({error.strerror}).") from None
        return cls(path)

    def events(self) -> Iterator[dict[str, Any]]:
        """The lines of the log; a last line that was cut short is left out."""
        try:
            lines = self.log.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        for number, line in enumerate(lines, 1):
            try:
                yield json.loads(line)
            except ValueError:
                if number < len(lines):
                    raise RunError(f"{self.log}: line {number} is not JSON. The log is damaged.") from None

    def settings(self) -> dict[str, Any]:
        """The resolved configuration as it was written. `ConfigError` where it cannot be read."""
        return read_toml(self.config)

    def write_settings(self, settings: Any) -> None:
        """Write the resolved configuration; `RunError` where that fails, with what was there kept."""
        text = to_toml(settings, comment=f"striate train --recipe {self.config} starts this run again.")
        try:
            atomic.write_text(self.config, text)
        except OSError as error:
            raise RunError(f"{self.config}: cannot be written ({error.strerror}).") from None


def _first_free(parent: Path, name: str) -> Path:
    number = 1
    while True:
        path = parent / f"{name}-{number}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if path.exists() and not path.is_dir():
                raise
            number += 1
        else:
            return path


class Log:
    """Appends events to a run's log, one whole line each, so that a reader never meets half an event.

    `keep`: the lines that stay of what is there; `kept` then says how many there were. `RunError` where that fails.
    """

    def __init__(self, path: Path, keep: int = 0):
        self._path, self.kept = path, keep
        self._file: IO[bytes] | None = None
        self._waiting = b""

    def __enter__(self) -> Log:
        try:
            lines = self._path.read_bytes().split(b"\n")[:-1] if self.kept and self._path.exists() else []
            self.kept = min(self.kept, len(lines))
            atomic.write(self._path, [line + b"\n" for line in lines[: self.kept]])
            self._file = self._path.open("ab", buffering=0)
        except OSError as error:
            raise self._cannot_write(error) from None
        return self

    def write(self, event: Mapping[str, Any]) -> None:
        """Append one event. Where the disk is full it waits for the next one, and at the end is a `RunError`."""
        self._waiting += _line(event)
        with suppress(OSError):
            self._flush()

    def _flush(self) -> None:
        assert self._file is not None
        while self._waiting:
            self._waiting = self._waiting[self._file.write(self._waiting) :]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            try:
                self._flush()
            except OSError as failed:
                if kind is None:
                    raise self._cannot_write(failed) from None
            finally:
                self._file.close()

    def _cannot_write(self, error: OSError) -> RunError:
        return RunError(f"{self._path}: cannot be written ({error.strerror}); what was there is kept.")


def _line(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, allow_nan=False).encode() + b"\n"
