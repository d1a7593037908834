"""Pictures that stay in their files, or in shards, until they are needed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.content import content_hash
from striate.data.decode import MOST_BYTES, Decoded, decode_at_least
from striate.data.examples import Member
from striate.data.files import file_bytes, open_regular, shown
from striate.data.preprocess import Preprocess
from striate.errors import DataError


@dataclass(frozen=True, eq=False)
class PictureFiles:
    """Pictures in files with one class number each. `pictures`: paths below `root`, or members of shards.

    `labels`: (n,) int64. `shape`: (channels, height, width) that most of them have; other sizes may be among them
    unless `same_size`. `groups`: one name a picture, or None.
    """

    root: Path
    pictures: Sequence[str | Member]
    labels: Tensor
    shape: tuple[int, int, int]
    same_size: bool = False
    groups: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, which: Tensor) -> PictureFiles:
        """Some of the pictures. `which`: (m,) positions, or (n,) bool."""
        positions = which.nonzero()[:, 0] if which.dtype == torch.bool else which
        places = positions.tolist()
        groups = None if self.groups is None else [self.groups[i] for i in places]
        kept = [self.pictures[i] for i in places]
        return PictureFiles(self.root, kept, self.labels[positions], self.shape, self.same_size, groups)

    def name(self, index: int) -> str:
        """What a message calls the picture: its path from the root, or shard and member."""
        picture = self.pictures[index]
        return shown(Path(f"{picture.shard.name}/{picture.name}" if isinstance(picture, Member) else picture))

    def path(self, index: int) -> Path:
        """The file that holds the picture."""
        picture = self.pictures[index]
        return picture.shard if isinstance(picture, Member) else self.root / picture

    def contents(self, index: int) -> bytes:
        """The picture's file as it is. `DataError` names one that cannot be read."""
        picture = self.pictures[index]
        if not isinstance(picture, Member):
            return file_bytes(self.root / picture, most=MOST_BYTES)
        with open_regular(picture.shard) as file:
            found = os.pread(file.fileno(), min(picture.size, MOST_BYTES), picture.offset)
        if len(found) != picture.size:
            raise DataError(f"{self.name(index)}: has {len(found):,} bytes of {picture.size:,}; the shard is cut off.")
        return found

    def decoded(self, index: int, size: tuple[int, int] | None = None) -> Decoded:
        """The picture's pixels, and what was converted. `size`: (height, width) that is enough; None: all there are."""
        return decode_at_least(self.contents(index), self.name(index), size)

    def pixels(self, index: int, preprocess: Preprocess) -> Tensor:
        """(c, h, w) uint8: the picture as the network takes it. `DataError` names one that cannot be read."""
        return preprocess.pixels(self.decoded(index, preprocess.needs).pixels[None])[0]

    def hashes(self, seed: int) -> NDArray[np.uint64]:
        """(n,) a hash of each file's bytes, keyed by `seed`: equal files have equal numbers."""
        return np.fromiter((content_hash(self, i, seed) for i in range(len(self))), np.uint64, len(self))

    def digest(self) -> str:
        """SHA-256 of what the files hold and of the labels, in order; where the files lie does not count."""
        digest = hashlib.sha256(self.hashes(0).astype("<u8").data)
        digest.update(self.labels.numpy().astype("<i8").data)
        return digest.hexdigest()
