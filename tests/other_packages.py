"""Other people's packages that tests compare with; where one is missing, a test is skipped by name."""

from functools import cache
from importlib.util import find_spec
from types import ModuleType

import pytest
import torch

OPERATORS = torch.library.Library("torchvision", "FRAGMENT")  # holds the missing schemas as long as it lives


@cache
def torchvision() -> ModuleType:
    """The package; its networks work without its compiled operators, which a CPU build of torch cannot load."""
    if find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    try:
        import torchvision
    except RuntimeError:
        for name in ("nms", "qnms"):
            OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision
    return torchvision


@cache
def timm() -> ModuleType:
    """The package, which imports torchvision."""
    torchvision()
    if find_spec("timm") is None:
        pytest.skip("timm is not installed")
    import timm

    return timm
