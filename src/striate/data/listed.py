"""From a listing of examples to a data set: names become numbers, parts are made, nothing is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from striate.data.examples import SPLITS, Listing, Member
from striate.data.picture_files import PictureFiles
from striate.data.records import DataSet, data_set
from striate.errors import DataError

LOOKED_AT = 32  # files that say what shape the pictures have


def from_listing(name: str, listing: Listing) -> DataSet:
    """The data set of `listing`, its parts as the source names them; what has no part is train.

    Classes are numbered in sorted order of their names over all parts, so that a class that is missing in one part
    shifts nothing. `DataError` where there is no picture, or one has no label.
    """
    pictures: list[str | Member] = []
    numbers: dict[str, int] = {}
    labels, splits, groups = _Column(), _Column(), []
    for picture, target, split, group in listing.examples:
        if target is None:
            raise DataError(f"{name}: {picture if isinstance(picture, str) else picture.name} has no label. Give one.")
        pictures.append(picture)
        labels.append(numbers.setdefault(target.name, len(numbers)))
        splits.append(SPLITS.index(split) if split else 0)
        groups.append(group or "")
    if not pictures:
        raise DataError(f"{name}: holds no picture. Give JPEG, PNG, WEBP, GIF, BMP or TIFF files.")
    classes = _ordered([*listing.classes, *numbers], listing.ordered)
    place = {each: number for number, each in enumerate(classes)}
    found = np.array([place[each] for each in numbers], np.int64)[labels.array()]
    order = _by_class_and_name(found, pictures)
    whole = PictureFiles(
        listing.root,
        [pictures[i] for i in order],
        torch.from_numpy(found[order]),
        (3, 1, 1),
        groups=[groups[i] for i in order] if any(groups) else None,
    )
    part_of = torch.from_numpy(splits.array()[order])
    whole = _with_shape(whole)
    parts = {split: whole.take(part_of == i) if (part_of == i).any() else None for i, split in enumerate(SPLITS)}
    made = data_set(name, classes, train=parts["train"], test=parts["test"], validation=parts["validation"])
    return replace(made, notes=tuple(listing.notes))


class _Column:
    """Small whole numbers, appended one by one."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def append(self, number: int) -> None:
        self._bytes += number.to_bytes(4, "little")

    def array(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.frombuffer(bytes(self._bytes), "<u4").astype(np.int64)


def _ordered(names: Sequence[str], ordered: bool) -> tuple[str, ...]:
    distinct = list(dict.fromkeys(names))
    return tuple(distinct if ordered else sorted(distinct))


def _by_class_and_name(
    labels: np.ndarray[tuple[int], np.dtype[np.int64]], pictures: Sequence[str | Member]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Positions sorted by class, then name: the order of a folder's listing decides nothing."""
    names = [_name(each) for each in pictures]
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__))
    return by_name[np.argsort(labels[by_name], kind="stable")]


def _name(picture: str | Member) -> str:
    return picture if isinstance(picture, str) else f"{picture.shard}/{picture.name}"


def _with_shape(files: PictureFiles) -> PictureFiles:
    """The files with the shape that most of some have; three channels unless all of these are grey."""
    shapes = []
    for index in torch.linspace(0, len(files) - 1, min(LOOKED_AT, len(files))).long().unique().tolist():
        try:
            shapes.append(tuple(files.decoded(index).pixels.shape))
        except DataError:  # it is told when the pictures are checked
            continue
    if not shapes:
        return files
    channels = 1 if all(shape[0] == 1 for shape in shapes) else 3
    sizes = [shape[1:] for shape in shapes]
    height, width = max(sorted(set(sizes)), key=sizes.count)
    return replace(files, shape=(channels, height, width), same_size=len(set(sizes)) == 1)
