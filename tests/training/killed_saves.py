"""Kill a process that saves, again and again, and say what its checkpoints are like each time.

python killed_saves.py FOLDER KILLS SECONDS NUMBERS: each process goes on from the newest checkpoint, saves step after
step, and is killed (SIGKILL) within SECONDS. Prints what was seen as JSON.
"""

import json
import os
import random
import signal
import struct
import sys
import time
from pathlib import Path

import torch

from striate.training.checkpoints import State, newest, save


def state(step: int, numbers: int) -> State:
    return State(step, {"w": torch.arange(numbers) * step, "n": torch.tensor(step)}, {"step": step, "half": step / 2})


def whole(found: State, numbers: int) -> bool:
    meant = state(found.step, numbers)
    return found.values == meant.values and all(torch.equal(found.tensors[n], t) for n, t in meant.tensors.items())


def go_on(folder: Path, numbers: int, told: int) -> None:
    """Save step after step, and tell each step after its save has returned."""
    found = newest(folder).state
    step = 0 if found is None else found.step
    os.write(told, struct.pack("<q", step))
    while True:
        step += 1
        save(folder, state(step, numbers))
        os.write(told, struct.pack("<q", step))


def killed(folder: Path, numbers: int, seconds: float) -> int:
    """Start a process, kill it; the last step that it told."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            go_on(folder, numbers, writer)
        finally:
            os._exit(1)
    os.close(writer)
    told = os.read(reader, 8)  # it has read what was there
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    while more := os.read(reader, 2**16):
        told += more
    os.close(reader)
    if os.WTERMSIG(status) != signal.SIGKILL:
        raise SystemExit(f"the process ended by itself: {status}")
    return int(struct.unpack("<q", told[-8:])[0])


def main(folder: Path, kills: int, seconds: float, numbers: int) -> None:
    torch.set_num_threads(1)
    chance = random.Random(8)
    seen = {"steps": 0, "inside": 0, "unreadable": [], "lost": []}
    for kill in range(kills):
        told = killed(folder, numbers, chance.uniform(0, seconds))
        seen["inside"] += any(path.suffix == ".tmp" for path in folder.iterdir())
        found = newest(folder)
        if found.refused or (found.state is not None and not whole(found.state, numbers)):
            seen["unreadable"].append([kill, *found.refused])
        seen["steps"] = 0 if found.state is None else found.state.step
        if not told <= seen["steps"] <= told + 1:
            seen["lost"].append([kill, told, seen["steps"]])
    seen["left"] = sorted(path.name for path in folder.iterdir() if path.suffix == ".tmp")
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
