"""What the tests of the transforms share: noise, draws, and torchvision as a peer to compare with."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType

import pytest
import torch
from torch import Tensor

MISSING = torch.library.Library("torchvision", "FRAGMENT")  # holds the missing schemas as long as it lives


@pytest.fixture(scope="session")
def peer() -> ModuleType:
    """torchvision.transforms.functional; it works without the compiled operators, which a CPU torch cannot load."""
    if find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    try:
        import torchvision  # noqa: F401  (it fails at once where operators are missing)
    except RuntimeError:
        for name in ("nms", "qnms"):
            MISSING.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision.transforms import functional

    return functional


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
