"""IDX, the format of MNIST: a big-endian header of type and axes, then the numbers. Plain or gzip, told by content.

The format is described at the end of "The MNIST database of handwritten digits", LeCun, Cortes, Burges. A header is
checked against what the file can hold before anything is allocated.
"""

from __future__ import annotations

import gzip
import os
import re
import struct
import zlib
from io import BytesIO
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from striate.data.arrays import numbered_classes, paired
from striate.data.files import open_regular, shown, write_atomically
from striate.data.marks import data_format
from striate.data.records import DataSet, Pictures, data_set
from striate.errors import DataError

Array = NDArray[Any]

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}  # third byte of the header
CODES = {np.dtype(name): code for code, name in TYPES.items()}
MOST_AXES = 8
GZIP = b"\x1f\x8b"
DEFLATE_MOST = 1032  # bytes that one byte of deflate can become, at the most
NAME = re.compile(r"(?P<set>.*?)(?P<what>images|labels)(?:[-._](?:idx\d?|u?byte))+(?:\.gz)?", re.IGNORECASE)
TEST = {"t10k", "test"}


def read_array(path: Path, *, most: int | None = None) -> Array:
    """The numbers of an IDX file, big-endian as they are stored and writable.

    `most`: bytes that the unpacked file may have, if that is known. Raises `DataError`.
    """
    with open_regular(path) as file:
        return _array(file, os.fstat(file.fileno()).st_size, shown(path), most)


def parse(contents: bytes, name: str, *, most: int | None = None) -> Array:
    """The numbers of an IDX file that is in memory, plain or gzip; `name` is what errors call it."""
    return _array(BytesIO(contents), len(contents), name, most)


def header(array: Array) -> bytes:
    """The first bytes of the IDX file that holds `array`."""
    code = CODES[array.dtype.newbyteorder(">")]
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)


def write_array(path: Path, array: Array) -> None:
    """Write `array` as IDX, atomically; gzip if the name ends with .gz. Raises `DataError`."""
    if array.dtype.newbyteorder(">") not in CODES or not 1 <= array.ndim <= MOST_AXES:
        raise DataError(
            f"{shown(path)}: IDX does not hold {array.dtype} of {array.ndim} axes. Convert it, such as to uint8."
        )
    numbers = np.ascontiguousarray(array, array.dtype.newbyteorder(">"))
    if path.suffix == ".gz":
        write_atomically(path, gzip.compress(header(array) + numbers.tobytes(), mtime=0))
    else:
        write_atomically(path, header(array), numbers.data)


def recognise(path: Path) -> bool:
    """Whether `path` is named like an IDX file of images or labels, or is a folder that holds one."""
    if path.is_dir():
        return any(NAME.fullmatch(entry.name) for entry in path.iterdir())
    return NAME.fullmatch(path.name) is not None


@data_format(recognise)
def idx(path: Path) -> DataSet:
    """The data set of a folder of IDX files, or of the files that belong to the one named.

    Images and labels are told by name: `train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte.gz`, `images.idx`. If a file
    is there plain and packed, the plain one is read. Classes are numbered to the highest label of the train part.
    """
    sets = _sets_in(path if path.is_dir() else path.parent)
    if not path.is_dir():
        sets = {_parts(path)[0]: sets.get(_parts(path)[0], {})}
    if len(sets) > 1:
        example = next(file for files in sets.values() for file in files.values())
        raise DataError(
            f"{shown(path)}: holds {len(sets)} data sets, {', '.join(sorted(sets))}. "
            f"Name a file of the one you mean, such as {shown(example)}."
        )
    found = next(iter(sets.values()))
    train, test = _part(path, found, "train"), _part(path, found, "test")
    labels = next(part.labels for part in (train, test) if part is not None)
    name = shown(path)
    return data_set(name, numbered_classes(name, labels), train=train, test=test)


def _array(file: IO[bytes], size: int, name: str, most: int | None) -> Array:
    packed = file.read(2) == GZIP
    file.seek(0)
    can_hold = size * DEFLATE_MOST if packed else size
    try:
        return _numbers(gzip.GzipFile(fileobj=file) if packed else file, name, min(can_hold, most or can_hold))
    except EOFError:
        raise DataError(f"{name}: the gzip data are cut off. Copy or download the file again.") from None
    except (gzip.BadGzipFile, zlib.error):
        raise DataError(f"{name}: the gzip data are damaged. Copy or download the file again.") from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}).") from None
    except MemoryError:
        raise DataError(f"{name}: does not fit into memory. Cut it into parts.") from None


