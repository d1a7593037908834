"""Lists of rows that cannot be built: rows of ours, modules, functions, and rows inside rows."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from torch import nn

from striate.layers.branches import branches, chain
from striate.layers.residual import BasicBlock
from striate.layers.skip import skip
from striate.rows import Shape, conv, deconv, linear, norm, stack

CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
DECONVS = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
GLOBAL = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
WIDTHS = (4, 6, 8, 12)


def sound_rows(dice: random.Random, axes: int) -> list[Any]:
    width = dice.choice(WIDTHS)
    kept = conv(width, 3, padding=1)
    return dice.choice(
        (
            [kept, nn.ReLU()],
            [conv(width, 1, bias=False), norm(), nn.ReLU()],
            [norm()],
            [nn.ReLU()],
            [chain(kept, nn.Tanh())],
            [lambda shape: stack(shape, kept, norm())],
            [lambda shape: CONVS[axes - 1](shape[0], width, 3, padding=1)],
            [partial(stack, one=conv(width, 1), two=nn.ReLU())],
        )
    )


def identity(channels: int, out: int, stride: int) -> nn.Module:
    """The shortcut of a block whose author forgot the projection."""
    return nn.Identity()


def broken_rows(dice: random.Random, mistake: str, image: Shape) -> list[Any]:
    """Rows that do not fit maps of the size of `image`, in one of several ways."""
    axes, side, width = len(image) - 1, max(image[1:]), dice.choice(WIDTHS)
    convs, norms, pools, deconvs = (kinds[axes - 1] for kinds in (CONVS, NORMS, POOLS, DECONVS))
    one, kept, halved = conv(width, 1), conv(width, 3, padding=1), conv(2 * width, 3, stride=2, padding=1)
    block = partial(BasicBlock, width=width + 2, shortcut=identity)
    ways = {
        "kernel": (
            [conv(width, side + 2)],
            [pools(side + 1)],
            [conv(width, (side + 2, *(1,) * (axes - 1)))],
            [chain(one, pools(side + 5))],
            [lambda shape: convs(shape[0], width, side + 3)],
        ),
        "channels": (
            [one, convs(width + 1, 8, 1)],
            [one, norms(width + 2)],
            [nn.GroupNorm(3, 9)],
            [kept, nn.Sequential(convs(width, 5, 1), convs(6, 7, 1))],
            [norms(77)],
        ),
        "groups": (
            [conv(width, 3, padding=1, groups=5)],
            [conv(10, 1), lambda shape: convs(shape[0], 9, 1, groups=3)],
            [conv(9, 1), deconv(8, 2, groups=6)],
        ),
        "flatten": (
            [linear(12)],
            [one, nn.Linear(width * 7 + 1, 10)],
            [nn.Flatten(), one],
            [nn.Flatten(), norm(), pools(2)],
            [chain(linear(5))],
        ),
        "strides": (
            [conv(width, 3, stride=2)] * 6,
            [conv(width, 3, stride=3), pools(3), pools(3), pools(3)],
            [pools(2)] * 7,
        ),
        "dilation": (
            [conv(width, 3, dilation=side)],
            [conv(width, (3,) * axes, dilation=(side,) * axes, padding=1)],
            [pools(3, stride=1, dilation=side)],
        ),
        "transposed": (
            [deconv(width, 3, padding=side)],
            [deconv(width, 3, stride=2, output_padding=3)],
            [one, deconvs(width + 3, 4, 2)],
            [deconvs(image[0] + 40, 4, 2, 2)],
        ),
        "skip": (
            [one, skip(conv(width + 1, 3, padding=1))],
            [one, skip(chain(conv(width, 3), nn.ReLU()))],
            [one, skip(chain(halved, norm()), conv(2 * width, 1))],
            [one, block if axes == 2 else skip(halved)],
        ),
        "concat": (
            [branches(one=one, two=conv(width, 3))],
            [branches(one=one, two=chain(halved, nn.ReLU()), three=pools(3, 1, 1))],
            [branches(one=pools(2), two=chain(conv(4, 1), kept))],
            [branches({"one_1": conv(4, 1), "one_2": conv(4, 5)}, two=one)],
        ),
        "features": (
            [nn.Flatten(), nn.Linear(side * 3 + 1, 10)],
            [GLOBAL[axes - 1](1), nn.Flatten(), nn.Linear(333, 20), nn.Linear(21, 5)],
            [one, nn.Flatten(), linear(30), nn.BatchNorm1d(31)],
        ),
    }
    return dice.choice(ways[mistake])


def broken_list(dice: random.Random, image: Shape, mistakes: tuple[str, ...]) -> list[Any]:
    axes = len(image) - 1
    found = [row for _ in range(dice.randrange(0, 3)) for row in sound_rows(dice, axes)]
    for mistake in mistakes:
        found += broken_rows(dice, mistake, image)
        found += [row for _ in range(dice.randrange(0, 2)) for row in sound_rows(dice, axes)]
    return [*found, *dice.choice(([nn.Flatten(), linear(10)], [], [nn.Flatten(), linear(16), nn.ReLU(), linear(10)]))]
