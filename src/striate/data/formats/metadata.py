"""Folders of pictures as Hugging Face has them: metadata.csv, .jsonl or .parquet with `file_name` beside the pictures.

The file stands at the top, or in each of the folders train, validation and test. Without a column of classes the class
folders count.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from striate.data.examples import Example, Listing, split_said
from striate.data.files import shown
from striate.data.formats.folder import class_folders, folder
from striate.data.marks import data_format
from striate.data.tables.beside import is_metadata, metadata_in
from striate.data.tables.opened import opened
from striate.data.tables.roles import LABEL, no_column
from striate.data.tables.rows import listing
from striate.errors import DataError


def recognise(path: Path) -> bool:
    """Whether `path` is such a file, or a folder with one in it or in its parts."""
    return bool(metadata_in(path)) if path.is_dir() else is_metadata(path)


@data_format(recognise)
def metadata(path: Path) -> Listing:
    """The pictures that the metadata name; a row's part is said by a column, else by the folder it lies in."""
    files = metadata_in(path) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{shown(path)}: holds no metadata.csv, .jsonl or .parquet with a column file_name.")
    root = path if path.is_dir() else path.parent
    tables = [opened(file, split_said(file.parent.name), needs_label=False) for file in files]
    without = [table for table in tables if table.roles.label is None]
    if not without:
        return listing(root, tables)
    if len(without) == len(tables) and class_folders(root):
        return _by_folders(root, files)
    names = (without[0].roles.path, *without[0].roles.unread)
    raise no_column(names, "classes", LABEL, shown(without[0].path))


def _by_folders(root: Path, files: list[Path]) -> Listing:
    found = folder(root)
    notes = [f"{shown(Path(files[0].name))}: has no column of classes, so the folders name them"]

    def examples() -> Iterator[Example]:
        yield from found.examples
        notes.extend(found.notes)

    return Listing(root, examples(), classes=found.classes, notes=notes)
