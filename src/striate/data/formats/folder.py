"""A folder of pictures, one folder a class, with or without folders `train`, `validation` (or `val`) and `test` above.

The folder right below the part, or below the root, is the class; what lies deeper belongs to it too. Around them may
stand further folders, as long as each is the only one. Names that begin with a dot, and the droppings of operating
systems, are passed over; other files that do not end like a picture are counted in a note.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from striate.data.examples import Example, Label, Listing, split_said
from striate.data.files import as_text, shown
from striate.data.marks import data_format
from striate.data.tables.beside import metadata_in, tables_in
from striate.errors import DataError

SUFFIXES = frozenset(  # any case; what a file holds is told by its content
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
        *(".ppm", ".pgm", ".pbm", ".pnm"),
    )
)
PASSED_OVER = frozenset(("thumbs.db", "desktop.ini", "__macosx", "lost+found", "@eadir"))
DEEPEST = 64  # folders within each other


def recognise(path: Path) -> bool:
    """Whether some folder below `path`, at the place of a class, has a picture somewhere in it.

    Metadata that name the pictures go before the folders, and so does a table beside a single folder of pictures.
    """
    if not path.is_dir() or metadata_in(path):
        return False
    count = class_folders(path)
    return count > 1 or (count == 1 and not tables_in(path))


def class_folders(path: Path) -> int:
    """How many folders at the place of a class have pictures: 0, 1, or 2 for more."""
    root = _root(path)
    parts = [each for each in _folders(root) if split_said(each.name)]
    classes = [inner for part in parts for inner in _folders(Path(part.path))] if parts else _folders(root)
    pictured = (each.name for each in classes if _has_picture(Path(each.path)))
    first = next(pictured, None)
    return 0 if first is None else 1 + any(name != first for name in pictured)


@data_format(recognise)
def folder(path: Path) -> Listing:
    """The pictures below `path`; a class folder without pictures is a class all the same."""
    root = _root(path)
    walk = _Walk(root)
    return Listing(root, walk.examples(), classes=walk.classes, notes=walk.notes)


@dataclass
class _Walk:
    """What is met on the way through the folders."""

    root: Path
    classes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    oddities: list[str] = field(default_factory=list)

    def examples(self) -> Iterator[Example]:
        """All pictures; `classes` and `notes` are whole once the last one is given."""
        parts = [each for each in _folders(self.root) if split_said(each.name)]
        beside = [_plain(each.name) for each in _folders(self.root) if not split_said(each.name)] if parts else []
        if beside:
            self.notes.append(f"beside the parts stand folders that are not read: {', '.join(beside[:5])}")
        for part in parts:
            pictures = 0
            for pictures, example in enumerate(self.part(Path(part.path), split_said(part.name)), 1):  # noqa: B007
                yield example
            if not pictures:
                self.notes.append(f"the folder '{_plain(part.name)}' holds no picture in a folder of a class")
        if not parts:
            yield from self.part(self.root, None)
        self.notes += self.told()

    def part(self, top: Path, split: str | None) -> Iterator[Example]:
        for entry in _entries(top):
            if entry.is_dir():
                label = Label(as_text(entry.name))
                self.classes.append(label.name)
                for name in self.pictures(Path(entry.path), os.path.relpath(entry.path, self.root), frozenset()):
                    yield Example(name, label, split)
            elif _suffix(entry.name) in SUFFIXES:
                self.strays.append(entry.name)

    def pictures(self, folder: Path, below: str, above: frozenset[tuple[int, int]]) -> Iterator[str]:
        """The picture files in `folder` and deeper, as paths from the root."""
        try:
            status = folder.stat()
            entries = _entries(folder)
        except (OSError, DataError) as error:
            self.oddities.append(f"{shown(Path(below))}: cannot be read ({getattr(error, 'strerror', error)})")
            return
        here = (status.st_dev, status.st_ino)
        if here in above or len(above) > DEEPEST:
            self.oddities.append(f"{shown(Path(below))}: leads back to a folder above it, and is not followed")
            return
        for entry in entries:
            if entry.is_dir():
                yield from self.pictures(Path(entry.path), f"{below}/{entry.name}", above | {here})
            elif _suffix(entry.name) in SUFFIXES:
                yield f"{below}/{entry.name}"
            else:
                self.others[_suffix(entry.name) or "no suffix"] += 1

    def told(self) -> list[str]:
        """The oddities that were met, one line each."""
        said = list(self.oddities)
        if self.strays:
            said.append(f"{len(self.strays):,} pictures lie in no class folder, such as {_plain(self.strays[0])}")
        if self.others:
            kinds = ", ".join(f"{count:,} {_plain(kind)}" for kind, count in self.others.most_common(5))
            said.append(f"files that do not end like a picture are not read: {kinds}")
        twins = Counter(name.casefold() for name in set(self.classes))
        for name in sorted(set(self.classes)):
            if twins[name.casefold()] > 1:
                said.append(f"class '{_plain(name)}' differs from another in upper and lower case alone")
        return said


def _root(path: Path) -> Path:
    """`path`, or the folder deep in it that is no longer the only one."""
    for _ in range(DEEPEST):
        folders, pictures = _look(path)
        if len(folders) != 1 or pictures or split_said(folders[0].name) or not _folders(Path(folders[0].path)):
            return path
        path = Path(folders[0].path)
    return path


def _look(path: Path) -> tuple[list[os.DirEntry[str]], bool]:
    """The folders in `path`, by name, and whether there are pictures beside them; keeps nothing of a million files."""
    folders, pictures = [], False
    try:
        with os.scandir(path) as found:
            for each in found:
                if _passed_over(each.name):
                    continue
                if each.is_dir():
                    folders.append(each)
                else:
                    pictures = pictures or _suffix(each.name) in SUFFIXES
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read ({error.strerror}).") from None
    return sorted(folders, key=lambda each: each.name), pictures


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as found:
            return sorted((each for each in found if not _passed_over(each.name)), key=lambda each: each.name)
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read ({error.strerror}).") from None


def _folders(path: Path) -> list[os.DirEntry[str]]:
    return _look(path)[0]


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name.lower() in PASSED_OVER


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower().rstrip(".")  # noqa: PTH122  a million times, and a Path costs 3 µs


def _has_picture(folder: Path) -> bool:
    """Whether there is a file that ends like a picture; found at the first one."""
    inner = []
    try:
        with os.scandir(folder) as found:
            for each in found:
                if each.is_dir(follow_symlinks=False):
                    inner.append(Path(each.path))
                elif _suffix(each.name) in SUFFIXES:
                    return True
    except OSError:
        return False
    return any(_has_picture(each) for each in inner if not _passed_over(each.name))


def _plain(name: str) -> str:
    return shown(Path(name))
