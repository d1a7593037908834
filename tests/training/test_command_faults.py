"""The real command, killed, stopped and started again: it ends with the file that an unbroken one leaves."""

import hashlib
import json
import os
import random
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from striate.run import Run
from striate.training.checkpoints import newest

ALIKE = ("--threads", 1, "--precision", "float32", "--memory-format", "channels_last")
DIGITS = ("digits", "--net", "simple_cnn", "--epochs", 2, *ALIKE)
SHADES = ("--net", "conv 4-relu-gap-fc", "--epochs", 1, "--batch-size", 8, "--flip", *ALIKE)


def digest(run):
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def unbroken(commands, tmp_path_factory):
    """The digest of the model that the training of `DIGITS` leaves, and the run."""
    run = tmp_path_factory.mktemp("unbroken") / "run"
    code, said, errors = commands.finish(run, *DIGITS)
    assert code == 0, errors
    assert said["steps"] == 64
    return digest(run)


def kill_and_resume(commands, run, arguments, kills, chance):
    """Kill a training again and again, each time some steps on, and let it end; the last answer."""
    command = commands.start(run, *arguments, "--save-every", 0)
    seen = -1
    for _ in range(kills):
        wanted = seen + chance.randint(1, 6)
        command.until(lambda: (command.steps() or [-1])[-1] >= wanted)  # noqa: B023
        time.sleep(chance.uniform(0, 0.03))
        command.signal(signal.SIGKILL)
        assert command.wait() == -signal.SIGKILL, command.said()
        found = newest(run / "checkpoints")
        assert found.refused == ()
        assert found.state.step >= wanted
        seen = found.state.step
        command = commands.start(run, "--resume")
    assert command.wait() == 0, command.said()
    return json.loads(command.out.read_text().splitlines()[-1])


def test_after_10_kills_the_command_ends_with_the_file_of_an_unbroken_one(commands, unbroken, tmp_path):
    said = kill_and_resume(commands, tmp_path / "run", DIGITS, 10, random.Random(1))
    assert said["resumed_from"] > 9
    assert said["steps"] == 64
    assert digest(tmp_path / "run") == unbroken
    epochs = [event["epoch"] for event in Run(tmp_path / "run").events() if event["event"] == "epoch"]
    assert epochs == [1, 2]


def test_a_kill_changes_nothing_whatever_the_number_of_workers(commands, two_classes, tmp_path):
    code, _, errors = commands.finish(tmp_path / "whole", two_classes, *SHADES, "--workers", 0)
    assert code == 0, errors
    for workers in (0, 1):
        run = tmp_path / f"workers-{workers}"
        command = commands.start(run, two_classes, *SHADES, "--workers", workers, "--save-every", 0)
        command.until(lambda: (command.steps() or [-1])[-1] >= 5)  # noqa: B023
        command.signal(signal.SIGKILL)
        assert command.wait() == -signal.SIGKILL
        code, said, errors = commands.finish(run, "--resume", "--workers", 1 - workers)
        assert code == 0, errors
        assert said["resumed_from"] >= 5
        assert digest(run) == digest(tmp_path / "whole")


def steps_told(run):
    """The step of the last line in the log that names one."""
    lines = (run / "log.jsonl").read_text().splitlines() if (run / "log.jsonl").exists() else []
    return max((json.loads(line).get("step", 0) for line in lines if line.endswith("}")), default=-1)


def stop_and_resume(commands, run, arguments, signals, chance):
    """Stop a training with one signal after the other, each some steps on, and let it end; the last answer."""
    command = commands.start(run, *arguments)
    for number in signals:
        wanted = steps_told(run) + chance.randint(1, 5)
        command.until(lambda: steps_told(run) >= wanted)  # noqa: B023
        time.sleep(chance.uniform(0, 0.03))
        command.signal(number)
        assert command.wait() == 128 + number, command.said()
        assert "Traceback" not in command.said()
        done = list(Run(run).events())[-1]
        assert (done["event"], done["stopped"]) == ("done", True)
        assert newest(run / "checkpoints").state.step == done["steps"] == command.steps()[-1] >= wanted
        command = commands.start(run, "--resume")
    assert command.wait() == 0, command.said()
    return json.loads(command.out.read_text().splitlines()[-1])


