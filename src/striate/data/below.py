"""Every picture file below a folder, labelled or not, in an order that is always the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from striate.data.files import shown
from striate.data.formats.folder import DEEPEST, PASSED_OVER, SUFFIXES


def pictures_below(path: Path, refused: Callable[[str, str], None] = lambda file, why: None) -> Iterator[Path]:
    """`path` itself where it is no folder, else the files in it and deeper whose names end like a picture's.

    They come folder by folder, sorted by name; names that begin with a dot are passed over. No more than the names of
    the folders on the way are in memory. `refused` gets each folder that cannot be read, and why.
    """
    if not path.is_dir():
        yield path
        return
    yield from _below(path, refused, ())


def _below(folder: Path, refused: Callable[[str, str], None], above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    try:
        status = folder.stat()
        with os.scandir(folder) as found:
            entries = sorted((each.name, each.is_dir()) for each in found if not _passed_over(each.name))
    except OSError as error:
        refused(str(folder), f"{shown(folder)}: cannot be read ({error.strerror}).")
        return
    here = (status.st_dev, status.st_ino)
    if here in above or len(above) > DEEPEST:
        refused(str(folder), f"{shown(folder)}: leads back to a folder above it, and is not followed.")
        return
    for name, is_folder in entries:
        if is_folder:
            yield from _below(folder / name, refused, (*above, here))
        elif os.path.splitext(name)[1].lower().rstrip(".") in SUFFIXES:  # noqa: PTH122  a Path costs 3 µs
            yield folder / name


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name.lower() in PASSED_OVER
