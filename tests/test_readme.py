"""The README does what it says."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from striate.cli import main
from striate.cli.parser import parse
from striate.data.read import read

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.S)
COMMANDS = re.findall(r"^striate (.*?)\s*(?:#.*)?$", README, re.M)
TRANSCRIPTS = re.findall(r"```\n\$ striate (.*?)\n(.*?)```", README, re.S)


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_its_python_runs(code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(read("digits").test.images[0, 0].numpy()).save("digit.png")
    exec(compile(code, "README.md", "exec"), {})
    if "train" in code:
        said = capsys.readouterr().out
        assert float(re.search(r"([\d.]+)% right", said)[1]) > 90
        assert "61,706 parameters, 416,520 multiply-adds" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_understood(command):
    verb, settings, _ = parse(shlex.split(command))
    assert callable(verb)
    assert settings is not None


@pytest.mark.parametrize(("command", "said"), TRANSCRIPTS)
def test_its_mistakes_are_answered_as_printed(command, said, capsys):
    assert main(shlex.split(command)) == 2
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("path", re.findall(r"\]\((docs/[^)]+|CONTRIBUTING\.md|benchmarks[^)]*)\)", README))
def test_what_it_links_to_is_there(path):
    assert (Path(__file__).parents[1] / path).exists()