def test_stops_save_the_very_step_and_cost_nothing(commands, unbroken, tmp_path):
    signals = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGINT]
    stop_and_resume(commands, tmp_path / "run", DIGITS, signals, random.Random(2))
    assert digest(tmp_path / "run") == unbroken


def test_a_stop_before_the_first_step_ends_with_one_line(commands, tmp_path):
    chance = random.Random(3)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) * 2:
        command = commands.start(tmp_path / "run", *DIGITS, "--overwrite")
        time.sleep(chance.uniform(0.02, 0.5))
        command.signal(number)
        assert command.wait() == 128 + number, command.said()
        assert command.said().splitlines()[-1].startswith(("striate: stopped.", "stopped as asked after step"))
        assert "Traceback" not in command.said()


SLOW = """
import time
from torch import nn

class Slow(nn.Module):
    def __init__(self, image, classes):
        super().__init__()
        self.fc = nn.Linear(image[0] * image[1] * image[2], classes)
        self.steps = 0

    def forward(self, x):
        if self.training and not x.is_meta:
            self.steps += 1
            if self.steps > 2:
                open("in-a-step", "w").close()
                time.sleep(60)
        return self.fc(x.flatten(1))
"""


@pytest.fixture
def in_a_step(commands, tmp_path):
    """A command whose third step takes a minute, at that step."""
    (tmp_path / "slow.py").write_text(SLOW)
    command = commands.start(tmp_path / "run", "digits", "--net", "slow.py:Slow", *ALIKE, "--save-every", 0)
    command.until((tmp_path / "in-a-step").exists)
    yield command
    command.signal(signal.SIGKILL)
    command.wait()


def test_a_second_signal_stops_in_the_middle_of_a_step_and_damages_nothing(commands, in_a_step):
    in_a_step.signal(signal.SIGTERM)
    time.sleep(0.3)
    assert in_a_step.alive(), "the first signal waits for the step"
    begun = time.monotonic()
    in_a_step.signal(signal.SIGINT)
    assert in_a_step.wait() in (128 + signal.SIGINT, 128 + signal.SIGTERM)  # whichever Python meets first
    assert time.monotonic() - begun < 10
    assert in_a_step.said().splitlines()[-1] == "striate: stopped."
    assert in_a_step.steps()[-1] >= 1
    found = newest(in_a_step.run / "checkpoints")
    assert (found.state.step, found.refused) == (in_a_step.steps()[-1], ())
    assert not (in_a_step.run / ".lock").exists()


def test_of_two_commands_in_one_folder_the_second_is_refused_at_once_by_number(commands, in_a_step):
    for again in (("--resume", "--net", "slow.py:Slow"), (*DIGITS, "--overwrite")):
        before = in_a_step.said()
        begun = time.monotonic()
        second = commands.start(in_a_step.run, *again, err="second.err")
        assert second.wait() == 2
        assert time.monotonic() - begun < 1
        assert f"process {in_a_step.number} on " in second.said()
        assert "is writing this run. Wait for it, stop it, or give another folder." in second.said()
        assert second.said().count("\n") == 1
        assert in_a_step.said() == before
    in_a_step.signal(signal.SIGKILL)
    in_a_step.until(lambda: not in_a_step.alive())
    code, _, errors = commands.finish(in_a_step.run, *DIGITS, "--overwrite")
    assert code == 0, errors  # the lock went with its owner


def workers_of(command):
    """The processes that read pictures for a command."""
    found = []
    for task in Path(f"/proc/{command.number}/task").iterdir():
        for number in (task / "children").read_text().split():
            with suppress(OSError):
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
    command.until(lambda: steps_told(command.run) >= 1)
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
