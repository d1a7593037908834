"""What the tests of several commands share; and the tests of one command may use what those of another define."""

import sys
from pathlib import Path

import pytest
from PIL import Image

import striate

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def trained(few_digits, tmp_path_factory):
    """A run that has learned something of digits, as its folder."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    return striate.train(few_digits, "lenet5", run=folder, epochs=6, batch_size=32).run.folder


@pytest.fixture(scope="module")
def photographs(few_digits, tmp_path_factory):
    """Digits 0, 1 and 2 in folders of their names, and one file that is no picture."""
    root = tmp_path_factory.mktemp("labelled") / "photographs"
    for i in range(len(few_digits.train)):
        label = int(few_digits.train.labels[i])
        if label < 3:
            (root / f"digit {label}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(few_digits.train.images[i, 0].numpy()).save(root / f"digit {label}" / f"{i}.png")
    (root / "digit 1" / "empty.png").write_bytes(b"")
    return root


@pytest.fixture(scope="module")
def written(trained, photographs, tmp_path_factory):
    """The features of the digits, as a file."""
    from striate.verbs.features import features

    path = tmp_path_factory.mktemp("written") / "features.npz"
    features(photographs, trained, path)
    return path
