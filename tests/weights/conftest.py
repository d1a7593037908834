"""No test reads or writes the user's own caches; `small_networks` and the zoo's `oracle` can be imported."""

import sys
from pathlib import Path

import pytest

for folder in (Path(__file__).parent, Path(__file__).parents[1] / "zoo"):
    sys.path.insert(0, str(folder))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """The cache folder of this test, empty."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("STRIATE_CACHE", str(folder))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch")))
    return folder
