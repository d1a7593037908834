"""One writer of a run folder: of many that race exactly one wins, and a dead owner holds nothing."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from striate.errors import RunError
from striate.run import LOCK, Run
from striate.training.lock import Lock

HOLD = """
import os, sys, time
from pathlib import Path
from striate.training.lock import Lock
with Lock(Path(sys.argv[1])):
    if os.fork() == 0:
        print(os.getpid(), flush=True)  # the worker itself says that it is there
        time.sleep(60)
        os._exit(0)
    time.sleep(60)
"""


def test_the_second_is_refused_at_once_with_the_first_ones_number_and_machine(tmp_path):
    words = re.escape(f"process {os.getpid()} on {platform.node()} is writing this run. Wait for it, stop it, or")
    begun = time.monotonic()
    with Lock(tmp_path), pytest.raises(RunError, match=words), Lock(tmp_path):
        pytest.fail("two had the lock")
    assert time.monotonic() - begun < 1


def test_the_lock_is_free_and_its_file_gone_after_the_end(tmp_path):
    for _ in range(3):
        with Lock(tmp_path):
            assert (tmp_path / LOCK).exists()
    with pytest.raises(ZeroDivisionError), Lock(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_kill_9_frees_the_lock_though_a_worker_of_the_dead_lives_on(tmp_path):
    owner = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    worker = int(owner.stdout.readline())
    try:
        with pytest.raises(RunError, match=f"process {owner.pid} on "), Lock(tmp_path):
            pytest.fail("two had the lock")
        owner.kill()
        owner.wait()
        os.kill(worker, 0)  # it is there
        begun = time.monotonic()
        with Lock(tmp_path):
            assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
        assert time.monotonic() - begun < 1
    finally:
        owner.kill()
        os.kill(worker, signal.SIGKILL)
        owner.wait()
        owner.stdout.close()


def test_of_20_processes_one_wins_and_in_turns_never_two_are_inside(tmp_path):
    script = Path(__file__).parent / "lock_races.py"
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    for said in seen["races"]:
        assert said.count("won") == 1
        assert sum("is writing this run" in line for line in said) == len(said) - 1 == 19
    violations, entries, workers = seen["turns"]
    assert (violations, workers) == (0, 6)
    assert entries > 0
    assert seen["left"] == ["answers"]


@pytest.mark.parametrize("said", ["", "[]", '{"pid": "x", "host": 3}', '{"pid": 1e999, "host": ""}', "[" * 300])
def test_an_owner_that_wrote_no_sense_is_refused_without_a_name(tmp_path, said):
    with Lock(tmp_path):
        (tmp_path / LOCK).write_text(said)
        with pytest.raises(RunError, match="another process is writing"), Lock(tmp_path):
            pytest.fail("two had the lock")


def test_what_a_lock_file_says_stays_one_line(tmp_path):
    with Lock(tmp_path):
        (tmp_path / LOCK).write_text(json.dumps({"pid": 7, "host": "a\n\x1b[31mb"}))
        with pytest.raises(RunError, match=r"process 7 on 'a\\n") as caught, Lock(tmp_path):
            pytest.fail("two had the lock")
        assert str(caught.value).isprintable()


def test_a_folder_that_cannot_hold_a_lock_is_named(tmp_path):
    with (
        pytest.raises(RunError, match=r"none: cannot be locked \(No such file or directory\)"),
        Lock(tmp_path / "none"),
    ):
        pytest.fail("there is no such folder")
    (tmp_path / LOCK).mkdir()
    with pytest.raises(RunError, match=r"cannot be locked \(Is a directory\)"), Lock(tmp_path):
        pytest.fail("a folder is no lock")


def test_a_run_is_made_in_a_folder_that_holds_only_its_lock(tmp_path):
    with Lock(tmp_path):
        assert Run.create(tmp_path, "x") == Run(tmp_path)
