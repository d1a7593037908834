"""Tar shards walked without unpacking: where each member's bytes lie, and what may not be in a shard."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from striate.data.files import shown
from striate.errors import DataError

PACKED = (  # how packed files begin, and what unpacks them
    (b"\x1f\x8b", "gunzip"),
    (b"BZh", "bunzip2"),
    (b"\xfd7zXZ", "unxz"),
    (b"\x28\xb5\x2f\xfd", "unzstd"),
)
BLOCK = 512
KINDS = (
    (tarfile.TarInfo.issym, "a link"),
    (tarfile.TarInfo.islnk, "a link"),
    (tarfile.TarInfo.isfifo, "a pipe"),
    (tarfile.TarInfo.isdev, "a device"),
)


class Stored(NamedTuple):
    """A regular file in a shard: `size` bytes from `offset`."""

    name: str
    offset: int
    size: int


def members(path: Path, file: BufferedReader, notes: list[str], most: int | None = None) -> Iterator[Stored]:
    """The files in the shard that is open as `file`, the first `most` of them or all. Raises `DataError`.

    Refused are links, devices, sparse files, names that are absolute or lead out, and shards that are packed, damaged
    or cut off inside a member. One that only lacks its end mark is told in `notes`.
    """
    name = shown(path)
    _refuse_packed(file, name)
    last, count = "its beginning", 0
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            while (found := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # so that memory stays flat
                last = shown(Path(found.name))
                if found.isdir():
                    continue
                _check(found, name)
                yield Stored(found.name, found.offset_data, found.size)
                count += 1
                if count == most:
                    return
            _check_end(file, tar.offset, name, last, notes)
    except DataError:
        raise
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{name}: is damaged or cut off after {last} ({said:.80}). Copy or download it again."
        ) from None


def content(file: BufferedReader, member: Stored, where: str, *, most: int) -> bytes:
    """What a small member holds. `DataError` begins with `where`."""
    if member.size > most:
        raise DataError(f"{where} has {member.size:,} bytes, more than the {most:,} that a label may have.")
    here = file.tell()
    file.seek(member.offset)
    found = file.read(member.size)
    file.seek(here)
    return found


def _check(found: tarfile.TarInfo, name: str) -> None:
    said = shown(Path(found.name))
    kind = next((kind for is_kind, kind in KINDS if is_kind(found)), None)
    if kind or not found.isreg() or found.issparse():
        what = kind or ("a sparse file" if found.issparse() else "of an unknown kind")
        raise DataError(f"{name}: {said} is {what}, which a shard may not hold. Pack the shard again with plain files.")
    if found.name.startswith("/") or "\\" in found.name or ".." in found.name.split("/") or found.name[1:2] == ":":
        raise DataError(f"{name}: {said} is an absolute name, or leads out. Pack the shard again with plain names.")


def _check_end(file: BufferedReader, offset: int, name: str, last: str, notes: list[str]) -> None:
    """Told by what stands where the walk ended: an empty block, nothing, or what is no header."""
    file.seek(offset)
    block = file.read(BLOCK)
    if not block:
        notes.append(f"{name}: ends without the mark that ends a tar; it may be cut off after {last}")
    elif len(block) < BLOCK or block.strip(b"\0"):
        raise DataError(f"{name}: is damaged or cut off after {last}. Copy or download it again.")


def _refuse_packed(file: BufferedReader, name: str) -> None:
    start = file.read(8)
    file.seek(0)
    if not start:
        raise DataError(f"{name}: is empty. Copy or download it again.")
    for mark, program in PACKED:
        if start.startswith(mark):
            raise DataError(
                f"{name}: is packed, so that no picture in it can be read by itself. Run {program} on it; pictures are "
                "packed already."
            )
