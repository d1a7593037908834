"""Processes that race for one lock, started by fork so that they start together. Prints what was seen as JSON."""

import json
import os
import sys
from pathlib import Path

from striate.errors import RunError
from striate.training.lock import Lock

RACERS, ROUNDS, WORKERS, TURNS = 20, 25, 6, 150


def forked(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def race(folder):
    """How many of the racers had the lock, and what the others were told."""
    start, go = os.pipe()
    answers, answer = os.pipe()
    release, finish = os.pipe()

    def racer():
        os.close(go)
        os.close(finish)
        os.read(start, 1)  # ends when the last writer closes
        try:
            with Lock(folder):
                os.write(answer, b"won\n")
                os.read(release, 1)
        except RunError as error:
            os.write(answer, f"{error}\n".encode())

    children = [forked(racer) for _ in range(RACERS)]
    os.close(start)
    os.close(release)
    os.close(answer)
    os.close(go)
    said = b""
    while said.count(b"\n") < RACERS:
        said += os.read(answers, 2**16)
    os.close(finish)
    os.close(answers)
    for child in children:
        os.waitpid(child, 0)
    return said.decode().splitlines()


def turns(folder):
    """Workers that take and leave the lock in turn: how often two were inside, and how often one was."""
    inside, answers = folder / "inside", folder / "answers"

    def worker():
        violations = entries = 0
        for _ in range(TURNS):
            try:
                with Lock(folder):
                    entries += 1
                    try:
                        os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
                    except FileExistsError:
                        violations += 1
                    else:
                        inside.unlink()
            except RunError:
                pass  # the other's turn
        with answers.open("a") as file:
            file.write(f"{violations} {entries}\n")

    for child in [forked(worker) for _ in range(WORKERS)]:
        os.waitpid(child, 0)
    counts = [line.split() for line in answers.read_text().splitlines()]
    return [sum(int(count[i]) for count in counts) for i in range(2)] + [len(counts)]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    races = [race(place) for _ in range(ROUNDS)]
    sys.stdout.write(
        json.dumps({"races": races, "turns": turns(place), "left": sorted(p.name for p in place.iterdir())})
    )
