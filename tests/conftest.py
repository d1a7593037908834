"""What every test shares: one thread, so that tests side by side do not wait for each other; real MNIST where it is."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
import other_packages

torch.set_num_threads(1)

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared"


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder of the four gzip IDX files of MNIST, where there is one beside the checkout."""
    folder = SHARED / "data" / "mnist"
    if not folder.is_dir():
        pytest.skip("the MNIST files are not beside this checkout (../shared/data/mnist)")
    return folder


@pytest.fixture(scope="session")
def few_digits():
    """600 training and 200 test pictures of `digits`: enough to learn something in a second."""
    from striate.data.read import read
    from striate.data.records import DataSet

    whole = read("digits")
    return DataSet("few digits", whole.classes, whole.train.take(slice(0, None, 7)), whole.test.take(slice(0, None, 5)))


@pytest.fixture(scope="session")
def torchvision() -> ModuleType:
    return other_packages.torchvision()


@pytest.fixture(scope="session")
def timm() -> ModuleType:
    return other_packages.timm()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """A cache folder of the tests' own, so that they neither use nor leave anything in the user's."""
    patch = pytest.MonkeyPatch()
    patch.setenv("STRIATE_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()
