"""Files as they are found in the wild: opened so that nothing hangs, written so that nothing is lost."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path

from striate import atomic
from striate.errors import DataError

KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)
READ = sum(  # as far as the system has them
    getattr(os, flag, 0) for flag in ("O_RDONLY", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
)


def shown(path: str | Path) -> str:
    """A path as it stands in a message: one line, whatever bytes its name is made of.

    >>> shown(Path("odd\\nname"))
    'odd\\\\nname'
    """
    text = str(path)
    return text if text.isprintable() else ascii(text)[1:-1]


def as_text(name: str) -> str:
    """A name as text that every file can hold, whatever bytes it is made of.

    >>> as_text("caf\\udce9")
    'caf\\\\udce9'
    """
    return name.encode("utf-8", "backslashreplace").decode()


def regular_handle(path: str | Path) -> int:
    """A handle to read the file at `path` by. A pipe or a device is refused, not waited for. Raises `DataError`."""
    try:
        handle = os.open(path, READ)
    except FileNotFoundError:
        if Path(path).is_symlink():
            raise DataError(f"{shown(path)}: is a link to a file that does not exist. Mend or remove it.") from None
        raise DataError(f"{shown(path)}: there is no such file. Is the name right?") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{shown(path)}: cannot be opened ({getattr(error, 'strerror', None) or error}).") from None
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return handle
    os.close(handle)
    kind = next((kind for is_kind, kind in KINDS if is_kind(mode)), "a device")
    raise DataError(f"{shown(path)}: is {kind}, not a file. Name a file.")


def open_regular(path: Path) -> BufferedReader:
    """The same as a file object."""
    return os.fdopen(regular_handle(path), "rb")


def file_bytes(path: Path, *, most: int) -> bytes:
    """What the file at `path` holds; `DataError` where that is more than `most` bytes."""
    with open_regular(path) as file:
        try:
            found = file.read(min(os.fstat(file.fileno()).st_size, most) + 1)  # never room for `most` at once
        except OSError as error:
            raise DataError(f"{shown(path)}: cannot be read ({error.strerror}).") from None
    if len(found) > most:
        raise DataError(f"{shown(path)}: is larger than {most:,} bytes, the most that is read. Is it the right file?")
    return found


def write_atomically(path: Path, *contents: bytes | memoryview) -> None:
    """Write a file so that its name holds all of `contents` or what it held before. Raises `DataError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, contents)
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be written ({error.strerror}).") from None
