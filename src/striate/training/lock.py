"""One writer of a run folder: a lock that the system frees when its owner dies, however it dies."""

from __future__ import annotations

import errno
import json
import os
import platform
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from striate import atomic
from striate.errors import RunError
from striate.run import LOCK

OWNER_BYTES = 400  # more than a process number and the name of a machine take
PATIENCE = 20  # times a hundredth of a second
BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # what the systems say of a lock that is held

HELD: set[Lock] = set()  # by this process

if sys.platform == "win32":
    import msvcrt

    BEYOND = 2**30  # a locked byte cannot be read there, so it is one that the file does not have

    def _take(handle: int) -> None:
        os.lseek(handle, BEYOND, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """Within it, this is the only process that writes into `folder`; `RunError` names the one that has it already.

    The lock goes with the process, and is not inherited by the workers it starts. Not tried on Windows.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Lock(Path(folder)):
    ...     (Path(folder) / ".lock").exists()
    True
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._handle: int | None = None

    def __enter__(self) -> Lock:
        path = self.folder / LOCK
        try:
            while self._handle is None:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
                self._handle = self._locked(handle, path)
            owner = json.dumps({"pid": os.getpid(), "host": platform.node()[:64]}).encode()
            os.ftruncate(self._handle, 0)
            atomic.put(self._handle, owner)
        except OSError as error:
            self._close()
            raise RunError(
                f"{self.folder}: cannot be locked ({error.strerror}). Give a folder you may write to."
            ) from None
        HELD.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._handle is not None:
            with suppress(OSError):  # a lock file that stays is nobody's
                (self.folder / LOCK).unlink()
            self._close()

    def _locked(self, handle: int, path: Path) -> int | None:
        """The handle, locked; None where its owner removed the file meanwhile."""
        try:
            _take(handle)
        except OSError as error:
            owner = _owner(handle)
            os.close(handle)
            if error.errno not in BUSY:
                raise
            raise RunError(
                f"{self.folder}: {owner} is writing this run. Wait for it, stop it, or give another folder."
            ) from None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)
        return None

    def _close(self) -> None:
        HELD.discard(self)
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _leave_to_parent() -> None:
    """A worker would keep the lock of a parent that was killed: it closes its copy."""
    for lock in list(HELD):
        lock._close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


def _owner(handle: int) -> str:
    """Who wrote the lock file, in words; its owner may be about to write it."""
    for _ in range(PATIENCE):
        with suppress(OSError, ValueError, KeyError, TypeError, OverflowError):
            os.lseek(handle, 0, os.SEEK_SET)
            said = json.loads(os.read(handle, OWNER_BYTES))
            host = str(said["host"])
            return f"process {int(said['pid'])} on {host if host.isprintable() else ascii(host)}"
        time.sleep(0.01)
    return "another process"
