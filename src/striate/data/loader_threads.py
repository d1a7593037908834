"""Threads that prepare pictures ahead of need, each computing with one thread of torch.

They die with the program: none is waited for at its end beyond the picture it is at.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue

import torch

LAST_WORDS = 5.0  # seconds that a thread has for the picture it is at, when the pool is closed

Failed = dict[int, str]  # pictures that cannot be read, and why
Job = tuple["Future[Failed]", Callable[[], Failed]]


class Threads:
    """`count` threads; `ask` gives them something to do. The numbers of torch's threads elsewhere stay as they are."""

    def __init__(self, count: int) -> None:
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        ready = threading.Barrier(count + 1)
        self.threads = [
            threading.Thread(target=_work, args=(self.jobs, ready), name="striate-loader", daemon=True)
            for _ in range(count)
        ]
        elsewhere = torch.get_num_threads()
        for thread in self.threads:
            thread.start()
        ready.wait()
        torch.set_num_threads(elsewhere)  # a thread that sets its own number sets what later threads begin with

    def ask(self, job: Callable[[], Failed]) -> Future[Failed]:
        """`job` as soon as a thread is free; the future ends with what it gives, or raises."""
        future: Future[Failed] = Future()
        self.jobs.put((future, job))
        return future

    def close(self) -> None:
        """Forget what has not begun, and end."""
        while not self.jobs.empty():
            if (forgotten := self.jobs.get()) is not None:
                forgotten[0].cancel()
        for _ in self.threads:
            self.jobs.put(None)
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join(LAST_WORDS)


def _work(jobs: SimpleQueue[Job | None], ready: threading.Barrier) -> None:
    torch.get_num_threads()  # else torch gives this thread its default number when it first computes
    torch.set_num_threads(1)
    ready.wait()
    while (given := jobs.get()) is not None:
        future, job = given
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(job())
        except BaseException as error:
            future.set_exception(error)
        del given, future, job  # a waiting thread holds nothing
