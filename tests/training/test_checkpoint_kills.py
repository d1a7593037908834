"""kill -9 in the middle of saves: nothing that was told to be saved is ever lost, and nothing is unreadable."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "killed_saves.py"


def kill(folder, kills, seconds, numbers):
    folder.mkdir()
    command = [sys.executable, SCRIPT, folder, str(kills), str(seconds), str(numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def judge(seen, kills):
    assert seen["unreadable"] == []
    assert seen["lost"] == []
    assert seen["inside"] > kills / 10, "too few kills came while a temporary file was there to show anything"
    assert seen["steps"] > kills / 4
    assert len(seen["left"]) <= 1  # of the last one; each save sweeps up after the one before


def test_200_kills_inside_saves_lose_nothing(tmp_path):
    judge(kill(tmp_path / "checkpoints", kills=200, seconds=0.04, numbers=2000), 200)


@pytest.mark.slow
def test_500_kills_inside_larger_saves_lose_nothing(tmp_path):
    judge(kill(tmp_path / "checkpoints", kills=500, seconds=0.2, numbers=500_000), 500)
