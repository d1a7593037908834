"""docs/search.md does what it says: its commands in order, on real photographs, and its Python."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from test_commands import run

from striate.cli.parser import parse
from striate.errors import WeightsError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^striate (.*)$", PAGE, re.M)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.S)
PHOTOGRAPHS = ROOT / ".." / "shared" / "data" / "caltech10"


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_understood(command):
    verb, settings, _ = parse(shlex.split(command))
    assert callable(verb)
    assert settings is not None


def test_what_it_links_to_is_there():
    for path in re.findall(r"\]\(((?!http)[^)]+)\)", PAGE):
        assert (ROOT / "docs" / path).exists()


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """The folders that the page begins with: every third of the first 90 photographs of each class, and queries."""
    from striate.model import load

    if not PHOTOGRAPHS.is_dir():
        pytest.skip("the photographs are not beside this checkout (../shared/data/caltech10)")
    try:
        load("efficientnet_lite0")
    except WeightsError as error:
        pytest.skip(f"the weights of efficientnet_lite0 are not installed ({error})")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "queries").mkdir()
    for folder in sorted(path for path in PHOTOGRAPHS.iterdir() if path.is_dir()):
        (tmp_path / "photographs" / folder.name).mkdir(parents=True)
        files = sorted(folder.glob("*.jpg"))
        for file in files[::3][:30]:
            shutil.copy(file, tmp_path / "photographs" / folder.name)
        shutil.copy(files[1], tmp_path / "queries" / f"{folder.name}.jpg")
    return tmp_path


@pytest.mark.slow
def test_its_commands_and_its_python_run_and_print_what_it_says(capsys, photographs):
    printed = ""
    for command in COMMANDS:
        code, out, err = run(capsys, *shlex.split(command))
        assert code == 0, err
        printed += out
    for line in re.findall(r"^((?:cross-validated|held out|mean average precision|first \d+)  .*)$", PAGE, re.M):
        assert line in printed
    exec(compile(PYTHON[0], "search.md", "exec"), {})
    assert "queries/bonsai.jpg" in capsys.readouterr().out
