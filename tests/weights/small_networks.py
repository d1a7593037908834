"""A small network, and checkpoints that were never in a file."""

from pathlib import Path

import torch
from torch import nn

from striate.weights.checkpoint import Checkpoint


def small(classes=3, channels=3, width=4):
    """A convolution with batch normalisation and a classifier, with the same weights every time."""
    torch.manual_seed(0)
    net = nn.Sequential()
    net.add_module("conv1", nn.Conv2d(channels, width, 3, bias=False))
    net.add_module("bn1", nn.BatchNorm2d(width))
    net.add_module("pool", nn.AdaptiveAvgPool2d(1))
    net.add_module("flatten", nn.Flatten())
    net.add_module("fc", nn.Linear(width, classes))
    return net


def held(tensors, *, ordered=True, name="given.pth"):
    """A checkpoint as if it had been read from a file."""
    return Checkpoint(Path(name), dict(tensors), ordered=ordered)