def _numbers(stream: Any, name: str, most: int) -> Array:
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in TYPES or not 1 <= start[3] <= MOST_AXES:
        says = f"starts with {start.hex(' ')}" if start else "is empty"
        raise DataError(
            f"{name}: is not an IDX file: it {says}, and an IDX file starts with 00 00, "
            f"a type (08 09 0b 0c 0d 0e) and 1 to {MOST_AXES} axes. Is it the right file?"
        )
    axes = start[3]
    rest = stream.read(4 * axes)
    if len(rest) < 4 * axes:
        raise DataError(f"{name}: ends inside its header of {axes} axes. Copy or download the file again.")
    shape = struct.unpack(f">{axes}I", rest)
    dtype = np.dtype(TYPES[start[2]])
    needs = prod(shape) * dtype.itemsize
    says = f"its header says {'x'.join(map(str, shape))}, {needs:,} bytes"
    if not needs:
        raise DataError(f"{name}: its header says {'x'.join(map(str, shape))}: it holds nothing. Is it the right file?")
    if 4 + 4 * axes + needs > most:
        raise DataError(f"{name}: {says}, but the file cannot hold that. It is cut off or damaged: get it again.")
    numbers = bytearray(needs)
    if (found := _fill(stream, numbers)) < needs:
        raise DataError(f"{name}: {says}, but only {found:,} are there. It is cut off: copy or download it again.")
    if stream.read(1):
        raise DataError(f"{name}: {says}, but more follow. It is damaged, or two files in one: get it again.")
    return np.frombuffer(numbers, dtype).reshape(shape)


def _fill(stream: Any, buffer: bytearray) -> int:
    """Read into `buffer` until it is full or the stream ends; how many bytes came."""
    view, filled = memoryview(buffer), 0
    while filled < len(buffer) and (more := stream.readinto(view[filled:])):
        filled += more
    return filled


def _parts(file: Path) -> tuple[str, str, str]:
    """("emnist-letters", "train", "images") of emnist-letters-train-images-idx3-ubyte.gz."""
    match = NAME.fullmatch(file.name)
    if match is None:
        raise DataError(f"{shown(file)}: is not named like an IDX file, such as train-images-idx3-ubyte.gz. Rename it.")
    words = [word for word in re.split(r"[-._ ]+", match["set"].lower()) if word]
    part = "test" if TEST & set(words) else "train"
    return "-".join(w for w in words if w not in TEST | {"train"}), part, match["what"].lower()


def _sets_in(folder: Path) -> dict[str, dict[tuple[str, str], Path]]:
    """The IDX files of a folder: by set, then by part and what they hold. Plain files stand before packed ones."""
    sets: dict[str, dict[tuple[str, str], Path]] = {}
    for file in sorted(folder.iterdir()):
        if not NAME.fullmatch(file.name):
            continue
        name, part, what = _parts(file)
        first = sets.setdefault(name, {}).setdefault((part, what), file)
        if first.name.removesuffix(".gz") != file.name.removesuffix(".gz"):
            raise DataError(f"{shown(folder)}: {first.name} and {file.name} are both {part} {what}. Take one away.")
    return sets


def _part(path: Path, found: dict[tuple[str, str], Path], part: str) -> Pictures | None:
    images, labels = found.get((part, "images")), found.get((part, "labels"))
    if images is None and labels is None:
        return None
    if images is None or labels is None:
        have, lack = (labels, "images") if images is None else (images, "labels")
        raise DataError(
            f"{shown(path)}: {have.name if have else ''} is there, but its {lack} are not. Put them beside it."
        )
    pixels, classes = read_array(images), read_array(labels)
    names = shown(images), shown(labels)
    if pixels.ndim == 1 and classes.ndim > 1:
        raise DataError(f"{names[0]}: holds labels, and {names[1]} holds pictures. Swap their names.")
    return paired(pixels, classes, names)
