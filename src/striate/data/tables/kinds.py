"""The kinds of tables, by suffix."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from striate.data.tables import delimited, json_lines, parquet

KINDS: dict[str, ModuleType] = {
    ".csv": delimited, ".tsv": delimited, ".tab": delimited, ".jsonl": json_lines, ".ndjson": json_lines,
    ".parquet": parquet, ".pq": parquet,
}  # fmt: skip
SUFFIXES = tuple(KINDS)


def is_table(name: str) -> bool:
    """Whether a file of this name is a table that can be read."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def kind_of(path: Path) -> ModuleType:
    """The module that reads the table: `columns(path)` and `records(path, wanted, notes)`."""
    return KINDS[path.suffix.lower()]


def columns(path: Path) -> tuple[str, ...]:
    """The names of the columns, which is quick. Raises `DataError`; `ConfigError` where an extra is missing."""
    found: tuple[str, ...] = kind_of(path).columns(path)
    return found
