"""Modules that cannot be run: `nn.Sequential` with wrong numbers, and classes with a forward of their own."""

from __future__ import annotations

import random
from typing import Any

import torch
from broken_rows import CONVS, DECONVS, NORMS, POOLS, WIDTHS
from torch import nn
from torch.nn import functional as F

from striate.rows import Shape

LECTURES = ("kernel", "channels", "norm", "strides", "dilation", "features", "view", "head", "whole", "flatten")
UNETS = ("odd", "border", "channels", "up", "joined", "adds")


class Block(nn.Module):
    """A residual block that forgets its projection."""

    def __init__(self, axes: int, channels: int, width: int, stride: int):
        super().__init__()
        out = width + (stride == 1 and width == channels)
        self.conv1, self.conv2 = CONVS[axes - 1](channels, out, 3, stride, 1), CONVS[axes - 1](out, out, 3, 1, 1)
        self.shortcut = nn.Identity() if stride == 1 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        around = x if self.shortcut is None else self.shortcut(x)
        return F.relu(self.conv2(F.relu(self.conv1(x))) + around)


class Inception(nn.Module):
    """Branches of different sizes."""

    def __init__(self, axes: int, channels: int, width: int):
        super().__init__()
        self.one, self.three = CONVS[axes - 1](channels, width, 1), CONVS[axes - 1](channels, width, 3)
        self.pool = POOLS[axes - 1](2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.one(x), self.three(x), self.pool(x)], dim=1)


def broken_layers(
    dice: random.Random, mistake: str | None, axes: int, channels: int, side: int
) -> tuple[list[Any], int]:
    """Layers for so many channels, with the mistake among them, and the channels that they would give."""
    width = dice.choice(WIDTHS)
    convs, norms, deconvs = CONVS[axes - 1], NORMS[axes - 1], DECONVS[axes - 1]
    tall = (side + 1, *(1,) * (axes - 1))
    sound = [convs(channels, width, 3, padding=1), norms(width), nn.ReLU()]
    ways = {
        None: (sound[: dice.randrange(1, 4)],),
        "kernel": ([convs(channels, width, side + 3)], [convs(channels, width, tall)]),
        "channels": (
            [convs(channels + 1, width, 3, padding=1)],
            [convs(channels, width, 1), norms(width + 1)],
            [convs(channels, width, 1), nn.GroupNorm(2, 2 * width)],
        ),
        "groups": ([convs(4 * (channels + 1), width, 1, groups=2)],),
        "flatten": ([convs(channels, width, 1), nn.Linear(width * side + 1, width)],),
        "strides": (
            [convs(channels, width, 3, 2), *(convs(width, width, 3, 2) for _ in range(5))],
            [convs(channels, width, 3, 2), *[convs(width, width, 3, 2)] * 5],
        ),
        "dilation": ([convs(channels, width, 3, dilation=side)],),
        "transposed": (
            [deconvs(channels, width, 3, 1, side)],
            [deconvs(channels + 2, width, 2, 2)],
            [deconvs(channels, width, 3, 2, 1, output_padding=2)],
        ),
        "skip": ([Block(axes, channels, width, 1)], [Block(axes, channels, width, 2)]),
        "concat": ([Inception(axes, channels, width)],),
        "features": ([nn.Flatten(), nn.Linear(width * 5 + 2, width), nn.Unflatten(1, (width, *(1,) * axes))],),
    }
    return dice.choice(ways[mistake]), 2 * width + channels if mistake == "concat" else width


def broken_sequential(dice: random.Random, image: Shape, mistakes: tuple[str, ...]) -> nn.Sequential:
    channels, layers = image[0], []
    for mistake in (None, *mistakes, None):
        more, channels = broken_layers(dice, mistake, len(image) - 1, channels, max(image[1:]))
        layers += more
    return nn.Sequential(*layers, *dice.choice(([], [nn.Flatten(), nn.Linear(channels * 3 + 1, 10)])))


class Lectures(nn.Module):
    """conv-pool-conv-fc-fc with `mistake` somewhere; its features are reshaped in forward."""

    def __init__(self, image: Shape, mistake: str, width: int):
        super().__init__()
        axes, side = len(image) - 1, min(image[1:])
        convs, self.axes, self.how = CONVS[axes - 1], axes, mistake
        kernel, gap = (side + 4 if mistake == "kernel" else 3), (side if mistake == "dilation" else 1)
        border = 0 if mistake in ("kernel", "dilation") else 1
        every = 3 if mistake == "strides" else 1
        self.conv1 = convs(image[0] + (mistake == "channels"), width, kernel, dilation=gap, padding=border)
        self.norm = NORMS[axes - 1](width + (mistake == "norm"))
        self.conv2 = convs(width, 2 * width, 3, stride=every, padding=1 if every == 1 else 0)
        self.conv3 = convs(2 * width, 2 * width, 3, stride=every)
        self.features = 2 * width * 5 + (mistake in ("features", "view"))
        self.fc1, self.fc2 = nn.Linear(self.features, 20), nn.Linear(20 + (mistake == "head"), 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[self.axes - 1]
        x = F.relu(self.conv2(pool(F.relu(self.norm(self.conv1(x))), 2)))
        if self.how == "strides":
            x = self.conv3(pool(x, 2))
        if self.how == "view":
            x = x.view(-1, self.features)
        elif self.how == "whole":
            x = torch.flatten(x)
        elif self.how != "flatten":
            x = torch.flatten(x, 1)
        return self.fc2(F.relu(self.fc1(x)))


class UNet(nn.Module):
    """Down, up, and a concatenation with what came before; odd sizes or wrong channels do not fit."""

    def __init__(self, image: Shape, mistake: str, width: int):
        super().__init__()
        axes = len(image) - 1
        convs = CONVS[axes - 1]
        self.down, self.pool = convs(image[0], width, 3, padding=int(mistake != "border")), POOLS[axes - 1](2)
        self.inside = convs(width, 2 * width, 3, padding=1)
        self.up = DECONVS[axes - 1](2 * width + (mistake == "channels"), width, 3 if mistake == "up" else 2, 2)
        self.out = convs(2 * width + (mistake == "joined"), 3, 1)
        self.adds = mistake == "adds"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left = self.down(x)
        right = self.up(self.inside(self.pool(left)))
        return self.out(right + x if self.adds else torch.cat([left, right], 1))


class Heads(nn.Module):
    """Averages multiplied by a matrix of its own, behind a list of convolutions."""

    def __init__(self, image: Shape, width: int, wrong: int):
        super().__init__()
        convs = CONVS[len(image) - 2]
        self.blocks = nn.ModuleList([convs(width if i else image[0], width, 3, 2, 1) for i in range(wrong)])
        self.weight = nn.Parameter(torch.randn(width + wrong, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return x.flatten(2).mean(2) @ self.weight


def broken_module(dice: random.Random, image: Shape, mistakes: tuple[str, ...]) -> nn.Module:
    width, axes = dice.choice(WIDTHS), len(image) - 1
    return dice.choice(
        (
            Lectures(image, dice.choice(LECTURES), width),
            Lectures(image, dice.choice(LECTURES), width),
            UNet(image, dice.choice(UNETS), width),
            Heads(image, width, dice.choice((1, 2, 3))),
            nn.Sequential(
                Block(axes, image[0], width, dice.choice((1, 2))), Lectures((width, *image[1:]), "channels", 4)
            ),
        )
    )
