"""`.npz` files of numpy: arrays named `images, labels`, or `x_train, y_train, x_test, y_test` as Keras names them.

Objects, which are pickled, are refused. Each array's header is checked against its size in the archive, and that
against what the packed bytes can hold, before an array is made.
"""

from __future__ import annotations

from io import BufferedReader
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from striate.data.arrays import from_mapping, keys_among
from striate.data.files import open_regular, shown
from striate.data.marks import data_format
from striate.data.records import DataSet
from striate.errors import DataError

DEFLATE_MOST = 1032  # bytes that one byte of deflate can become, at the most


def recognise(path: Path) -> bool:
    """Whether the name ends with .npz and it is no folder."""
    return path.suffix.lower() == ".npz" and not path.is_dir()


@data_format(recognise)
def npz(path: Path) -> DataSet:
    """The data set of the arrays in an .npz file, by the names and the rules of `striate.data.arrays`."""
    with open_regular(path) as file:
        arrays = _arrays(file, shown(path))
    return from_mapping(arrays, name=shown(path))


def _arrays(file: BufferedReader, name: str) -> dict[str, NDArray[Any]]:
    try:
        with ZipFile(file) as archive:
            keys_among((member.filename.removesuffix(".npy") for member in archive.infolist()), name)
            for member in archive.infolist():
                _check(archive, member, name)
        file.seek(0)
        with np.load(file, allow_pickle=False) as loaded:
            return {key: loaded[key] for key in loaded.files}
    except DataError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise many kinds for a damaged file
        said = str(error).splitlines() or [type(error).__name__]
        raise DataError(f"{name}: is not a sound .npz file ({said[0]}). Save it again with numpy.savez.") from None


def _check(archive: ZipFile, member: ZipInfo, name: str) -> None:
    """Refuse an array of objects and one whose header promises what is not there."""
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        shape, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(stream)
        begins = stream.tell()
    if dtype.hasobject:
        raise DataError(f"{name}: {member.filename} holds Python objects, which could run code. Save plain numbers.")
    holds = min(member.file_size, member.compress_size * DEFLATE_MOST) - begins
    if prod(shape) * dtype.itemsize > holds:
        raise DataError(
            f"{name}: {member.filename} says {shape} of {dtype}, but has {max(holds, 0):,} bytes. Save it again."
        )
