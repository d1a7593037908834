"""A small network with ten outputs, pictures for it, and features that some classifier can tell apart."""

import pytest
import torch
from torch import nn

from striate.data.preprocess import Preprocess
from striate.model import Model
from striate.networks import refer


@pytest.fixture
def model():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(),
        nn.Linear(54, 16), nn.ReLU(), nn.Linear(16, 10),
    )  # fmt: skip
    return Model(net.eval(), tuple("abcdefghij"), Preprocess((1, 12, 12), (0.5,), (0.5,), "resize"), refer(net))


@pytest.fixture
def images():
    return torch.randint(256, (7, 1, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def task():
    """`task(pictures, features, classes)`: features around a mean for each class, and labels."""

    def make(pictures=120, features=200, classes=4, seed=0, apart=0.35):
        chance = torch.Generator().manual_seed(seed)
        labels = torch.arange(pictures) % classes
        means = apart * torch.randn(classes, features, generator=chance)
        found = means[labels] + torch.randn(pictures, features, generator=chance)
        return 3 * found + 5, labels, tuple(f"class {i}" for i in range(classes))

    return make
