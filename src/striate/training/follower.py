"""A process of a training that is not the first. `others.py` starts it; nobody imports it.

It gets one line of JSON on its standard input, which then stays open as long as the first process lives.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

LOOK = 0.5  # seconds between looks at the parent
GRACE = 2.0  # seconds
LOST = 75  # the exit code of a process that ended because another did


def end_with_the_first(given: dict[str, Any]) -> None:
    """End this process as soon as the first is gone, however it went; process 1 says it for all."""
    while True:
        ready, _, _ = select.select([0], [], [], LOOK)
        if (ready and not os.read(0, 1)) or os.getppid() != given["parent"]:
            break
    if given["rank"] == 1:
        text = (
            f"striate: rank 0 (process {given['parent']}) was ended; all have ended. "
            f"striate train --resume {given['run']} goes on from the last checkpoint.\n"
        )
        try:
            os.write(given["voice"], text.encode(errors="replace"))
        finally:
            shutil.rmtree(Path(given["meeting"]).parent, ignore_errors=True)
            os._exit(LOST)
    os._exit(LOST)


def main() -> int:
    given = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_the_first, args=(given,), daemon=True).start()
    ready = os.dup(1)
    os.dup2(2, 1)  # only the first process speaks
    sys.path[:] = given["packages"]

    from striate.errors import StriateError
    from striate.training.follow import follow
    from striate.training.launch import Lost, Place

    stands = Place(given["rank"], given["count"], given["rank"], given["count"])
    try:
        os.write(ready, b"1")
        follow(stands, None, None, meeting=Path(given["meeting"]))
    except Lost:
        time.sleep(GRACE)  # if it was the first that is gone, the other thread says so meanwhile
        return LOST
    except StriateError as error:
        sys.stderr.write(f"striate: {error}\n")
        return 1
    except BaseException:
        traceback.print_exc()  # its last line is what the first process tells
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # at once: nothing is left to save, and libraries may wait for what is gone
