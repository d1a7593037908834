"""Stopping when a person or the system asks: the step in progress is finished first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

ASKING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(BaseException):
    """What was under way is given up, as a signal asked."""


class Stops:
    """Within it, the first SIGINT, SIGTERM or SIGHUP only sets `asked`; a second one acts as if this were not here.

    A SIGHUP that is ignored, as under nohup, stays so. Signals are left alone outside the main thread, where Python
    cannot catch them.
    """

    def __init__(self) -> None:
        self.asked: signal.Signals | None = None
        self._at_once = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stops:
        if threading.current_thread() is threading.main_thread():
            for number in ASKING:
                if number.name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._ask)
        return self

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within it, what asks to stop raises `Interrupted`: for work that takes long and that nothing is lost of."""
        try:
            self._at_once = True
            if self.asked is not None:
                raise Interrupted
            yield
        finally:
            self._at_once = False

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = signal.Signals(number)
        self._restore()
        if self._at_once:
            raise Interrupted

    def _restore(self) -> None:
        while self._before:
            number, before = self._before.popitem()
            signal.signal(number, signal.SIG_DFL if before is None else before)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._restore()
