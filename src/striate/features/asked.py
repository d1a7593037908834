"""Pictures that a network is asked about, wherever they lie: a name, and how to have the pixels when they are due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from striate.data.examples import Member
from striate.data.files import shown
from striate.data.picture_files import PictureFiles
from striate.data.preprocess import Preprocess
from striate.data.records import Part, Pictures
from striate.errors import StriateError


class Asked(NamedTuple):
    """One picture. `open`: what gives it as a network takes it, (c, h, w) uint8, in any thread."""

    file: str
    open: Callable[[Preprocess], Tensor]

    def read(self, preprocess: Preprocess) -> Tensor | str:
        """Its pixels, or the reason why it cannot be read, whatever that is."""
        try:
            return self.open(preprocess)
        except StriateError as error:
            return str(error)
        except Exception as error:  # decoders raise errors of every kind
            said = (str(error).strip().splitlines() or [""])[0]
            return f"{shown(self.file)}: cannot be read ({type(error).__name__}{said and f': {said:.160}'})."


def from_files(paths: Iterable[str | Path]) -> Iterator[Asked]:
    """The pictures in files."""
    for path in paths:
        yield Asked(str(path), partial(_open_file, path))


def from_part(part: Part, name: str) -> Iterator[Asked]:
    """The pictures of a part of a data set; `name` is what those in memory are called, with their number."""
    for index in range(len(part)):
        if isinstance(part, Pictures):
            yield Asked(f"{name} {index}", partial(_from_memory, part, index))
        else:
            yield Asked(where(part, index), partial(part.pixels, index))


def where(files: PictureFiles, index: int) -> str:
    """The path of a picture as one would open it; within a shard, the shard's path and the member's name."""
    picture = files.pictures[index]
    return f"{picture.shard}/{picture.name}" if isinstance(picture, Member) else str(files.root / picture)


def _open_file(path: str | Path, preprocess: Preprocess) -> Tensor:
    return preprocess.open(path)


def _from_memory(part: Pictures, index: int, preprocess: Preprocess) -> Tensor:
    return preprocess.pixels(part.images[index : index + 1])[0]
