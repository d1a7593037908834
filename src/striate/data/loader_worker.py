"""The process that prepares pictures apart from the program. `loader_processes.py` starts it; nobody imports it.

It gets one line of JSON (where packages are, the preprocessing, the shared memory), then one line for each few
pictures. Their pixels go into the shared memory; the answer is one line: which could not be read, and why. Before each
picture it writes the number of it there, so that one that ends the process is known. It ends with its parent.
"""

from __future__ import annotations

import json
import mmap
import os
import sys
from collections.abc import Callable
from typing import Any

HEAD = 4096  # bytes of the shared memory before the pixels; the first eight say which picture is being read
PR_SET_PDEATHSIG, SIGKILL = 1, 9  # of prctl(2)


def end_with(parent: int) -> None:
    """End this process as soon as its parent is gone, where the system can; else it ends when it is next asked."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def main() -> None:
    voice = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a C library prints is no answer

    def answer(value: dict[str, Any]) -> None:
        voice.write(json.dumps(value) + "\n")
        voice.flush()

    try:
        serve(answer)
    except BrokenPipeError:  # nobody is left to answer
        return
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"[:300]})


def serve(answer: Callable[[dict[str, Any]], None]) -> None:
    """Prepare what is asked for, until nothing more is."""
    given = json.loads(sys.stdin.readline())
    end_with(given["parent"])
    sys.path[:] = given["packages"]

    from pathlib import Path

    import torch

    from striate.data.examples import Member
    from striate.data.picture_files import PictureFiles
    from striate.data.preparing import prepare
    from striate.data.preprocess import Preprocess

    torch.set_num_threads(1)
    preprocess = Preprocess.from_json(given["preprocess"])
    shared = mmap.mmap(given["handle"], given["size"])
    channels, height, width = preprocess.image
    rows = torch.frombuffer(shared, dtype=torch.uint8, offset=HEAD).view(-1, height, width, channels)
    answer({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        pictures = [
            each if isinstance(each, str) else Member(Path(each[0]), each[1], each[2], each[3])
            for each in asked["pictures"]
        ]
        files = PictureFiles(Path(asked["root"]), pictures, torch.zeros(len(pictures), dtype=torch.int64), (3, 1, 1))
        failed = {}
        for index in range(len(pictures)):
            shared[:8] = index.to_bytes(8, "little")
            if reason := prepare(files, index, preprocess, rows[index]):
                failed[index] = reason
        answer({"failed": failed})


if __name__ == "__main__":
    main()
