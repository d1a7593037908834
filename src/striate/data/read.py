"""Whatever people call their data, made a `DataSet`."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike, sep
from pathlib import Path
from typing import Any

from striate.data.arrays import from_arrays
from striate.data.files import shown
from striate.data.marks import data_formats, data_sets
from striate.data.records import DataSet, data_set
from striate.data.split import split
from striate.errors import ConfigError, DataError, UnknownName


def read(source: Any, *, data_dir: str | PathLike[str] | None = None, seed: int = 0) -> DataSet:
    """The data set that `source` means.

    `source`: a name ("digits", "mnist"), a folder or file, arrays (see `striate.data.arrays`), or a `DataSet`, which
    comes back as it is. A name goes before a folder of that name; "./mnist" means the folder. `data_dir`: folder that
    holds the files of a set with a name. Where the source has no test part, one is split off (see
    `striate.data.split`); `seed` is of that split, and another seed mixes what was trained on into the test.
    Raises `DataError` or `UnknownName`.
    """
    if isinstance(source, DataSet):
        return source
    if isinstance(source, str) and not {sep, "/"} & set(source) and source in data_sets:
        return data_sets[source](None if data_dir is None else Path(data_dir).expanduser())  # type: ignore[no-any-return]
    if data_dir is not None:
        raise ConfigError(
            f"data_dir is only for a data set by name, one of {', '.join(sorted(data_sets))}. Leave it out."
        )
    whole = _from_path(Path(source)) if isinstance(source, str | PathLike) else from_arrays(source)
    if whole.train is None or whole.test is not None:
        return whole
    train, test = split(whole.train, seed=seed)
    return data_set(whole.name, whole.classes, train=train, test=test, parted=True)


def _from_path(given: Path) -> DataSet:
    path = given.expanduser()
    try:
        if not path.exists():
            raise _nothing_at(given)
        fits = [name for name, layout in data_formats.items() if layout.recognise(path)]
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read ({error.strerror}).") from None
    if len(fits) != 1:
        what = f"can be read as {' and as '.join(fits)}" if fits else "holds no data of a layout known here"
        raise DataError(
            f"{shown(path)}: {what}. Name an .npz file, or a folder of IDX files such as train-images-idx3-ubyte.gz "
            "and train-labels-idx1-ubyte.gz."
        )
    found: DataSet = data_formats[fits[0]](path)
    return replace(found, name=shown(Path(path.resolve().name)) or found.name)


def _nothing_at(path: Path) -> DataError | UnknownName:
    if len(path.parts) == 1 and not path.suffix:
        try:
            data_sets[str(path)]
        except UnknownName as error:
            return UnknownName(f"{error} There is no folder of that name either.")
    names = ", ".join(sorted(data_sets))
    return DataError(f"{shown(path)}: there is no such file or folder. Name one that is there, or one of {names}.")
