"""What the tests of the transforms share: noise, draws, and torchvision as a peer to compare with."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import pytest
import torch
from torch import Tensor


@pytest.fixture(scope="session")
def peer(torchvision: ModuleType) -> ModuleType:
    """torchvision.transforms.functional."""
    return import_module("torchvision.transforms.functional")


@pytest.fixture
def noise():
    """A call that gives random levels 1 to 255 of a shape."""

    def make(*shape: int, seed: int = 9) -> Tensor:
        return torch.randint(1, 256, shape, generator=torch.Generator().manual_seed(seed)).to(torch.uint8)

    return make


@pytest.fixture
def smooth(noise):
    """A call that gives pictures (n, c, h, w) uint8 without sharp edges."""

    def make(*shape: int, seed: int = 9) -> Tensor:
        small = noise(*shape[:2], 5, 5, seed=seed).float()
        return torch.nn.functional.interpolate(small, shape[2:], mode="bicubic").clamp(0, 255).to(torch.uint8)

    return make
