"""CSV and TSV: one header line, then a row a line, with commas, semicolons, tabs or bars between the cells.

Rows are counted as a spreadsheet counts them: the header is row 1, and empty rows count.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from striate.data.files import shown
from striate.data.tables import text
from striate.data.tables.roles import known_columns
from striate.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
SAID = re.compile(r'"?sep=(.)"?\s*')  # the line that Excel understands above the header


def columns(path: Path) -> tuple[str, ...]:
    """The names in the header. Raises `DataError`."""
    line = text.first_line(path)
    if not line:
        raise DataError(f"{shown(path)}: is empty. Write a header, such as path,label, and a row a picture.")
    if said := SAID.fullmatch(line):
        return tuple(cell.strip() for cell in next(_cells(text.lines(path, []), said[1], skip=1), [""]))
    return _header(line, path)[1]


def records(path: Path, wanted: Sequence[str], notes: list[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each row's number and its cells in the columns `wanted`, blanks around them cut off. Raises `DataError`."""
    first = text.first_line(path)
    said = SAID.fullmatch(first)
    delimiter, names = (said[1], columns(path)) if said else _header(first, path)
    _no_twins(path, names, wanted)
    places = [names.index(name) for name in wanted]
    row, headers = 0, 2 if said else 1
    rows = csv.reader(text.lines(path, notes), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for row, cells in enumerate(rows, 1):
            if not any(cells):
                continue
            if headers:
                headers -= 1
                continue
            if len(cells) != len(names) and (len(cells) < len(names) or any(cells[len(names) :])):
                raise DataError(
                    f"{shown(path)}: row {row:,} has {len(cells)} cells, but the header has {len(names)}. Put names "
                    "that hold the delimiter into quotation marks."
                )
            yield row, tuple(cells[place].strip() for place in places)
    except csv.Error as error:
        said_why = "a cell is too long: is a quotation mark left open?" if "larger" in str(error) else f"{error}"
        raise DataError(
            f"{shown(path)}: row {row + 1:,} cannot be read ({said_why}). Mend its quotation marks."
        ) from None


def _header(line: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """The delimiter and the names: those that make the most known columns, else the most columns."""
    found = []
    for delimiter in DELIMITERS:
        names = tuple(cell.strip().lstrip("\ufeff") for cell in next(_cells([line], delimiter), [""]))
        first = delimiter == ("\t" if path.suffix.lower() in (".tsv", ".tab") else ",")
        found.append((known_columns(names), len(names), first, delimiter, names))
    *_, delimiter, names = max(found)
    return delimiter, names


def _cells(lines: Sequence[str] | Iterator[str], delimiter: str, skip: int = 0) -> Iterator[list[str]]:
    try:
        for number, cells in enumerate(csv.reader(lines, delimiter=delimiter, skipinitialspace=True)):
            if number >= skip:
                yield cells
    except csv.Error:
        return


def _no_twins(path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
    count = Counter(names)
    for name in wanted:
        if count[name] > 1:
            raise DataError(f"{shown(path)}: {count[name]} columns are called '{name}'. Give each its own name.")
