"""Several processes train as one does: the real command, its ranks stopped, killed and counted.

The network has no kinks (tanh, no max-pooling), so that what sums in another order change stays as small as it began.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import load_file

SMOOTH = """
import os
from torch import nn

def smooth(image, classes):
    return nn.Sequential(
        nn.Conv2d(image[0], 6, 3, 2, bias=False), nn.BatchNorm2d(6), nn.Tanh(),
        nn.Conv2d(6, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Tanh(), nn.Flatten(), nn.Linear(72, classes))

class Fails(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0
    def forward(self, x):
        import torch.distributed as dist
        self.calls += 1
        if self.calls == 7 and dist.is_initialized() and dist.get_rank() == 1:
            raise ValueError("rank one has had enough")
        return x

def failing(image, classes):
    return nn.Sequential(Fails(), *smooth(image, classes))
"""
PLAIN = ("--precision", "float32", "--memory-format", "channels_first", "--threads", 1, "--batch-size", 25)
SECONDS = 10  # in which all have ended


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    file = tmp_path_factory.mktemp("net") / "smooth.py"
    file.write_text(SMOOTH)
    return file


@pytest.fixture(scope="module")
def trained(commands, two_classes, net, tmp_path_factory):
    """The weights after four epochs, by the options that are not those of one process."""
    found, folder = {}, tmp_path_factory.mktemp("trained")

    def with_options(*options):
        if options not in found:
            run = folder / str(len(found))
            code, _, said = commands.finish(run, two_classes, "--net", f"{net}:smooth", *PLAIN, "--epochs", 4, *options)
            assert code == 0, said
            found[options] = run
        return found[options]

    return with_options


def weights(run):
    return load_file(run / "model.safetensors")


def difference(run, other):
    """The largest relative difference of a tensor of two runs; of running means, which are near 0, in deviations."""
    ours, theirs = weights(run), weights(other)
    worst = 0.0
    for name, value in ours.items():
        scale = ours[name.replace("mean", "var")].sqrt() if name.endswith("running_mean") else value
        worst = max(worst, float((value.double() - theirs[name].double()).norm() / scale.double().norm()))
    return worst


def same(run, other):
    ours, theirs = weights(run), weights(other)
    return all(value.equal(theirs[name]) for name, value in ours.items())


def children(number):
    """The processes that a process started, and those that these did."""
    found = []
    for task in Path(f"/proc/{number}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has ended meanwhile
            found += [int(word) for word in (task / "children").read_text().split()]
    return [*found, *(inner for one in found for inner in children(one))]


def alive(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def all_end(numbers, seconds=SECONDS):
    until = time.monotonic() + seconds
    while any(alive(number) for number in numbers) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(alive(number) for number in numbers)


def long(commands, run, two_classes, net, count=2, name="smooth"):
    """A training of `count` processes that would take long, after some steps; and the processes but the first."""
    options = ("--epochs", 4000, "--save-every", 0, "--processes", count)
    command = commands.start(run, two_classes, "--net", f"{net}:{name}", *PLAIN, *options)
    command.until(lambda: bool(command.steps()) and command.steps()[-1] > 3)
    return command, children(command.number)


def test_two_processes_end_with_the_weights_of_one(trained):
    assert difference(trained(), trained("--processes", 2)) < 1e-5


@pytest.mark.slow
def test_a_repeated_training_of_two_processes_is_the_same_to_the_bit(trained):
    assert same(trained("--processes", 2), trained("--processes", 2, "--seed", 0))


def test_weights_that_are_cut_end_the_same_and_are_saved_whole(trained):
    whole, cut = trained(), trained("--processes", 2, "--shard")
    assert difference(whole, cut) < 1e-5
    shapes = []
    for run in (whole, cut):
        with safe_open(max((run / "checkpoints").glob("*.safetensors")), "pt") as file:
            shapes.append({name: file.get_slice(name).get_shape() for name in file.keys()})  # noqa: SIM118 - no mapping
    assert shapes[0] == shapes[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--mixup", 0.4),
        ("--accumulate", 3),
        ("--ema", 0.95),
        ("--balance", "sampling", "--cutmix", 0.5),
        ("--optimizer", "adamw", "--flip", "--shift", 2, "--rate", 0.001),
        ("--batch-size", 103, "--clip", 0.1),  # the last batch has two pictures
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [2, 3, 4])
def test_any_number_of_processes_ends_with_the_weights_of_one(trained, options, count):
    assert difference(trained(*options), trained(*options, "--processes", count)) < 2e-5


@pytest.mark.slow
@pytest.mark.parametrize("cut", [False, True])
def test_a_run_goes_on_with_another_number_of_processes(commands, trained, two_classes, net, tmp_path, cut):
    run = tmp_path / "run"
    options = (two_classes, "--net", f"{net}:smooth", *PLAIN, "--epochs", 4, "--processes", 3)
    code, _, said = commands.finish(run, *options, *(["--shard"] if cut else []), before=STOP_AT.format(step=7))
    assert code == 143, said
    for count, stop, end in ((1, STOP_AT.format(step=12), 143), (2, "", 0)):
        code, told, said = commands.finish(
            run,
            "--resume",
            "--net",
            f"{net}:smooth",
            "--processes",
            count,
            before=stop,
        )
        assert code == end, said
    assert told["resumed_from"] == 12
    assert difference(trained(), run) < 1e-5


STOP_AT = """
import os, signal
import striate.training.session as session
def halted(self, real=session.Session.halted, os=os, signal=signal):
    if self.loop.step == {step} and self.stops.asked is None:
        os.kill(os.getpid(), signal.SIGTERM)
    return real(self)
session.Session.halted = halted
"""


@pytest.mark.parametrize(
    ("who", "number"),
    [
        ("another", signal.SIGTERM),
        ("the first", signal.SIGINT),
        pytest.param("another", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("the first", signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_signal_to_any_process_saves_the_same_step_and_ends_all(commands, two_classes, net, tmp_path, number, who):
    command, others = long(commands, tmp_path / "run", two_classes, net)
    begun = time.monotonic()
    os.kill(command.number if who == "the first" else others[0], number)
    assert command.wait() == 128 + number, command.said()
    assert time.monotonic() - begun < SECONDS
    assert all_end(others, 1)
    told = json.loads(command.out.read_text().splitlines()[-1])
    assert command.steps()[-1] == told["steps"]
    assert "Traceback" not in command.said()


def test_a_process_that_is_killed_ends_all_with_one_line(commands, two_classes, net, tmp_path):
    command, others = long(commands, tmp_path / "run", two_classes, net, 3)
    begun = time.monotonic()
    os.kill(others[1], signal.SIGKILL)
    assert command.wait() == 1
    assert time.monotonic() - begun < SECONDS
    assert all_end(others, 1)
    (line,) = [line for line in command.said().splitlines() if "striate:" in line]
    assert re.search(r"rank [12] \(process \d+\) was ended by SIGKILL.*; all have ended. striate train --resume", line)
    code, told, said = commands.finish(
        tmp_path / "run", "--resume", "--net", f"{net}:smooth", "--processes", 1, "--minutes", 0.0001
    )
    assert code == 0, said
    assert told["resumed_from"] > 3


def test_others_end_when_the_first_is_killed(commands, two_classes, net, tmp_path):
    command, others = long(commands, tmp_path / "run", two_classes, net)
    os.kill(command.number, signal.SIGKILL)
    assert all_end(others)
    assert command.wait() == -signal.SIGKILL
    assert "rank 0" in command.said()
    assert command.said().rstrip().endswith("goes on from the last checkpoint.")


def test_a_process_that_fails_is_quoted(commands, two_classes, net, tmp_path):
    code, _, said = commands.finish(
        tmp_path / "run", two_classes, "--net", f"{net}:failing", *PLAIN, "--epochs", 4, "--processes", 2
    )
    assert code == 1
    assert "failed: ValueError: rank one has had enough; all have ended" in said
    assert "Traceback" not in said


def test_on_one_machine_nothing_listens_to_others(commands, two_classes, net, tmp_path):
    command, others = long(commands, tmp_path / "run", two_classes, net)
    sockets = set()
    for number in (command.number, *others):
        for handle in Path(f"/proc/{number}/fd").iterdir():
            if (found := re.fullmatch(r"socket:\[(\d+)\]", str(handle.readlink()))) is not None:
                sockets.add(found[1])
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{command.number}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in sockets:
                listening.append(words[1].partition(":")[0])
    command.signal(signal.SIGTERM)
    command.wait()
    assert listening
    assert set(listening) == {"0100007F"}  # 127.0.0.1


def test_processes_beyond_the_machine_are_refused_in_one_line(commands, tmp_path):
    code, _, said = commands.finish(tmp_path / "run", "digits", "--processes", 256)
    assert (code, said.count("\n")) == (2, 1)
    assert re.match(r"striate: processes is 256; this machine has \d+ cores?\. Give at most that many\.", said)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_torchrun_starts_the_same_training(trained, two_classes, net, tmp_path):
    words = ["train", two_classes, "--net", f"{net}:smooth", *PLAIN, "--epochs", 4, "--run", tmp_path / "run", "--json"]
    started = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "-m",
        "--",
        "striate",
    ]
    done = subprocess.run([*started, *map(str, words)], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1  # one process speaks
    assert json.loads(done.stdout)["steps"] == 20
    assert same(trained("--processes", 2), tmp_path / "run")


SLOW_FROM = """
import os, time
def slow(handle, fsync=os.fsync, sleep=time.sleep, exists=os.path.exists):
    sleep(3.5 if exists("{path}") else 0)
    fsync(handle)
os.fsync = slow
"""


def test_the_last_whole_step_is_saved_when_a_process_is_killed_and_the_disk_slow(commands, two_classes, net, tmp_path):
    run = tmp_path / "run"
    options = ("--epochs", 4000, "--save-every", 1000, "--processes", 2)
    command = commands.start(
        run, two_classes, "--net", f"{net}:smooth", *PLAIN, *options, before=SLOW_FROM.format(path=tmp_path / "from")
    )
    command.until(lambda: (run / "log.jsonl").exists() and '"epoch": 3' in (run / "log.jsonl").read_text())
    assert command.steps() == [0]
    (tmp_path / "from").touch()
    os.kill(children(command.number)[0], signal.SIGKILL)
    assert command.wait() == 1
    assert command.steps()[-1] >= 10, command.said()  # two epochs of five steps were over


@pytest.mark.slow
def test_the_same_number_goes_on_to_the_bit(commands, trained, two_classes, net, tmp_path):
    run = tmp_path / "run"
    options = (two_classes, "--net", f"{net}:smooth", *PLAIN, "--epochs", 4, "--processes", 3)
    code, _, said = commands.finish(run, *options, before=STOP_AT.format(step=7))
    assert code == 143, said
    code, told, said = commands.finish(run, "--resume", "--net", f"{net}:smooth")
    assert (code, told["resumed_from"]) == (0, 7), said
    assert same(trained("--processes", 3), run)
