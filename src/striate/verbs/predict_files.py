"""Answers as a file: .csv, .json, .jsonl or .parquet, written as they come, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from striate import atomic
from striate.data.files import as_text
from striate.errors import ConfigError

if TYPE_CHECKING:
    from striate.model import Prediction
    from striate.verbs.predict import Unreadable

    Answer = Prediction | Unreadable

BEST = 5  # answers a picture
COLUMNS = (
    "file", "label", "probability",
    *(f"{what}_{place}" for place in range(1, BEST + 1) for what in ("label", "probability")),
    "reason",
)  # fmt: skip
PIECE = 2**16  # characters that are written at once
ROWS = 8192  # of a group in Parquet


class Writer(Protocol):
    def add(self, answer: Answer) -> None: ...

    def close(self) -> None: ...


def ending(path: Path) -> str:
    """The ending of a file of answers. `ConfigError` for one that is unknown or needs a package that is missing."""
    kind = path.suffix.lower()
    if kind not in WRITERS:
        raise ConfigError(f"{path}: answers are written as {', '.join(WRITERS)}. Give the file one of these endings.")
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder. Give the file of answers another name.")
    if kind == ".parquet":
        from striate.features.extras import optional

        optional("pyarrow.parquet", "parquet")
    return kind


@contextmanager
def writing(path: Path) -> Iterator[Callable[[Answer], None]]:
    """What takes one answer after the other; when the block ends, all of them are in `path`. Raises `ConfigError`."""
    kind = ending(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.sweep(path.parent, re.escape(path.name))  # of processes that were killed
        with atomic.replacing(path) as handle:
            writer = WRITERS[kind](handle)
            try:
                yield writer.add
            finally:
                writer.close()
    except BrokenPipeError:  # of standard output
        raise
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}). Give another --output.") from None


def said(answer: Answer) -> dict[str, Any]:
    """The answer as plain values, its file as text, whatever bytes the name is made of: many readers of JSON refuse a
    whole file for one name that is no text."""
    return answer.as_json() | {"file": as_text(answer.file)}


def row(answer: Answer) -> dict[str, Any]:
    """The columns of a table; None where there is nothing."""
    given = said(answer)
    found = dict.fromkeys(COLUMNS) | {name: given.get(name) for name in ("file", "label", "probability", "reason")}
    for place, best in enumerate(given["top"], 1):
        found |= {f"label_{place}": best["label"], f"probability_{place}": best["probability"]}
    return found


class Text:
    """Lines of text, a piece at a time."""

    def __init__(self, handle: int):
        self._handle, self._waiting = handle, io.StringIO(newline="")

    def write(self, text: str) -> None:
        self._waiting.write(text)
        if self._waiting.tell() > PIECE:
            self.flush()

    def flush(self) -> None:
        atomic.put(self._handle, self._waiting.getvalue().encode())
        self._waiting = io.StringIO(newline="")


class Csv:
    """One line a picture, with a header."""

    def __init__(self, handle: int):
        self._text = Text(handle)
        self._rows = csv.DictWriter(self._text, COLUMNS, lineterminator="\n")
        self._rows.writeheader()

    def add(self, answer: Answer) -> None:
        self._rows.writerow(row(answer))

    def close(self) -> None:
        self._text.flush()


class JsonLines:
    """One object a line."""

    start, between, end = "", "\n", "\n"

    def __init__(self, handle: int):
        self._text = Text(handle)
        self._text.write(self.start)
        self._first = True

    def add(self, answer: Answer) -> None:
        self._text.write(("" if self._first else self.between) + json.dumps(said(answer), allow_nan=False))
        self._first = False

    def close(self) -> None:
        self._text.write(self.end)
        self._text.flush()


class Json(JsonLines):
    """One list of objects."""

    start, between, end = "[\n", ",\n", "\n]\n"


class Parquet:
    """A table; several thousand rows a group."""

    def __init__(self, handle: int):
        from striate.features.extras import optional

        self._arrow, parquet = optional("pyarrow", "parquet"), optional("pyarrow.parquet", "parquet")
        kinds = {name: self._arrow.float64() if "probability" in name else self._arrow.string() for name in COLUMNS}
        self._schema = self._arrow.schema(kinds)
        self._file = io.FileIO(handle, "wb", closefd=False)
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def add(self, answer: Answer) -> None:
        self._rows.append(row(answer))
        if len(self._rows) == ROWS:
            self._flush()

    def close(self) -> None:
        with self._file:
            self._flush()
            self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(self._arrow.Table.from_pylist(self._rows, self._schema))
        self._rows = []


WRITERS: dict[str, Callable[[int], Writer]] = {".csv": Csv, ".json": Json, ".jsonl": JsonLines, ".parquet": Parquet}
