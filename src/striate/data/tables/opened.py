"""A table opened: what its columns mean, whatever kind of file it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from striate.data.files import shown
from striate.data.formats.folder import SUFFIXES
from striate.data.tables import json_lines
from striate.data.tables.kinds import columns, kind_of
from striate.data.tables.roles import LABEL, MEANT, PATH, Roles, no_column, of_role, roles
from striate.errors import DataError


@dataclass(frozen=True)
class Table:
    """A table and what its columns mean. `split`: the part that all its rows belong to, where its place says so."""

    path: Path
    roles: Roles
    split: str | None = None

    def records(self, notes: list[str]) -> Iterator[tuple[int, str, str, str, str]]:
        """(row, path, label, split, group) of each row; "" where there is no such column."""
        read = self.roles[:4]
        wanted = [name for name in read if name]
        where = [wanted.index(name) if name else len(wanted) for name in read]
        for row, cells in kind_of(self.path).records(self.path, wanted, notes):
            with_none = (*cells, "")
            path, label, split, group = (with_none[place] for place in where)
            yield row, path, label, split, group

    def row(self, number: int) -> str:
        """How a message calls row `number`."""
        return f"{'line' if kind_of(self.path) is json_lines else 'row'} {number:,}"


def opened(path: Path, split: str | None = None, *, needs_label: bool = True) -> Table:
    """The table at `path`, of which the first row is looked at. Raises `DataError`."""
    where, names = shown(path), columns(path)
    if not of_role(names, PATH):
        if any(Path(name).suffix.lower() in SUFFIXES for name in names):
            said = ", ".join(names)[:80]
            raise DataError(f"{where}: has no header: its first row is {said}. Put a line such as path,label above it.")
        raise no_column(names, "paths", PATH, where)
    if needs_label and not of_role(names, LABEL):
        raise no_column(names, "classes", LABEL, where)
    asked = of_role(names, MEANT)
    first = next(iter(kind_of(path).records(path, asked, [])), (0, ("",) * len(asked)))[1]
    there = [name for name, cell in zip(asked, first, strict=True) if cell and os.path.lexists(path.parent / cell)]
    return Table(path, roles(names, dict(zip(asked, first, strict=True)), there, where=where), split)
