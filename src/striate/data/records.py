"""Pictures with their labels, in memory or in files, and a data set of up to three parts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.picture_files import PictureFiles
from striate.data.preprocess import Preprocess
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

    groups = None  # arrays do not say which pictures belong together
    same_size = True

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every picture."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def take(self, which: Tensor) -> Pictures:
        """Some of the pictures, copied. `which`: (m,) positions, or (n,) bool."""
        return Pictures(self.images[which], self.labels[which])

    def name(self, index: int) -> str:
        """What a message calls the picture."""
        return f"picture {index}"

    def pixels(self, index: int, preprocess: Preprocess) -> Tensor:
        """(c, h, w) uint8: the picture as the network takes it."""
        return preprocess.pixels(self.images[index : index + 1])[0]

    def hashes(self, seed: int) -> NDArray[np.uint64]:
        """(n,) a hash of each picture's pixels, keyed by `seed`: equal pictures have equal numbers."""
        key = seed.to_bytes(8, "big", signed=True)
        rows = self.images.cpu().contiguous().numpy()
        found = b"".join(blake2b(row.data, digest_size=8, key=key).digest() for row in rows)
        return np.frombuffer(found, ">u8").astype(np.uint64)

    def digest(self) -> str:
        """SHA-256 of pictures and labels, in order."""
        digest = hashlib.sha256(f"{tuple(self.images.shape)}".encode())
        digest.update(self.images.cpu().contiguous().numpy().data)
        digest.update(self.labels.cpu().contiguous().numpy().astype("<i8").data)
        return digest.hexdigest()


Part = Pictures | PictureFiles


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set. Made by `data_set(...)`, which checks it. A part that its source does not have is None.

    `parted`: the source had no test part, so `test` was split off by content (see `split`). `notes`: oddities of the
    source, one line each.
    """

    name: str
    classes: tuple[str, ...]
    train: Part | None
    test: Part | None
    parted: bool = False
    validation: Part | None = None
    notes: tuple[str, ...] = ()
    format: str = "arrays"

    @property
    def parts(self) -> Iterator[tuple[str, Part]]:
        """("train", pictures), ("validation", pictures) and ("test", pictures), those that are there."""
        named = (("train", self.train), ("validation", self.validation), ("test", self.test))
        yield from ((name, part) for name, part in named if part is not None)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of every picture, or of most."""
        return next(self.parts)[1].shape

    @property
    def held_out(self) -> Part | None:
        """The test part, or else the validation part: pictures that are not trained on."""
        return self.test if self.test is not None else self.validation

    def whole(self) -> Part:
        """All parts in one, train first."""
        return joined([part for _, part in self.parts])

    def fingerprint(self) -> str:
        """SHA-256 of class names, pictures, labels and parts, in hexadecimal; the data set's name does not count."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr(self.classes).encode())
        for name, part in self.parts:
            digest.update(f"{name} {part.digest()}".encode())
        return digest.hexdigest()


def joined(parts: Sequence[Part]) -> Part:
    """Several parts of one kind in one, in this order."""
    if len(parts) == 1:
        return parts[0]
    labels = torch.cat([part.labels for part in parts])
    in_memory = [part for part in parts if isinstance(part, Pictures)]
    if len(in_memory) == len(parts):
        return Pictures(torch.cat([part.images for part in in_memory]), labels)
    files = [part for part in parts if isinstance(part, PictureFiles)]
    groups = [name for part in files for name in part.groups or [""] * len(part)]
    first = files[0]
    pictures = [picture for part in files for picture in part.pictures]
    same = all(part.same_size and part.shape == first.shape for part in files)
    return PictureFiles(first.root, pictures, labels, first.shape, same, groups if any(groups) else None)


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
    name: str,
    classes: tuple[str, ...],
    *,
    train: Part | None,
    test: Part | None,
    validation: Part | None = None,
    parted: bool = False,
) -> DataSet:
    """The data set of these parts, checked: one size of picture in memory, distinct class names, labels within them.

    Raises `DataError`.
    """
    made = DataSet(name, classes, train, test, parted, validation)
    parts = list(made.parts)
    if not parts:
        raise DataError(f"{name}: there is neither a train nor a test part. Give one.")
    if twice := next((c for c, count in Counter(classes).items() if count > 1), None):
        raise DataError(f"{name}: two classes are called '{twice}'. Give each its own name.")
    for part_name, part in parts:
        highest, record = (int(v) for v in part.labels.max(0))
        if highest >= len(classes):
            raise DataError(
                f"{name}: {part_name} record {record} has label {highest}, but there are {len(classes)} classes, "
                f"0 to {len(classes) - 1}. Mend the label or name the missing classes."
            )
    first_name, first = parts[0]
    for part_name, part in parts[1:]:
        if isinstance(part, Pictures) and part.shape != first.shape:
            raise DataError(
                f"{name}: pictures are {'x'.join(map(str, first.shape))} in {first_name} but "
                f"{'x'.join(map(str, part.shape))} in {part_name}. Bring both to one size."
            )
    return made


def _described(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} of {str(tensor.dtype).removeprefix('torch.')}"
