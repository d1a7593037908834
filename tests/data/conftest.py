"""What the tests of `striate.data` share: where the real files are, and small made-up pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from striate.errors import StriateError

SHARED = (Path(__file__).parents[2] / "../shared/data").resolve()


@pytest.fixture
def mnist_folder() -> Path:
    folder = SHARED / "mnist"
    if not folder.is_dir():
        pytest.skip("the MNIST files of ../shared/data/mnist are not here")
    return folder


@pytest.fixture
def images() -> Tensor:
    """Twelve different 6x7 grey pictures."""
    return torch.randint(256, (12, 1, 6, 7), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


@pytest.fixture
def labels() -> Tensor:
    """Four of each of three classes."""
    return torch.tensor([0, 1, 2] * 4)


@pytest.fixture(scope="session")
def outcome() -> Callable[..., Any]:
    """A call that gives what a function gives, or the error of ours that it ends with. Any other error goes on."""

    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except StriateError as error:
            return error

    return call
