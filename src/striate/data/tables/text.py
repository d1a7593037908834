"""Text as other programs write it: UTF-8, UTF-16 with its mark, or else Western European, line by line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

from striate.data.files import open_regular, shown
from striate.errors import DataError

MARKS = (  # the longer ones first: UTF-32 begins as UTF-16 does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
PIECE = 2**20  # bytes
LONGEST = 2**20  # characters of a line


def lines(path: Path, notes: list[str]) -> Iterator[str]:
    """The lines with their ends. `notes` takes a line where the encoding had to be guessed. Raises `DataError`."""
    encoding = _encoding(path, notes)
    with open_regular(path) as file:
        text = TextIOWrapper(file, encoding, newline="")
        number = 0
        try:
            while line := text.readline(LONGEST + 1):
                number += 1
                if len(line) > LONGEST:
                    raise DataError(f"{shown(path)}: line {number:,} is longer than {LONGEST:,} characters. Mend it.")
                if "\0" in line:
                    raise DataError(
                        f"{shown(path)}: line {number:,} holds a NUL, so that this is no text, or UTF-16 without its "
                        "mark. Save it as UTF-8."
                    )
                yield line
        except (OSError, UnicodeError) as error:
            raise DataError(
                f"{shown(path)}: cannot be read after line {number:,} ({_reason(error)}). Save it as UTF-8."
            ) from None


def first_line(path: Path) -> str:
    """The first line that is not empty, without its end; what cannot be decoded is replaced. Raises `DataError`."""
    with open_regular(path) as file:
        try:
            start = file.read(2**16)
        except OSError as error:
            raise DataError(f"{shown(path)}: cannot be read ({error.strerror}).") from None
    text = start.decode(_marked(start) or "utf-8", errors="replace")
    return next((line for line in text.splitlines() if line.strip()), "")


def _encoding(path: Path, notes: list[str]) -> str:
    """What the whole file decodes as."""
    with open_regular(path) as file:
        if marked := _marked(file.peek(4)):
            return marked
    line = _undecodable(path, "utf-8")
    if line is None:
        return "utf-8"
    known = "cp1252" if _undecodable(path, "cp1252") is None else "latin-1"
    notes.append(
        f"{shown(Path(path.name))}: is not UTF-8 (line {line:,}), and is read as Western European ({known}); if names "
        "look wrong, save it as UTF-8"
    )
    return known


def _undecodable(path: Path, encoding: str) -> int | None:
    """The line where the file is not of this encoding; None where all of it is. It is read piece by piece."""
    decoder, before = codecs.getincrementaldecoder(encoding)(), 0
    with open_regular(path) as file:
        try:
            while piece := file.read(PIECE):
                decoder.decode(piece)
                before += piece.count(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            return before + error.object[: error.start].count(b"\n") + 1
        except OSError as error:
            raise DataError(f"{shown(path)}: cannot be read ({error.strerror}).") from None
    return None


def _marked(start: bytes) -> str | None:
    return next((encoding for mark, encoding in MARKS if start.startswith(mark)), None)


def _reason(error: OSError | UnicodeError) -> str:
    return getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
