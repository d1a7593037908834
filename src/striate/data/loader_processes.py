"""Processes that prepare pictures: one that is killed, hangs or crashes takes no more with it than a second chance."""

from __future__ import annotations

import json
import mmap
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import striate
from striate.data.loader_worker import HEAD
from striate.data.picture_files import PictureFiles
from striate.data.preprocess import Preprocess
from striate.errors import ConfigError, TrainingError

PROCESS = Path(__file__).with_name("loader_worker.py")
STARTING = 120.0  # seconds to import torch on a busy machine
UNSAID = 2**64 - 1  # no picture yet
FEWER = "Use fewer --workers, or --workers 0."
SHORT = {"SIGKILL": ", as the system does where memory runs out", "SIGBUS": ", as where shared memory runs out"}


class LoaderError(TrainingError):
    """Pictures cannot be got ready: a worker ended twice, hangs, or has no memory."""


class _Ended(Exception):
    """The process is gone, or was ended because it hung; says how."""


@dataclass
class Ends:
    """How often the workers of one loader may end before time: once. `tell` gets a line for that one."""

    tell: Callable[[str], None]
    lock: threading.Lock = field(default_factory=threading.Lock)
    count: int = 0
    closed: bool = False  # the workers are ended on purpose

    def one_more(self, what: str) -> None:
        """Tell it, or raise `LoaderError` where it is not the first."""
        with self.lock:
            self.count += 1
            if self.count > 1:
                raise LoaderError(
                    f"{what}. A worker ended before as well. If memory is short, use fewer --workers or a smaller "
                    "--batch-size; --workers 0 does without processes; if it is always this file, remove it."
                )
            self.tell(f"{what}. It was started again at the same pictures.")


class Worker:
    """One process, started at its first pictures. Used by one thread; `kill` may come from any."""

    def __init__(self, number: int, preprocess: Preprocess, most: int, *, patience: float, ends: Ends) -> None:
        self.number, self.preprocess, self.most, self.patience, self.ends = number, preprocess, most, patience, ends
        self.process: subprocess.Popen[bytes] | None = None
        self.read = b""
        self.shared, self.rows = mmap.mmap(-1, HEAD), torch.empty(0, dtype=torch.uint8)

    def prepare(self, files: PictureFiles, wanted: Sequence[int], rows: Sequence[Tensor]) -> dict[int, str]:
        """Write the pictures `wanted` into `rows`, at most `most` of them; gives those that cannot be read, and why."""
        while True:
            try:
                if self.process is None and not self.ends.closed:
                    self._start()
                failed = self._ask(files, wanted)
                break
            except _Ended as ended:
                at = self._at()
                self.close()
                if self.ends.closed:
                    raise LoaderError("the loader was closed.") from None
                where = f"it was at {files.name(wanted[at])}" if at < len(wanted) else "it was at no file"
                self.ends.one_more(f"worker {self.number + 1} {ended}; {where}")
        for k, row in enumerate(rows):
            if k not in failed:
                row.copy_(self.rows[k])
        return {wanted[k]: reason for k, reason in failed.items()}

    def kill(self) -> None:
        """End the process, from any thread; it holds nothing that could be lost."""
        if (process := self.process) is not None:
            process.kill()

    def close(self) -> None:
        """The same, with all that belongs to it; not while another thread uses it."""
        process = self.process
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    _close(pipe)
            self.process = None

    def _start(self) -> None:
        channels, height, width = self.preprocess.image
        size = HEAD + self.most * height * width * channels
        handle = shared_memory(size)
        try:
            self.shared = mmap.mmap(handle, size)
            pixels = torch.frombuffer(self.shared, dtype=torch.uint8, offset=HEAD)
            self.rows = pixels.view(self.most, height, width, channels)
            self.shared[:8] = UNSAID.to_bytes(8, "little")
            self.read = b""
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(PROCESS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # C libraries write there by themselves
                bufsize=0,
                pass_fds=(handle,),
                start_new_session=True,  # Ctrl-C is for the program, which ends its workers itself
                env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
            )
        except OSError as error:
            raise LoaderError(f"worker {self.number + 1} cannot be started ({error.strerror}). {FEWER}") from None
        finally:
            os.close(handle)
        packages = [str(Path(striate.__file__).parents[1]), *(place for place in sys.path if place)]
        given = {"packages": packages, "preprocess": self.preprocess.as_json(), "handle": handle, "size": size}
        self._say(given | {"parent": os.getpid()})
        self._answer(max(STARTING, self.patience))

    def _ask(self, files: PictureFiles, wanted: Sequence[int]) -> dict[int, str]:
        self.shared[:8] = UNSAID.to_bytes(8, "little")
        pictures = [files.pictures[i] for i in wanted]
        plain = [each if isinstance(each, str) else (os.fspath(each.shard), *each[1:]) for each in pictures]
        self._say({"root": os.fspath(files.root), "pictures": plain})
        return {int(k): reason for k, reason in self._answer(self.patience)["failed"].items()}

    def _at(self) -> int:
        return int.from_bytes(self.shared[:8], "little")

    def _say(self, value: dict[str, Any]) -> None:
        if self.process is None or self.process.stdin is None:
            raise _Ended("ended")
        rest = memoryview(json.dumps(value).encode() + b"\n")
        try:
            while rest:
                rest = rest[self.process.stdin.write(rest) :]
        except (OSError, ValueError):
            raise _Ended(self._how()) from None

    def _answer(self, patience: float) -> dict[str, Any]:
        if self.process is None or self.process.stdout is None:
            raise _Ended("ended")
        until = time.monotonic() + patience
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self.process.stdout, selectors.EVENT_READ)
                while b"\n" not in self.read:
                    if not selector.select(max(0.0, until - time.monotonic())):
                        raise _Ended(f"gave no answer for {patience:g} s and was ended")
                    if not (some := os.read(self.process.stdout.fileno(), 2**16)):
                        raise _Ended(self._how())
                    self.read += some
        except (OSError, ValueError):  # the loader was closed meanwhile
            raise _Ended(self._how()) from None
        line, self.read = self.read.split(b"\n", 1)
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise _Ended(f"ended with {said['error'].splitlines()[0]}")
        return said

    def _how(self) -> str:
        """How the process ended, in words."""
        if self.process is None:
            return "ended"
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            return "answered no more and was ended"
        if code >= 0:
            return f"ended with exit code {code}"
        name = signal.Signals(-code).name
        return f"was ended by {name}{SHORT.get(name, '')}"


def check_workers(workers: int) -> None:
    """`ConfigError` where so many processes cannot be."""
    if workers < 0:
        raise ConfigError(f"workers is {workers}; it must be at least 0.")
    if workers and sys.platform == "win32":
        raise ConfigError("workers need Linux or macOS. Use --workers 0: threads read the pictures then.")


def shared_memory(size: int) -> int:
    """A handle of `size` bytes that another process may map; they are there, so that writing cannot fail later.

    Not in /dev/shm, which containers make small. `LoaderError` where there is no such room.
    """
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("striate-loader")
    else:
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)
        else:
            os.truncate(handle, size)
    except OSError as error:
        os.close(handle)
        raise LoaderError(f"there is no room for {size:,} bytes of shared memory ({error.strerror}). {FEWER}") from None
    return handle


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:  # what it still held cannot be said to a process that is gone
        return
