"""Whatever people call their data, made a `DataSet`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from os import PathLike, sep
from pathlib import Path
from typing import Any

from striate.data.arrays import from_arrays
from striate.data.examples import Example, Listing
from striate.data.files import shown
from striate.data.listed import from_listing
from striate.data.marks import data_formats, data_sets
from striate.data.records import DataSet
from striate.data.split import split
from striate.errors import ConfigError, DataError, UnknownName


def read(
    source: Any,
    *,
    data_dir: str | PathLike[str] | None = None,
    seed: int = 0,
    format: str | None = None,
    group: str | None = None,
) -> DataSet:
    """The data set that `source` means.

    `source`: a name ("digits", "mnist"), a folder or file, arrays (see `striate.data.arrays`), or a `DataSet`, which
    comes back as it is. A name goes before a folder of that name; "./mnist" means the folder. `data_dir`: folder that
    holds the files of a set with a name. `format`: the layout, where `source` can be read in several ways. `group`: a
    regular expression; what its first bracket finds in a picture's path names the group (a patient, a video) that is
    never torn apart. Where the source has no held-out part, one is split off (see `striate.data.split`); `seed` is of
    that split, and another seed mixes what was trained on into the test.
    Raises `DataError`, `ConfigError` or `UnknownName`.
    """
    if isinstance(source, DataSet):
        return source
    if isinstance(source, str) and not {sep, "/"} & set(source) and source in data_sets and format is None:
        return data_sets[source](None if data_dir is None else Path(data_dir).expanduser())  # type: ignore[no-any-return]
    if data_dir is not None:
        raise ConfigError(
            f"data_dir is only for a data set by name, one of {', '.join(sorted(data_sets))}. Leave it out."
        )
    if isinstance(source, str | PathLike):
        whole = _from_path(Path(source), format, None if group is None else group_pattern(group))
    else:
        whole = from_arrays(source)
    if whole.train is None or whole.held_out is not None:
        return whole
    train, test = split(whole.train, seed=seed)
    return replace(whole, train=train, test=test, parted=True)


def group_pattern(text: str) -> re.Pattern[str]:
    """The regular expression of groups, checked. `ConfigError` where it is none, or has no bracket."""
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ConfigError(f"group is {text!r}, which is no regular expression ({error}).") from None
    if pattern.groups < 1:
        raise ConfigError(f"group is {text!r}; it needs a bracket around what names the group, as 'patient(\\d+)'.")
    return pattern


def _from_path(given: Path, format: str | None, group: re.Pattern[str] | None) -> DataSet:
    path = given.expanduser()
    try:
        if not path.exists() and not ("{" in path.name and recognised(path)):
            raise _nothing_at(given)
        fits = [data_formats.name_of(format)] if format else recognised(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{shown(path)}: cannot be read ({getattr(error, 'strerror', None) or error}).") from None
    if not fits:
        empty = path.is_dir() and not any(path.iterdir())
        raise DataError(
            f"{shown(path)}: {'is an empty folder' if empty else 'holds no data of a layout known here'}. Give a "
            "folder with a folder of pictures for each class, a table of paths and labels (.csv, .tsv, .parquet), tar "
            "shards, an .npz file, or IDX files such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz."
        )
    if len(fits) > 1:
        raise DataError(
            f"{shown(path)}: can be read as {' and as '.join(fits)}. Say which: --format {' or --format '.join(fits)}."
        )
    found: DataSet | Listing = data_formats[fits[0]](path)
    name = shown(Path(path.resolve().name))
    if isinstance(found, Listing):
        found = from_listing(name, found if group is None else grouped(found, group))
    elif group is not None:
        raise ConfigError(f"group is for pictures in files; {shown(path)} holds arrays. Leave it out.")
    return replace(found, name=name or found.name, format=fits[0])


def recognised(path: Path) -> list[str]:
    """The names of the formats that `path` can be read as."""
    return [name for name, layout in data_formats.items() if layout.recognise(path)]


def grouped(listing: Listing, pattern: re.Pattern[str]) -> Listing:
    """The listing with the group that `pattern` finds in each path. `DataError` names a path without one."""

    def with_groups() -> Iterator[Example]:
        for example in listing.examples:
            name = example.picture if isinstance(example.picture, str) else example.picture.name
            found = pattern.search(name)
            if found is None:
                raise DataError(
                    f"{shown(Path(name))}: group {pattern.pattern!r} finds nothing in it. Mend the pattern."
                )
            yield example._replace(group=found[1])

    return replace(listing, examples=with_groups())


def _nothing_at(path: Path) -> DataError | UnknownName:
    if len(path.parts) == 1 and not path.suffix:
        try:
            data_sets[str(path)]
        except UnknownName as error:
            return UnknownName(f"{error} There is no folder of that name either.")
    names = ", ".join(sorted(data_sets))
    return DataError(f"{shown(path)}: there is no such file or folder. Name one that is there, or one of {names}.")
