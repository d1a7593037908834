"""How much of this machine other processes use: a measurement made beside them holds only while they are there."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

STAT = Path("/proc/stat")  # Linux: its first line has the seconds of all cores, in ticks
IDLE = (3, 4)  # of its columns: idle, and waiting for a disk
COLUMNS = 8  # up to the time that the host took; the rest is counted in the others already
CROWDED = 0.5  # load a core besides this process


def crowded() -> bool:
    """Whether other processes have had the machine busy for the last minute; False where no system tells."""
    if not hasattr(os, "getloadavg"):
        return False
    return os.getloadavg()[0] > CROWDED * (os.cpu_count() or 1) + 1


class Others:
    """What other processes do from now on."""

    def __init__(self) -> None:
        self._begun, self._all, self._own = time.monotonic(), _busy(), _own()

    def cores(self) -> float:
        """How many cores they have used since, on average; 0 where no system tells."""
        now, busy = time.monotonic(), _busy()
        if busy is None or self._all is None or now <= self._begun:
            return 0.0
        return max(0.0, (busy - self._all - (_own() - self._own)) / (now - self._begun))


def _busy() -> float | None:
    """The seconds that all cores have worked since the machine started; None where no system tells."""
    with suppress(OSError, ValueError):
        ticks = [int(text) for text in STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1 : 1 + COLUMNS]]
        return sum(ticks[i] for i in range(len(ticks)) if i not in IDLE) / os.sysconf("SC_CLK_TCK")
    return None


def _own() -> float:
    """The seconds that this process has worked."""
    spent = os.times()
    return spent.user + spent.system
