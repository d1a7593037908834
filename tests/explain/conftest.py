"""A network that learned a known cause, and the networks of other people. `explained_networks` is importable."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))
from explained_networks import planted


@pytest.fixture(scope="session")
def finder() -> nn.Module:
    """A network that learned to tell the four patterns, wherever they are."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            *(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(inplace=True), nn.Conv2d(16, 24, 3, padding=1)),
            *(nn.ReLU(inplace=True), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(24, 4)),
        )
        images, targets, _ = planted(1024, seed=1)
        optimizer = torch.optim.Adam(net.parameters(), 0.01)
        for _ in range(6):
            for x, t in zip(images.split(64), targets.split(64), strict=True):
                optimizer.zero_grad()
                F.cross_entropy(net(x), t).backward()
                optimizer.step()
    unseen, targets, _ = planted(200, seed=2)
    assert (net(unseen).argmax(1) == targets).float().mean() > 0.97
    net.zero_grad()
    return net
