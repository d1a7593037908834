"""docs/gallery.md: every picture is there and small, and every command is one."""

import re
import shlex
from pathlib import Path

import pytest

from striate.cli.parser import parse

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "gallery.md").read_text(encoding="utf-8")
PICTURES = re.findall(r"!\[[^]]+\]\((pictures/gallery/[^)]+)\)", PAGE)
COMMANDS = re.findall(r"^    striate (.+)$", PAGE, re.MULTILINE)


def test_every_picture_is_there_and_small():
    assert len(PICTURES) == len(COMMANDS) > 15
    sizes = [(DOCS / picture).stat().st_size for picture in PICTURES]
    assert max(sizes) < 400_000
    assert sum(sizes) < 4_000_000
    shown = {Path(picture).name for picture in PICTURES}
    assert {file.name for file in (DOCS / "pictures" / "gallery").iterdir()} - {"told.json"} == shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_page_can_be_given(command):
    verb, settings, _ = parse(shlex.split(command))
    assert callable(verb)
    assert settings


def test_what_fails_its_grade_is_said():
    assert "**fails**" in PAGE
    assert "| passes |" in PAGE
