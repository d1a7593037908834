"""How a verb ends when a person or the system asks: with one line and the signal's exit code; asked again, at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ASKING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
LAST_WORDS = 10.0  # seconds to end in order; a thread or a library may have swallowed the exception


class Stopped(KeyboardInterrupt):
    """The signal `number` asked to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def stoppable() -> Iterator[None]:
    """Within it, a signal that asks to stop raises `Stopped`; verbs that finish something first catch it themselves.

    Nothing that Striate writes is damaged by an end at any moment, so the next signal ends the process as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        late.append(threading.Timer(LAST_WORDS, os._exit, (128 + number,)))
        late[0].daemon = True
        late[0].start()
        raise Stopped(number)

    late: list[threading.Timer] = []
    before = {n: signal.getsignal(n) for n in ASKING if n.name != "SIGHUP" or signal.getsignal(n) != signal.SIG_IGN}
    for each in before:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
        for timer in late:
            timer.cancel()
