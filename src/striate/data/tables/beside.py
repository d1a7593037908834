"""Which tables lie in a folder, told by names and first lines."""

from __future__ import annotations

import os
from pathlib import Path

from striate.data.examples import split_said
from striate.data.tables.kinds import columns, is_table
from striate.errors import StriateError
from striate.registry import plain

METADATA = "metadata"  # as Hugging Face's imagefolder calls its tables
FILE_NAME = "filename"  # its column, however it is written
MOST = 64  # tables in a folder that are looked at


def tables_in(folder: Path) -> list[Path]:
    """The tables right in `folder` that are no metadata, by name."""
    try:
        with os.scandir(folder) as found:
            names = sorted(each.name for each in found if is_table(each.name) and not each.is_dir())
    except OSError:
        return []
    return [path for path in (folder / name for name in names[:MOST]) if not is_metadata(path)]


def metadata_in(folder: Path) -> list[Path]:
    """The metadata files in `folder` and in the folders right below that are called like a part; one a folder."""
    try:
        with os.scandir(folder) as found:
            parts = sorted(each.name for each in found if split_said(each.name) and each.is_dir())
    except OSError:
        return []
    kinds = ("csv", "jsonl", "parquet")
    files = [[place / f"{METADATA}.{kind}" for kind in kinds] for place in (folder, *(folder / part for part in parts))]
    return [next(path for path in some if is_metadata(path)) for some in files if any(map(is_metadata, some))]


def is_metadata(path: Path) -> bool:
    """Whether a file is called metadata, is a table, and has the column `file_name` where its header can be read."""
    if path.stem.lower() != METADATA or not is_table(path.name) or not path.exists():
        return False
    names = columns_if_readable(path)
    return names is None or any(plain(name) == FILE_NAME for name in names)


def columns_if_readable(path: Path) -> tuple[str, ...] | None:
    """The names of the columns; None where the header cannot be read, which reading the table will say."""
    try:
        return columns(path)
    except StriateError:
        return None
