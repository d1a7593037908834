"""From rows of tables to examples: paths that stay below the table's folder, one row a picture, one label a row."""

from __future__ import annotations

import os
import posixpath
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from striate.data.examples import SPLITS, Example, Label, Listing, split_said
from striate.data.files import shown
from striate.data.tables.opened import Table
from striate.errors import DataError

ODD_PATH = re.compile(r"\\|\.\.|//|^/|^\.?$|^\./|/\.?/|/\.?$|^~|:|\0")  # what is looked at twice
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
DRIVE = re.compile(r"[A-Za-z]:")
LONGEST_NAME = 300  # characters of a class
TOLD = 5  # rows that a note names
CONFLICTS_MOST = 0.5  # of the pictures may have a row that says something else


def listing(root: Path, tables: Sequence[Table], notes: Sequence[str] = ()) -> Listing:
    """The examples of `tables`, whose paths are relative to the folder of each; `root`: a folder above them all."""
    reading = _Reading(root, list(notes))
    return Listing(root, reading.examples(tables), notes=reading.notes)


@dataclass
class _Reading:
    """What is met in the rows."""

    root: Path
    notes: list[str]
    first: dict[str, int] = field(default_factory=dict)  # picture -> its position among those given
    rows: array[int] = field(default_factory=lambda: array("Q"))  # by position, as are the next two
    labels: array[int] = field(default_factory=lambda: array("I"))
    splits: array[int] = field(default_factory=lambda: array("b"))
    numbers: dict[str, int] = field(default_factory=dict)
    found: bool = False  # some picture is there
    backslashes: int = 0
    by_folder: int = 0
    repeated: int = 0
    conflicts: list[str] = field(default_factory=list)
    conflicting: int = 0

    def examples(self, tables: Sequence[Table]) -> Iterator[Example]:
        """One for each picture; `notes` are whole once the last one is given."""
        for table in tables:
            before = len(self.first)
            yield from self.of(table)
            if len(self.first) == before and not (self.repeated or self.conflicting):
                raise DataError(f"{shown(table.path)}: has a header, and no row below it. Write a row a picture.")
            if table.roles.unread:
                self.notes.append(
                    f"{_plain(table.path.name)}: columns that are not read: {', '.join(table.roles.unread[:8])}"
                    + (f" and {len(table.roles.unread) - 8} more" if len(table.roles.unread) > 8 else "")
                )
        if not self.found:
            raise self.nothing_there(tables)
        self.tell()

    def of(self, table: Table) -> Iterator[Example]:
        """The examples of one table."""
        beside = posixpath.relpath(table.path.parent.as_posix(), self.root.as_posix())
        below = "" if beside == "." else f"{beside}/"
        kept: dict[str, Label] = {}
        for row, given, label, said, group in table.records(self.notes):
            name = given if not ODD_PATH.search(given) else self.sound(given, table, row)
            path = below + name
            if label not in kept:
                kept[label] = Label(_checked(label, table, row))
            split = self.split(said, table, row, name)
            position = self.first.setdefault(path, len(self.first))
            number = self.numbers.setdefault(label, len(self.numbers))
            part = SPLITS.index(split) if split else -1
            if position < len(self.rows):
                self.again(position, number, part, path, table, row)
                continue
            self.rows.append(row)
            self.labels.append(number)
            self.splits.append(part)
            self.found = self.found or os.path.lexists(self.root / path)
            yield Example(path, kept[label], split, group or None)

    def sound(self, given: str, table: Table, row: int) -> str:
        """A path made plain; `DataError` where it does not stay below the table's folder."""
        path, where = given.replace("\\", "/"), f"{_at(table, row)}: path {_quoted(given)}"
        if not given:
            raise DataError(f"{_at(table, row)} has no path. Write one, or take the row out.")
        if ADDRESS.match(given):
            raise DataError(f"{where} is an address. Bring the picture here, and write the path of the file.")
        if path.startswith(("/", "~")) or DRIVE.match(path):
            raise DataError(f"{where} is absolute. Write it from the table's folder on, such as images/a.jpg.")
        if ".." in path.split("/"):
            raise DataError(f"{where} leads out of the table's folder. Bring the pictures below it.")
        if "\0" in path or posixpath.normpath(path) == ".":
            raise DataError(f"{where} names no file. Mend it.")
        self.backslashes += path != given
        return posixpath.normpath(path)

    def split(self, said: str, table: Table, row: int, given: str) -> str | None:
        """The part of a row: as it says, or as its table's place says, or the first folder of its path."""
        if table.roles.split is None:
            by_folder = None if table.split or "/" not in given else split_said(given.split("/", 1)[0])
            self.by_folder += by_folder is not None
            return table.split or by_folder
        split = split_said(said)
        if split is None:
            what = f"is in the part {_quoted(said)}" if said else "has no part"
            raise DataError(f"{_at(table, row)} {what}. Write {', '.join(SPLITS)}, or leave the column out.")
        return split

    def again(self, position: int, number: int, part: int, path: str, table: Table, row: int) -> None:
        """A row for a picture that had one: the first counts."""
        if self.labels[position] == number and self.splits[position] == part:
            self.repeated += 1
            return
        self.conflicting += 1
        if len(self.conflicts) < TOLD:
            names = list(self.numbers)
            one, other = (names[self.labels[position]], names[number])
            if one == other:
                one, other = (SPLITS[i] if i >= 0 else "no part" for i in (self.splits[position], part))
            self.conflicts.append(
                f"{_at(table, row)} says '{_plain(other)}' of {_plain(path)}, and row {self.rows[position]:,} "
                f"'{_plain(one)}'"
            )

    def nothing_there(self, tables: Sequence[Table]) -> DataError:
        """None of the pictures exists: where they were looked for, and where the first may be."""
        table, first = tables[0], next(iter(self.first))
        name = first.removeprefix(f"{posixpath.relpath(table.path.parent.as_posix(), self.root.as_posix())}/")
        hint = "Write the paths from the table's folder on."
        if folder := _folder_with(table.path.parent, name):
            hint = f"There is {folder}/{name}: write the paths from the table's folder on."
        return DataError(
            f"{shown(table.path)}: none of its {len(self.first):,} pictures is below {shown(table.path.parent)}; the "
            f"first is {_quoted(name)}. {hint}"
        )

    def tell(self) -> None:
        """Put into `notes` what was met."""
        if self.by_folder:
            self.notes.append(f"no column of parts: the first folder of {self.by_folder:,} paths says the part")
        if self.backslashes:
            self.notes.append(f"{self.backslashes:,} paths have backslashes, which are read as slashes")
        if self.repeated:
            self.notes.append(f"{self.repeated:,} rows say again what another row says, and count once")
        if self.conflicting > CONFLICTS_MOST * len(self.first):
            raise DataError(
                f"{self.conflicts[0]}, and so do {self.conflicting - 1:,} more rows: a picture needs one label and one "
                "part. Keep one row a picture."
            )
        self.notes += [f"{each}; the first counts" for each in self.conflicts]
        if self.conflicting > TOLD:
            self.notes.append(f"{self.conflicting - TOLD:,} more rows say something else than an earlier one")


def _checked(label: str, table: Table, row: int) -> str:
    if not label:
        raise DataError(f"{_at(table, row)} has no label. Write one, or take the row out.")
    if len(label) > LONGEST_NAME or "\0" in label:
        raise DataError(f"{_at(table, row)}: the class {label[:40]!r}... is no name. Is this the column of classes?")
    return label


def _folder_with(folder: Path, name: str) -> str | None:
    """A folder right below `folder` that has the picture `name`."""
    with os.scandir(folder) as found:
        names = sorted(each.name for each in found if each.is_dir())
    return next((each for each in names if os.path.lexists(folder / each / name)), None)


def _at(table: Table, row: int) -> str:
    return f"{shown(table.path)}: {table.row(row)}"


def _plain(name: str) -> str:
    return shown(Path(name))


def _quoted(text: str) -> str:
    return f"'{_plain(text[:120])}'"
