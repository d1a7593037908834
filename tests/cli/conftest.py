"""What the tests of several commands share; and the tests of one command may use what those of another define."""

import sys
from pathlib import Path

import pytest

import striate

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def trained(few_digits, tmp_path_factory):
    """A run that has learned something of digits, as its folder."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    return striate.train(few_digits, "lenet5", run=folder, epochs=6, batch_size=32).run.folder
