"""A process that reads pictures may die once: it is told and started again. The second time ends the training."""

import hashlib
import os
import re
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from striate.run import Run

ALIKE = ("--threads", 1, "--precision", "float32", "--memory-format", "channels_last")


def digest(run):
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


def workers_of(command):
    """The processes that read pictures for a command."""
    found = []
    for task in Path(f"/proc/{command.number}/task").iterdir():
        with suppress(OSError):  # it may be gone meanwhile
            for number in (task / "children").read_text().split():
                if b"loader_worker" in Path(f"/proc/{number}/cmdline").read_bytes():
                    found.append(int(number))
    return found


def kill_a_worker(command, but=None):
    """Kill one that is not `but`; its number."""
    command.until(lambda: [number for number in workers_of(command) if number != but])
    victim = next(number for number in workers_of(command) if number != but)
    os.kill(victim, signal.SIGKILL)
    return victim


@pytest.fixture(scope="module")
def large_pictures(picture_folder, tmp_path_factory):
    """Pictures that take long enough to read that a worker can be killed at them."""
    return picture_folder(tmp_path_factory.mktemp("large") / "shades", count=150, size=160)


LARGE = ("--net", "conv 4-relu-gap-fc", "--image", "3x16x16", "--batch-size", 8, "--workers", 1, *ALIKE)


def test_a_worker_that_dies_is_told_and_started_again_once(commands, large_pictures, tmp_path):
    code, _, errors = commands.finish(tmp_path / "whole", large_pictures, *LARGE, "--epochs", 1, "--workers", 0)
    assert code == 0, errors
    command = commands.start(tmp_path / "run", large_pictures, *LARGE, "--epochs", 1)
    kill_a_worker(command)
    assert command.wait() == 0, command.said()
    (warning,) = [event for event in Run(tmp_path / "run").events() if event["event"] == "warning"]
    assert re.search(r"worker 1 was ended by SIGKILL.*; it was at .*\. It was started again", warning["text"])
    assert f"warning: {warning['text']}" in command.said()
    assert digest(tmp_path / "run") == digest(tmp_path / "whole")


def test_a_second_death_of_a_worker_stops_with_a_checkpoint_and_one_line(commands, large_pictures, tmp_path):
    command = commands.start(tmp_path / "run", large_pictures, *LARGE, "--epochs", 400)
    first = kill_a_worker(command)
    command.until(lambda: command.told() >= 1)
    kill_a_worker(command, but=first)
    assert command.wait() == 1
    stood = command.steps()[-1]
    assert stood >= 1
    last = command.said().splitlines()[-1]
    assert re.match(r"striate: worker 1 .*\. A worker ended before as well\. .*--workers 0 does without", last), last
    assert "Traceback" not in command.said()
    code, said, errors = commands.finish(tmp_path / "run", "--resume", "--workers", 0, "--epochs", 1)
    assert code == 0, errors
    assert said["resumed_from"] == stood
