"""Pictures in memory with their labels, and a data set of a train and a test part."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from striate.errors import DataError


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size with one class number each. Made by `pictures(...)`, which checks them.

    `images`: (n, c, h, w) uint8. `labels`: (n,) int64, counted from 0.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every picture."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def take(self, which: Tensor) -> Pictures:
        """Some of the pictures, copied. `which`: (m,) positions, or (n,) bool."""
        return Pictures(self.images[which], self.labels[which])


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set. Made by `data_set(...)`, which checks it. A part that its source does not have is None.

    `parted`: the source had no test part, so `test` was split off by content (see `split`).
    """

    name: str
    classes: tuple[str, ...]
    train: Pictures | None
    test: Pictures | None
    parted: bool = False

    @property
    def parts(self) -> Iterator[tuple[str, Pictures]]:
        """("train", pictures) and ("test", pictures), those that are there."""
        yield from ((name, part) for name, part in (("train", self.train), ("test", self.test)) if part is not None)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every picture."""
        return next(self.parts)[1].shape

    def whole(self) -> Pictures:
        """Both parts in one, train first."""
        parts = [part for _, part in self.parts]
        if len(parts) == 1:
            return parts[0]
        return Pictures(torch.cat([p.images for p in parts]), torch.cat([p.labels for p in parts]))

    def fingerprint(self) -> str:
        """SHA-256 of class names, pictures, labels and parts, in hexadecimal; the data set's name does not count."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr(self.classes).encode())
        for name, part in self.parts:
            digest.update(f"{name} {tuple(part.images.shape)}".encode())
            digest.update(part.images.cpu().contiguous().numpy().data)
            digest.update(part.labels.cpu().contiguous().numpy().astype("<i8").data)
        return digest.hexdigest()


def pictures(images: Tensor, labels: Tensor, *, names: tuple[str, str] = ("images", "labels")) -> Pictures:
    """The record of `images` (n, c, h, w) uint8 and `labels` (n,) int64, checked.

    `names`: what an error calls the two, such as their files. Raises `DataError`.
    """
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise DataError(f"{names[0]}: need (n, c, h, w) of uint8, but are {_described(images)}.")
    if labels.dtype != torch.int64 or labels.ndim != 1:
        raise DataError(f"{names[1]}: need (n,) of int64, but are {_described(labels)}.")
    if len(images) != len(labels):
        raise DataError(
            f"{names[0]}: {len(images):,} pictures, but {names[1]}: {len(labels):,} labels. "
            "Each picture needs one label: are both of the same part, and whole?"
        )
    if not images.numel():
        raise DataError(
            f"{names[0]}: no pixel is there, their shape is {tuple(images.shape)}. Give at least one picture."
        )
    if (lowest := int(labels.min())) < 0:
        record = int((labels == lowest).nonzero()[0])
        raise DataError(f"{names[1]}: record {record} has label {lowest}. Classes count from 0.")
    return Pictures(images, labels)


def data_set(
    name: str, classes: tuple[str, ...], *, train: Pictures | None, test: Pictures | None, parted: bool = False
) -> DataSet:
    """The data set of these parts, checked: one size of picture, distinct class names, labels within the classes.

    Raises `DataError`.
    """
    made = DataSet(name, classes, train, test, parted)
    if train is None and test is None:
        raise DataError(f"{name}: there is neither a train nor a test part. Give one.")
    if twice := next((c for c in classes if classes.count(c) > 1), None):
        raise DataError(f"{name}: two classes are called '{twice}'. Give each its own name.")
    for part_name, part in made.parts:
        highest, record = (int(v) for v in part.labels.max(0))
        if highest >= len(classes):
            raise DataError(
                f"{name}: {part_name} record {record} has label {highest}, but there are {len(classes)} classes, "
                f"0 to {len(classes) - 1}. Mend the label or name the missing classes."
            )
    if train is not None and test is not None and train.shape != test.shape:
        raise DataError(
            f"{name}: pictures are {'x'.join(map(str, train.shape))} in train but {'x'.join(map(str, test.shape))} in "
            "test. Bring both to one size."
        )
    return made


def _described(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} of {str(tensor.dtype).removeprefix('torch.')}"
