"""A table of pictures: CSV, TSV, JSON lines or Parquet with a path and a class a row, and perhaps a part and a group.

docs/data.md has the names that the columns may have. Paths are relative to the table's folder. In a folder, tables
called after parts (train.csv, val.csv, test_labels.csv) are the parts of one set.
"""

from __future__ import annotations

import re
from pathlib import Path

from striate.data.examples import Listing, split_said
from striate.data.files import shown
from striate.data.formats.folder import SUFFIXES, class_folders
from striate.data.marks import data_format
from striate.data.tables.beside import columns_if_readable, is_metadata, tables_in
from striate.data.tables.kinds import is_table
from striate.data.tables.opened import opened
from striate.data.tables.roles import LABEL, PATH, known_columns, of_role
from striate.data.tables.rows import listing
from striate.errors import DataError


def recognise(path: Path) -> bool:
    """Whether `path` is a table, or a folder with one whose columns mean pictures and classes.

    Where a folder has no more than one folder of pictures, which is no set of classes, less will do.
    """
    if not path.is_dir():
        return is_table(path.name) and path.exists() and not is_metadata(path)
    tables = tables_in(path)
    names = [columns_if_readable(each) for each in tables]
    if any(each is not None and _fits(each) for each in names):
        return True
    if not tables or class_folders(path) > 1:
        return False
    return any(each is None or known_columns(each) or _pictures(each) for each in names) or class_folders(path) == 1


@data_format(recognise)
def table(path: Path) -> Listing:
    """The pictures that a table names, or the tables of a folder."""
    if not path.is_dir():
        return listing(path.parent, [opened(path)])
    tables, notes = _chosen(path, tables_in(path))
    return listing(path, [opened(each, split) for each, split in tables], notes)


def _chosen(folder: Path, tables: list[Path]) -> tuple[list[tuple[Path, str | None]], list[str]]:
    """The tables to read with the part that each is, and a note on those that are left out."""
    if not tables:
        raise DataError(f"{shown(folder)}: holds no table. Put one there, such as labels.csv, or name its folder.")
    fitting = [each for each in tables if (names := columns_if_readable(each)) is None or _fits(names)]
    some = fitting or tables
    others = [each for each in tables if each not in some]
    notes = [f"{shown(Path(each.name))}: has no columns of paths and classes, and is not read" for each in others]
    if len(some) == 1:
        return [(some[0], _part(some[0]))], notes
    parts = [_part(each) for each in some]
    if None in parts or len(set(parts)) < len(parts):
        listed = ", ".join(shown(Path(each.name)) for each in some[:8])
        raise DataError(
            f"{shown(folder)}: holds several tables, {listed}. Name the one you mean, such as {shown(some[0])}, or "
            "call them after parts: train.csv, val.csv, test.csv."
        )
    return list(zip(some, parts, strict=True)), notes


def _part(table: Path) -> str | None:
    """The part that a table's name says: train.csv, labels_test.csv."""
    said = {split_said(word) for word in re.split(r"[^A-Za-z]+", table.stem)} - {None}
    return said.pop() if len(said) == 1 else None


def _fits(names: tuple[str, ...]) -> bool:
    return bool(of_role(names, PATH) and of_role(names, LABEL))


def _pictures(names: tuple[str, ...]) -> bool:
    """Whether a first line is a row of pictures: a header is missing."""
    return any(Path(name).suffix.lower() in SUFFIXES for name in names)
