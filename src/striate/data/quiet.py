"""Silence while a decoder runs: from several threads at once, and with nothing left behind.

What is silenced belongs to the process (the file descriptor 2, the list of warning filters), so threads that decode at
the same time share one silence: the first one in makes it, the last one out ends it.
"""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

logging.getLogger("PIL").addHandler(logging.NullHandler())  # else logging writes its errors to stderr by itself


class Shared:
    """A context that is entered once however many threads are inside."""

    def __init__(self, make: Callable[[], AbstractContextManager[Any]]) -> None:
        self.make, self.lock, self.inside = make, threading.Lock(), 0
        self.held: AbstractContextManager[Any] | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.leave_in_child)

    def __enter__(self) -> None:
        with self.lock:
            if not self.inside:
                held = self.make()
                held.__enter__()
                self.held = held
            self.inside += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.inside -= 1
            self._end()

    def leave_in_child(self) -> None:
        """In a process that was forked meanwhile, whose other threads are gone, the silence ends at once."""
        self.lock, self.inside = threading.Lock(), 0
        self._end()

    def _end(self) -> None:
        if not self.inside and self.held is not None:
            held, self.held = self.held, None
            held.__exit__(None, None, None)


@contextmanager
def _stderr_closed() -> Iterator[None]:
    try:
        kept = os.dup(2)
    except OSError:  # a service may run without a stderr; then there is nothing to silence
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _warnings_ignored() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


no_stderr = Shared(_stderr_closed)  # libtiff, and the code around it, write there by themselves
no_warnings = Shared(_warnings_ignored)  # Pillow warns of sizes and odd tags; what matters is refused or noted
