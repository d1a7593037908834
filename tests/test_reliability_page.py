"""The page of promises names tests that exist, and says of each whether it is slow."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = re.findall(r"(slow: )?`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)
PROMISES = [
    line for line in PAGE.split("## Measured")[0].splitlines() if line.startswith("| ") and "proved by" not in line
]


@cache
def marks_of(file):
    """The tests of a file, and whether each is marked slow."""
    functions = [node for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)]
    return {node.name: any("mark.slow" in ast.unparse(mark) for mark in node.decorator_list) for node in functions}


@pytest.mark.parametrize(("slow", "file", "name"), NAMED, ids=[name for _, _, name in NAMED])
def test_a_test_that_proves_a_promise_is_there(slow, file, name):
    assert marks_of(file).get(name) is bool(slow)


def test_every_promise_has_a_test_that_runs_each_time():
    assert len(PROMISES) > 25
    for promise in PROMISES:
        assert re.search(r"(?<!slow: )`tests/[\w/]+\.py::test_\w+`", promise), promise


def test_every_name_of_a_test_on_the_page_is_one_that_is_checked():
    assert PAGE.count("::test_") == len(NAMED)
