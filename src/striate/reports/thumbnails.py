"""Picture files small, for pages that show many."""

from __future__ import annotations

from pathlib import Path

from striate.data.decode import MOST_BYTES, decode_at_least
from striate.data.files import file_bytes, shown
from striate.errors import DataError
from striate.reports.pictures import THUMB, Picture, photograph


def thumbnail(file: str) -> Picture | None:
    """The picture in `file`; None where it is no longer there, or lies in no file of its own."""
    try:
        found = decode_at_least(file_bytes(Path(file), most=MOST_BYTES), file, (THUMB, THUMB)).pixels
    except DataError:
        return None
    return photograph(found if len(found) == 3 else found.expand(3, -1, -1), shown(file))  # never in a map's colours
