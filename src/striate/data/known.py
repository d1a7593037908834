"""Data sets that everybody has: their files are known by SHA-256, kept in a cache folder and fetched when asked for.

What is checked is the unpacked file, so that any packing and any source will do.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from striate.data.arrays import paired
from striate.data.files import shown
from striate.data.formats import idx
from striate.data.records import DataSet, Pictures, data_set
from striate.errors import DataError

Array = NDArray[Any]


@dataclass(frozen=True)
class KnownFile:
    """A file by what it holds. `bytes` and `sha256` are of the unpacked file."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """A place that may give the files: `fetch` gives the contents by name, plain or gzip, or raises `DataError`."""

    where: str
    fetch: Callable[[Sequence[KnownFile]], dict[str, bytes]]


class Form(Protocol):
    """How the files hold their numbers; the module of a format is one."""

    def read_array(self, path: Path, *, most: int) -> Array: ...

    def parse(self, contents: bytes, name: str, *, most: int) -> Array: ...

    def header(self, array: Array) -> bytes: ...

    def write_array(self, path: Path, array: Array) -> None: ...


def images_and_labels(arrays: Sequence[Array], names: Sequence[str]) -> tuple[Pictures, Pictures]:
    """(train, test) of four arrays: train images and labels, test images and labels."""
    return paired(arrays[0], arrays[1], (names[0], names[1])), paired(arrays[2], arrays[3], (names[2], names[3]))


@dataclass(frozen=True)
class KnownSet:
    """A set of files of one form, such as four IDX files, which `together` makes (train, test) of.

    `installed`: folders where a package of the system may have put the files already.
    """

    name: str
    classes: tuple[str, ...]
    files: tuple[KnownFile, ...]
    sources: tuple[Source, ...]
    installed: tuple[Path, ...] = ()
    form: Form = idx
    together: Callable[[Sequence[Array], Sequence[str]], tuple[Pictures, Pictures]] = images_and_labels

    def read(self, data_dir: Path | None) -> DataSet:
        """The data set from `data_dir`, or else from the cache folder, an installed package or a source, in this order.

        Raises `DataError`, which says which files to put where if none has them.
        """
        reasons: list[str] = []
        arrays = self._in_folder(data_dir) if data_dir else self._found(reasons) or self._fetched(reasons)
        train, test = self.together(arrays, [file.name for file in self.files])
        return data_set(self.name, self.classes, train=train, test=test)

    def _in_folder(self, folder: Path) -> list[Array]:
        paths = {file: spelled(folder, file.name) for file in self.files}
        if missing := [file.name for file, path in paths.items() if path is None]:
            raise DataError(
                f"{shown(folder)}: {self.name} needs {', '.join(missing)} (plain or .gz) here. Put them there."
            )
        return [
            checked(self.form.read_array(path, most=file.bytes), file, shown(path), self.form)
            for file, path in paths.items()
            if path
        ]

    def _found(self, reasons: list[str]) -> list[Array]:
        """The arrays of the first folder with all four files, sound; or nothing. `reasons` takes what is wrong."""
        for folder in (cache_folder() / self.name, *self.installed):
            if all(spelled(folder, file.name) for file in self.files):
                try:
                    return self._in_folder(folder)
                except DataError as error:  # damaged: another place, or a new copy, stands in for it
                    reasons.append(str(error).rstrip("."))
        return []

    def _fetched(self, reasons: list[str]) -> list[Array]:
        """The arrays from the first source that gives all four files, sound; they are put into the cache folder."""
        folder = cache_folder() / self.name
        for source in self.sources:
            try:
                contents = source.fetch(self.files)
                arrays = self.of_contents(contents)
            except DataError as error:
                reasons.append(f"{source.where}: {str(error).rstrip('.')}")
                continue
            for file, array in zip(self.files, arrays, strict=True):
                self.form.write_array(folder / file.name, array)
            return arrays
        names = ", ".join(file.name for file in self.files)
        raise DataError(
            f"{self.name}: cannot be fetched ({'; '.join(reasons)}). Put {names} (plain or .gz) into {shown(folder)}, "
            "or into a folder that you name with --data-dir."
        )

    def of_contents(self, contents: Mapping[str, bytes]) -> list[Array]:
        """The arrays of files that are in memory, by name, plain or gzip. `DataError` where one is another."""
        return [
            checked(self.form.parse(contents[file.name], file.name, most=file.bytes), file, file.name, self.form)
            for file in self.files
        ]


def cache_folder() -> Path:
    """$STRIATE_CACHE, else the folder `striate` in the user's cache folder ($XDG_CACHE_HOME, else ~/.cache)."""
    if own := os.environ.get("STRIATE_CACHE"):
        return Path(own).expanduser()
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (shared if shared.is_absolute() else Path.home() / ".cache") / "striate"


def spelled(folder: Path, name: str) -> Path | None:
    """The file called `name` in `folder` as people spell it: plain or .gz, `-idx3-ubyte` or `.idx3-ubyte`."""
    spellings = (name, name.replace("-idx", ".idx"))
    paths = (folder / f"{spelling}{suffix}" for suffix in ("", ".gz") for spelling in spellings)
    return next((path for path in paths if path.exists()), None)


def checked(array: Array, file: KnownFile, name: str, form: Form = idx) -> Array:
    """`array`, if its file is the known one to the bit; else `DataError`."""
    digest = hashlib.sha256(form.header(array))
    digest.update(np.ascontiguousarray(array).data)
    if digest.hexdigest() != file.sha256:
        raise DataError(
            f"{name}: is not the known {file.name}: its SHA-256 is {digest.hexdigest()[:12]}..., not "
            f"{file.sha256[:12]}.... Get it again, or name its folder in place of the data set to read it as it is."
        )
    return array
