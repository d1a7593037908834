"""The real command, killed, stopped and started again: it ends with the file that an unbroken one leaves."""

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
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


def stop_and_resume(commands, run, arguments, signals, chance):
    """Stop a training with one signal after the other, each some steps on, and let it end; the last answer."""
    command = commands.start(run, *arguments)
    for number in signals:
        wanted = command.told() + chance.randint(1, 5)
        command.until(lambda: command.told() >= wanted)  # noqa: B023
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


def by_time(run, executable, *arguments):
    """Start the installed command, and kill it at a random moment until it ends by itself; how often it was killed."""
    chance, kills = random.Random(4), 0
    whole = 6.0  # seconds that an unbroken one takes, about
    while True:
        rest = (
            ("--resume", run)
            if list(run.glob("checkpoints/*.safetensors"))
            else (*arguments, "--overwrite", "--run", run)
        )
        process = subprocess.Popen([executable, "train", *map(str, rest)], stderr=subprocess.PIPE, text=True)
        try:
            process.communicate(timeout=chance.uniform(0.1, whole) if kills < 10 else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            assert newest(run / "checkpoints").refused == ()
            continue
        assert process.returncode == 0
        return kills


@pytest.mark.slow
def test_10_kills_of_the_installed_command_at_random_times_end_with_the_file_of_an_unbroken_one(commands, tmp_path):
    """Imports and reading are interrupted too, and each checkpoint is a tenth of a second after the one before."""
    executable = Path(sys.executable).with_name("striate")
    if not executable.exists():
        pytest.skip("the command striate is not installed beside this Python")
    arguments = ("digits", "--net", "simple_cnn", "--epochs", 75, *ALIKE, "--save-every", 0.002)
    code, _, errors = commands.finish(tmp_path / "whole", *arguments)
    assert code == 0, errors
    assert by_time(tmp_path / "run", executable, *arguments) >= 10
    assert digest(tmp_path / "run") == digest(tmp_path / "whole")


@pytest.mark.slow
def test_40_stops_save_the_very_step_and_cost_nothing(commands, tmp_path):
    arguments = ("digits", "--net", "simple_cnn", "--epochs", 18, *ALIKE)
    code, _, errors = commands.finish(tmp_path / "whole", *arguments)
    assert code == 0, errors
    signals = [signal.SIGTERM, signal.SIGINT] * 20
    stop_and_resume(commands, tmp_path / "run", arguments, signals, random.Random(5))
    assert digest(tmp_path / "run") == digest(tmp_path / "whole")


ELSEWHERE = """
os.environ.update(TZ="Pacific/Kiritimati", LC_ALL="tr_TR.UTF-8", LANG="tr_TR.UTF-8")
import locale, time
time.tzset()
for name in ("tr_TR.UTF-8", "C"):
    try:
        locale.setlocale(locale.LC_ALL, name)
        break
    except locale.Error:
        continue
"""


def test_no_time_zone_or_language_of_the_system_changes_a_run(commands, unbroken, tmp_path):
    """A day ahead, and with an i that has no dot; where the language is not installed, only its variables are set."""
    command = commands.start(tmp_path / "run", *DIGITS, before=ELSEWHERE)
    command.until(lambda: command.told() >= 9)
    command.signal(signal.SIGTERM)
    assert command.wait() == 143
    code, _, errors = commands.finish(tmp_path / "run", "--resume", before="os.environ['TZ'] = 'America/Adak'")
    assert code == 0, errors
    assert digest(tmp_path / "run") == unbroken
