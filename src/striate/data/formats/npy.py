"""Pairs of `.npy` files of numpy in a folder: images.npy and labels.npy, or x_train.npy, y_train.npy and so on.

The names are those of the arrays in an .npz file; classes.npy may name the classes. Objects, which are pickled, are
refused, and a header is checked against the file's size before an array is made.
"""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from striate.data.arrays import KEYS, from_mapping, keys_among
from striate.data.files import open_regular, shown
from striate.data.marks import data_format
from striate.data.records import DataSet
from striate.errors import DataError

NAMES = frozenset(name for names in KEYS for name in names)


def recognise(path: Path) -> bool:
    """Whether `path` is an .npy file with such a name, or a folder with one."""
    if not path.is_dir():
        return _key(path.name) in NAMES and path.exists()
    with os.scandir(path) as found:
        return any(_key(each.name) in NAMES for each in found)


@data_format(recognise)
def npy(path: Path) -> DataSet:
    """The data set of the arrays in a folder's .npy files, by the names and the rules of `striate.data.arrays`."""
    folder = path if path.is_dir() else path.parent
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        key = _key(file.name)
        if key not in NAMES and key != "classes":
            continue
        if key in files:
            raise DataError(f"{shown(folder)}: {files[key].name} and {file.name} are both {key}. Take one away.")
        files[key] = file
    keys_among(files, shown(folder))
    return from_mapping({key: array_in(file) for key, file in files.items()}, name=shown(folder))


def array_in(path: Path) -> NDArray[Any]:
    """The array in an .npy file. Raises `DataError`."""
    name = shown(path)
    with open_regular(path) as file:
        try:
            version = npy_format.read_magic(file)
            read_header = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
            shape, _, dtype = read_header(file)
            holds = os.fstat(file.fileno()).st_size - file.tell()
            if dtype.hasobject:
                raise DataError(f"{name}: holds Python objects, which could run code. Save plain numbers.")
            if prod(shape) * dtype.itemsize > holds:
                raise DataError(
                    f"{name}: says {shape} of {dtype}, but has {holds:,} bytes. It is cut off: save or copy it again."
                )
            file.seek(0)
            found: NDArray[Any] = np.load(file, allow_pickle=False)
            return found
        except DataError:
            raise
        except Exception as error:  # numpy raises many kinds for a damaged file
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"{name}: is not a sound .npy file ({said:.120}). Save it with numpy.save.") from None


def _key(name: str) -> str:
    """`x_train` of X_train.npy; "" where it is no .npy file."""
    return name[:-4].lower() if name.lower().endswith(".npy") else ""
