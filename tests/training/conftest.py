"""What tests of the real command share: a way to start it often, and a folder of pictures.

Tests of reused weights share a small network that learned the digits 0 to 4; `digit_networks` is importable.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from digit_networks import learned_digits

PATIENCE = 120.0  # seconds, on a machine that does much else


@dataclass
class Command:
    """A command that was started; `run` is its run folder."""

    server: "Commands"
    number: int
    run: Path
    out: Path
    err: Path
    code: int | None = None

    def wait(self):
        """Its exit code, or minus the signal that ended it."""
        if self.code is None:
            self.code = self.server.ask({"wait": self.number})
        return self.code

    def signal(self, number):
        if self.code is None:
            os.kill(self.number, number)

    def alive(self):
        return self.code is None and Path(f"/proc/{self.number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"

    def said(self):
        return self.err.read_text()

    def until(self, true):
        """Wait until `true()`; fails where it never is, or where the command has ended."""
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, self.said()
            if not self.alive():
                assert true(), self.said()
            time.sleep(0.002)

    def told(self):
        """The step of the last line in its log that names one; -1 where there is none."""
        log = self.run / "log.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        return max((json.loads(line).get("step", 0) for line in lines if line.endswith("}")), default=-1)

    def steps(self):
        """The steps of its checkpoints, the newest last."""
        return sorted(int(path.stem[5:]) for path in self.run.glob("checkpoints/step-*.safetensors"))


class Commands:
    """Starts `striate` as processes of their own."""

    def __init__(self):
        script = Path(__file__).with_name("commands.py")
        self.process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def ask(self, given):
        self.process.stdin.write(json.dumps(given) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def start(self, run, *arguments, before="", err=None):
        """`striate train ...` that writes into the folder `run`, or goes on with it where `--resume` is given."""
        run.parent.mkdir(parents=True, exist_ok=True)
        out, err = run.with_name(f"{run.name}.out"), run.with_name(err or f"{run.name}.err")
        words = ["--resume", str(run)] if arguments[:1] == ("--resume",) else ["--run", str(run)]
        rest = arguments[1:] if arguments[:1] == ("--resume",) else arguments
        given = {"arguments": ["train", *map(str, rest), *words, "--json"], "folder": str(run.parent)}
        number = self.ask({**given, "out": str(out), "err": str(err), "before": before})
        return Command(self, number, run, out, err)

    def finish(self, run, *arguments, before=""):
        """The same, to its end: (exit code, what it printed as JSON or None, what it said)."""
        command = self.start(run, *arguments, before=before)
        code = command.wait()
        said = command.out.read_text().splitlines()
        return code, json.loads(said[-1]) if said else None, command.said()


@pytest.fixture(scope="session")
def commands():
    if not hasattr(os, "fork") or not Path("/proc/self/stat").exists():
        pytest.skip("the commands are started by fork and watched in /proc, which this system does not have")
    server = Commands()
    yield server
    server.process.stdin.close()
    server.process.wait(10)
    server.process.stdout.close()


@pytest.fixture(scope="session")
def picture_folder():
    return pictures_in


def pictures_in(folder, count=60, size=12, classes=("dark", "light")):
    """PNG files of noise, darker in one class than in the other, in a folder for each."""
    from PIL import Image

    draw = torch.Generator().manual_seed(3)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            noise = torch.randint(0, 128, (size, size, 3), generator=draw) + 100 * number
            Image.fromarray(noise.to(torch.uint8).numpy()).save(folder / name / f"{index:03}.png")
    return folder


@pytest.fixture(scope="session")
def two_classes(tmp_path_factory):
    """120 small pictures in two folders."""
    return pictures_in(tmp_path_factory.mktemp("pictures") / "shades")


@pytest.fixture(scope="session")
def own_cache(tmp_path_factory):
    """A cache folder of its own, so that nothing is found that another session computed."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("STRIATE_CACHE")
    os.environ["STRIATE_CACHE"] = str(folder)
    yield folder
    os.environ.pop("STRIATE_CACHE") if before is None else os.environ.update(STRIATE_CACHE=before)


@pytest.fixture(scope="session")
def earlier(own_cache, tmp_path_factory):
    """The run folder of a small network that learned the digits 0 to 4."""
    return learned_digits(tmp_path_factory.mktemp("earlier") / "run")
