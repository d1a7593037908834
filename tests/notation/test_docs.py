"""docs/notation.md says what the vocabulary has."""

import re
from pathlib import Path

import pytest
import torch

from striate.notation import build
from striate.notation.words import CALLS, UNPOOL, WORDS
from striate.repair import diagnose

PAGE = (Path(__file__).parents[2] / "docs" / "notation.md").read_text()
TABLE = PAGE.split("## Words")[1].split("## What is not written")[0]


def test_every_word_is_on_the_page_and_no_other():
    first = [line.split("|")[1] for line in TABLE.splitlines() if line.startswith("| `")]
    assert {word for cell in first for word in re.findall(r"`([a-z0-9]+)`", cell)} - {"tconv", "maxpool", "bn"} == {
        *WORDS,
        UNPOOL,
    }
    assert all(f"`{call}(" in PAGE for call in CALLS)


@pytest.mark.parametrize("text", re.findall(r"^    ([\[(]?\(?conv.*)$", PAGE, flags=re.M)[:1])
def test_its_example_is_built(text):
    with torch.device("meta"):
        build(text, (3, 32, 32), 10)


def test_its_diagnosis_is_what_is_said():
    said = "\n".join(f"    {line}" for line in str(diagnose("[(conv-relu)*2-pool]*6-fc", (3, 32, 32))).splitlines())
    assert said in PAGE
