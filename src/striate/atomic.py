"""Writing a file so that a reader finds the old one or the new one, whole, whatever happens in between."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
NEW = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<process>\d{1,10})\.tmp")
NO_SYNC_OF_FOLDERS = (errno.EINVAL, errno.ENOTSUP)  # what some network file systems answer


def write(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write `pieces` as the new content of `path`: a temporary file beside it, fsync, rename, fsync of the folder.

    `OSError` (disk full, not writable) leaves what was there before, and no temporary file.
    """
    with replacing(path) as handle:
        for piece in pieces:
            put(handle, piece)


def write_text(path: Path, text: str) -> None:
    """`write` for text, as UTF-8."""
    write(path, [text.encode()])


@contextmanager
def replacing(path: Path) -> Iterator[int]:
    """A file handle to write and read; when the block ends, what it holds is on the disk and has the name `path`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        handle = uninterrupted(os.open, temporary, NEW, 0o666)
        try:
            yield handle
            uninterrupted(os.fsync, handle)
        finally:
            close(handle)
        uninterrupted(os.replace, temporary, path)
    except BaseException:
        with suppress(OSError):  # it may not be there; if it stays, `sweep` finds it
            uninterrupted(os.unlink, temporary)
        raise
    sync(path.parent)


def put(handle: int, piece: bytes | memoryview) -> None:
    """Write all of `piece`: the system may take less at a time, at a limit or beyond 2 GiB."""
    rest = memoryview(piece)
    while rest:
        rest = rest[uninterrupted(os.write, handle, rest) :]


def sync(folder: Path) -> None:
    """Have the names in `folder` on the disk. Windows has no such call."""
    if os.name == "nt":
        return
    handle = uninterrupted(os.open, folder, os.O_RDONLY)
    try:
        uninterrupted(os.fsync, handle)
    except OSError as error:
        if error.errno not in NO_SYNC_OF_FOLDERS:
            raise
    finally:
        close(handle)


def uninterrupted(call: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs) -> Answer:
    """What `call` gives; it is made again where a signal interrupted it."""
    while True:
        try:
            return call(*args, **kwargs)
        except InterruptedError:
            continue


def close(handle: int) -> None:
    """Close a handle; after an interruption it is closed too, and may not be closed again."""
    with suppress(InterruptedError):
        os.close(handle)


def writing(folder: Path) -> bool:
    """Whether this process is writing a file into `folder` at the moment."""
    found = (TEMPORARY.fullmatch(path.name) for path in folder.glob(".*"))
    return any(name is not None and int(name["process"]) == os.getpid() for name in found)


def sweep(folder: Path, names: str) -> None:
    """Remove the temporary files that processes which are gone left beside files whose names fully match `names`.

    Those of this process count as left: it may not be writing there. `OSError` where one cannot be removed.
    """
    for entry in uninterrupted(os.listdir, folder):
        found = TEMPORARY.fullmatch(entry)
        if found is None or re.fullmatch(names, found["name"]) is None:
            continue
        process = int(found["process"])
        if process == os.getpid() or not _alive(process):
            with suppress(FileNotFoundError):
                uninterrupted(os.unlink, folder / entry)


def _alive(process: int) -> bool:
    if os.name == "nt":
        return True  # there, os.kill would end it
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
