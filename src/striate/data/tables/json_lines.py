"""JSON lines: an object a line. Numbers keep the text they are written with, so that `010` or `1e3` can be a name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from striate.data.files import shown
from striate.data.tables import text
from striate.errors import DataError


def columns(path: Path) -> tuple[str, ...]:
    """The names in the first line. Raises `DataError`."""
    line = text.first_line(path)
    if not line:
        raise DataError(f"{shown(path)}: is empty. Write an object a line, such as {_EXAMPLE}")
    return tuple(parsed(line.lstrip("\ufeff"), f"{shown(path)}: line 1"))


def records(path: Path, wanted: Sequence[str], notes: list[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each line's number and its values of the names `wanted` as text; "" where it has none. Raises `DataError`."""
    for number, line in enumerate(text.lines(path, notes), 1):
        if line.strip():
            where = f"{shown(path)}: line {number:,}"
            found = parsed(line, where)
            yield number, tuple(plain_text(found.get(name), name, where) for name in wanted)


def parsed(line: str, where: str) -> dict[str, Any]:
    """The object that a text holds, strictly, its numbers as text. `DataError` begins with `where`."""
    try:
        found = json.loads(line, parse_int=str, parse_float=str, parse_constant=_refused, object_pairs_hook=_distinct)
    except RecursionError:
        raise DataError(f"{where} has brackets too deep within each other. Write plain values.") from None
    except ValueError as error:  # JSONDecodeError says where
        said = getattr(error, "msg", str(error))
        place = f" at character {error.pos + 1:,}" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(f"{where} is not JSON ({said}{place}). Write an object, such as {_EXAMPLE}") from None
    if not isinstance(found, dict):
        raise DataError(f"{where} is {found!r:.40}, not an object. Write {_EXAMPLE}")
    return found


def plain_text(value: Any, name: str, where: str) -> str:
    """A value as text, as it is written in JSON; "" for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise DataError(f"{where}: {name} is {value!r:.60}; one name is needed. Write a text or a number.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DataError(f"{where}: {name} is {value!a:.60}, which is half a character. Write it whole.") from None
    return value.strip()


_EXAMPLE = '{"file_name": "a.jpg", "label": "cat"}.'


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, _ in pairs if [each for each, _ in pairs].count(name) > 1)
        raise ValueError(f"{twice!r:.40} stands twice")
    return found
