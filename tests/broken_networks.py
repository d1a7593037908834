"""Networks that cannot be built or run, each made from a seed: notation, rows, `nn.Sequential` and modules of one's own.

Every one of them is broken by construction and was seen to fail in torch, without this package's repair, before it is
given out. One in four has two or three mistakes.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from striate.errors import ShapeError
from striate.layers.branches import branches, chain
from striate.layers.residual import BasicBlock
from striate.layers.skip import skip
from striate.notation import build
from striate.rows import Shape, conv, deconv, linear, norm, stack

CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
DECONVS = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
MISTAKES = ("kernel", "channels", "groups", "flatten", "strides", "dilation", "transposed", "skip", "concat", "features")


@dataclass(frozen=True)
class Broken:
    """A network that does not fit `image`, and what was done to it."""

    seed: int
    kind: str
    mistakes: tuple[str, ...]
    network: Any
    image: Shape
    classes: int = 10


def image_of(dice: random.Random) -> Shape:
    """Mostly pictures, square or not; some signals and volumes."""
    axes = dice.choice((1, 2, 2, 2, 2, 3))
    channels = dice.choice((1, 2, 3, 4))
    side = dice.choice((8, 12, 16, 20, 28, 32)) if axes < 3 else dice.choice((6, 8, 10))
    if dice.random() < 0.6:
        return (channels, *(side,) * axes)
    return (channels, *(side + dice.randrange(0, 9) for _ in range(axes)))


# Notation ------------------------------------------------------------------------------------------------------------


def sound_words(dice: random.Random) -> str:
    width = dice.choice((4, 6, 8, 12))
    return dice.choice((
        f"conv {width}", f"conv {width} 3 - relu", f"conv {width} 5 - norm - relu", f"(conv {width}-relu)*2", f"sep {width}",
        f"conv {width} 3 - tanh - dropout", f"dw 3-pw {width}", "relu", "norm", f"res(conv-relu-conv)-conv {width} 1",
    ))  # fmt: skip


def broken_words(dice: random.Random, mistake: str, image: Shape) -> str:
    width, side = dice.choice((4, 6, 8, 12)), max(image[1:])
    return {
        "kernel": lambda: dice.choice((f"conv {width} {side + 3} p0", f"pool {side + 2}", f"avgpool {side * 2} s1", f"local {width} {side + 1}")),
        "channels": lambda: dice.choice((f"conv {2 * width + 1} 1 - maxout 2", f"conv {width + 1} 1 - conv {2 * width} 3 g{width + 3}")),
        "groups": lambda: dice.choice((f"conv {width} 3 g5", f"conv 7 1 - conv {width} 3 g4", f"conv 10 1-deconv 9 2 g5")),
        "flatten": lambda: dice.choice((f"fc {width * 16} - conv {width}", f"flatten - conv {width} 3", "gap - pool", f"fc 20-relu-dw 3")),
        "strides": lambda: dice.choice((f"(conv {width} 3 s2 p0-relu)*{dice.randrange(4, 8)}", f"[conv {width}-pool]*{dice.randrange(6, 9)}", f"pool*{dice.randrange(6, 9)}")),
        "dilation": lambda: dice.choice((f"conv {width} 3 d{side} p0", f"conv {width} 5 d{side // 2} p1", f"pool 3 s1 d{side}")),
        "transposed": lambda: dice.choice((f"deconv {width} 3 s1 p{side + 1}", f"deconv {width} 4 s2 o{dice.randrange(2, 5)}", f"deconv {width} 2 s1 p{side}")),
        "skip": lambda: dice.choice((f"conv {width}-res(conv {width + 2}-relu-conv {width + 2})", f"conv {width}-res(conv {width} 3 s2)", f"conv {width}-res(conv {width} 5 p0-relu)", f"conv {width} - res(conv {2 * width} 3 s2-norm; pw {width})", f"conv {width}-res(conv-res(conv {width} 3 p0))")),
        "concat": lambda: dice.choice((f"concat(conv {width} 1, conv {width} 3 s2)", f"concat(conv {width} 3 p0, conv {width} 5 p0, pool 3 s1 p1)", f"concat(conv {width}, pool)", f"concat(conv {width} 1, concat(conv 4 3 s2, pool 2)-conv {width})", f"concat(id, conv {width} 4 s3 p0-relu)")),
        "features": lambda: dice.choice((f"fc 30-unflatten {'x'.join(['4'] * len(image))}", f"fc 12-maxout 5")),
    }[mistake]()  # fmt: skip


def notation(dice: random.Random, image: Shape, mistakes: tuple[str, ...]) -> str:
    parts = [sound_words(dice) for _ in range(dice.randrange(0, 3))]
    for mistake in mistakes:
        parts += [broken_words(dice, mistake, image)] + [sound_words(dice) for _ in range(dice.randrange(0, 2))]
    text = "-".join(parts) + dice.choice(("-fc", "-gap-fc", "-(fc-relu)*1-fc", "-relu-fc 20-fc", ""))
    return text.upper() if dice.random() < 0.2 else text


# Rows and Sequentials ------------------------------------------------------------------------------------------------


def sound_rows(dice: random.Random, axes: int) -> list[Any]:
    width = dice.choice((4, 6, 8, 12))
    return dice.choice((
        [conv(width, 3, padding=1), nn.ReLU()], [conv(width, 1, bias=False), norm(), nn.ReLU()], [norm()], [nn.ReLU()],
        [chain(conv(width, 3, padding=1), nn.Tanh())], [lambda shape: stack(shape, conv(width, 3, padding=1), norm())],
        [lambda shape: CONVS[axes - 1](shape[0], width, 3, padding=1)], [partial(stack, one=conv(width, 1), two=nn.ReLU())],
    ))  # fmt: skip


def broken_rows(dice: random.Random, mistake: str, image: Shape) -> list[Any]:
    axes, side, width = len(image) - 1, max(image[1:]), dice.choice((4, 6, 8, 12))
    convs, norms, pools, deconvs = (kinds[axes - 1] for kinds in (CONVS, NORMS, POOLS, DECONVS))
    tall = (side + 2, *(1,) * (axes - 1))
    return {
        "kernel": lambda: dice.choice(([conv(width, side + 2)], [pools(side + 1)], [conv(width, tall)], [chain(conv(width, 1), pools(side + 5))], [lambda shape: convs(shape[0], width, side + 3)])),
        "channels": lambda: dice.choice(([conv(width, 1), convs(width + 1, 8, 1)], [conv(width, 1), norms(width + 2)], [nn.GroupNorm(3, 9)], [conv(width, 3, padding=1), nn.Sequential(convs(width, 5, 1), convs(6, 7, 1))], [norms(77)])),
        "groups": lambda: dice.choice(([conv(width, 3, padding=1, groups=5)], [conv(10, 1), lambda shape: convs(shape[0], 9, 1, groups=3)], [conv(9, 1), deconv(8, 2, groups=6)])),
        "flatten": lambda: dice.choice(([linear(12)], [conv(width, 1), nn.Linear(width * 7 + 1, 10)], [nn.Flatten(), conv(width, 1)], [nn.Flatten(), norm(), pools(2)], [chain(linear(5))])),
        "strides": lambda: dice.choice(([conv(width, 3, stride=2)] * 6, [conv(width, 3, stride=3), pools(3), pools(3), pools(3)], [pools(2)] * 7)),
        "dilation": lambda: dice.choice(([conv(width, 3, dilation=side)], [conv(width, (3,) * axes, dilation=(side,) * axes, padding=1)], [pools(3, stride=1, dilation=side)])),
        "transposed": lambda: dice.choice(([deconv(width, 3, padding=side)], [deconv(width, 3, stride=2, output_padding=3)], [conv(width, 1), deconvs(width + 3, 4, 2)], [deconvs(image[0] + 40, 4, 2, 2)])),
        "skip": lambda: dice.choice((
            [conv(width, 1), skip(conv(width + 1, 3, padding=1))], [conv(width, 1), skip(chain(conv(width, 3), nn.ReLU()))], [conv(width, 1), skip(chain(conv(2 * width, 3, stride=2, padding=1), norm()), conv(2 * width, 1))],
            *([[conv(width, 1), partial(BasicBlock, width=width + 2, shortcut=lambda channels, out, stride: nn.Identity())]] if axes == 2 else []),
        )),
        "concat": lambda: dice.choice((
            [branches(one=conv(width, 1), two=conv(width, 3))], [branches(one=conv(width, 1), two=chain(conv(width, 3, stride=2, padding=1), nn.ReLU()), three=pools(3, 1, 1))],
            [branches(one=pools(2), two=chain(conv(4, 1), conv(width, 3, padding=1)))], [branches({"one_1": conv(4, 1), "one_2": conv(4, 5)}, two=conv(width, 1))],
        )),
        "features": lambda: dice.choice(([nn.Flatten(), nn.Linear(side * 3 + 1, 10)], [nn.AdaptiveAvgPool2d(1) if axes == 2 else pools(1), nn.Flatten(), nn.Linear(333, 20), nn.Linear(21, 5)], [conv(width, 1), nn.Flatten(), linear(30), nn.BatchNorm1d(31)])),
    }[mistake]()  # fmt: skip


def rows(dice: random.Random, image: Shape, mistakes: tuple[str, ...]) -> list[Any]:
    axes = len(image) - 1
    found = [row for _ in range(dice.randrange(0, 3)) for row in sound_rows(dice, axes)]
    for mistake in mistakes:
        found += broken_rows(dice, mistake, image)
        found += [row for _ in range(dice.randrange(0, 2)) for row in sound_rows(dice, axes)]
    return [*found, *dice.choice(([nn.Flatten(), linear(10)], [], [nn.Flatten(), linear(16), nn.ReLU(), linear(10)]))]


def sequential(dice: random.Random, image: Shape, mistakes: tuple[str, ...]) -> nn.Sequential:
    """Modules alone, with wrong numbers where a mistake is to be."""
    axes, channels, layers = len(image) - 1, image[0], []
    convs, norms, pools, deconvs = (kinds[axes - 1] for kinds in (CONVS, NORMS, POOLS, DECONVS))
    side = max(image[1:])
    for mistake in (None, *mistakes, None):
        width = dice.choice((4, 6, 8, 12))
        good = [convs(channels, width, 3, padding=1), norms(width), nn.ReLU()][: dice.randrange(1, 4)]
        layers += {
            None: lambda good=good: good,
            "kernel": lambda: [convs(channels, width, dice.choice((side + 3, (side + 1, *(1,) * (axes - 1)))))],
            "channels": lambda: dice.choice(([convs(channels + 1, width, 3, padding=1)], [convs(channels, width, 1), norms(width + 1)], [convs(channels, width, 1), nn.GroupNorm(2, 2 * width)])),
            "groups": lambda: [convs(4 * (channels + 1), width, 1, groups=2)],
            "flatten": lambda: [convs(channels, width, 1), nn.Linear(width * side + 1, width)],
            "strides": lambda: [convs(channels, width, 3, 2), *[convs(width, width, 3, 2)] * 5],
            "dilation": lambda: [convs(channels, width, 3, dilation=side)],
            "transposed": lambda: dice.choice(([deconvs(channels, width, 3, 1, side)], [deconvs(channels + 2, width, 2, 2)], [deconvs(channels, width, 3, 2, 1, output_padding=2)])),
            "skip": lambda: [Block(convs, channels, width, stride=dice.choice((1, 2)), width_in=channels)],
            "concat": lambda: [Inception(convs, pools, channels, width)],
            "features": lambda: [nn.Flatten(), nn.Linear(width * 5 + 2, width), nn.Unflatten(1, (width, *(1,) * axes))],
        }[mistake]()  # fmt: skip
        channels = width if mistake != "concat" else 2 * width + channels
    return nn.Sequential(*layers, *dice.choice(([], [nn.Flatten(), nn.Linear(channels * 3 + 1, 10)])))


# Modules with a forward of their own ---------------------------------------------------------------------------------


class Block(nn.Module):
    """A residual block that forgets its projection."""

    def __init__(self, convs: Any, channels: int, width: int, stride: int, width_in: int):
        super().__init__()
        self.conv1 = convs(channels, width + (stride == 1) * (width == width_in), 3, stride, 1)
        self.conv2 = convs(self.conv1.out_channels, self.conv1.out_channels, 3, 1, 1)
        self.shortcut = nn.Identity() if stride == 1 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        around = x if self.shortcut is None else self.shortcut(x)
        return F.relu(self.conv2(F.relu(self.conv1(x))) + around)


class Inception(nn.Module):
    """Branches of different sizes."""

    def __init__(self, convs: Any, pools: Any, channels: int, width: int):
        super().__init__()
        self.one, self.three, self.pool = convs(channels, width, 1), convs(channels, width, 3), pools(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.one(x), self.three(x), self.pool(x)], dim=1)


class Lectures(nn.Module):
    """conv-pool-conv-pool-fc-fc with `mistake` somewhere; its features are reshaped in forward."""

    def __init__(self, image: Shape, mistake: str, dice: random.Random):
        super().__init__()
        axes, side, width = len(image) - 1, min(image[1:]), dice.choice((4, 6, 8))
        convs, self.axes, self.how = CONVS[axes - 1], axes, mistake
        sizes = {"kernel": side + 4, "dilation": 3}.get(mistake, 3)
        gap = side if mistake == "dilation" else 1
        self.conv1 = convs(image[0] + (mistake == "channels"), width, sizes, dilation=gap, padding=0 if mistake in ("kernel", "dilation") else 1)
        self.norm = NORMS[axes - 1](width + (mistake == "norm"))
        self.conv2 = convs(width, 2 * width, 3, stride=3 if mistake == "strides" else 1, padding=0 if mistake == "strides" else 1)
        self.conv3 = convs(2 * width, 2 * width, 3, stride=3 if mistake == "strides" else 1)
        self.features = 2 * width * 5 + (mistake in ("features", "view"))
        self.fc1, self.fc2 = nn.Linear(self.features, 20), nn.Linear(20 if mistake != "head" else 21, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[self.axes - 1]
        x = pool(F.relu(self.norm(self.conv1(x))), 2)
        x = F.relu(self.conv2(x))
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
    """Down, up, and a concatenation with what came before; for odd sizes, or with wrong channels, it does not fit."""

    def __init__(self, image: Shape, mistake: str, width: int):
        super().__init__()
        axes = len(image) - 1
        convs = CONVS[axes - 1]
        self.down, self.pool = convs(image[0], width, 3, padding=0 if mistake == "border" else 1), POOLS[axes - 1](2)
        self.inside = convs(width, 2 * width, 3, padding=1)
        self.up = DECONVS[axes - 1](2 * width + (mistake == "channels"), width, 3 if mistake == "up" else 2, 2)
        self.out = convs(2 * width + (mistake == "joined"), 3, 1)
        self.adds = mistake == "adds"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left = self.down(x)
        right = self.up(self.inside(self.pool(left)))
        return self.out(right + x if self.adds else torch.cat([left, right], 1))


class Heads(nn.Module):
    """Features multiplied by a matrix of its own, after a stack of blocks in a list."""

    def __init__(self, image: Shape, width: int, wrong: int):
        super().__init__()
        axes = len(image) - 1
        self.blocks = nn.ModuleList([CONVS[axes - 1](image[0] if i == 0 else width, width, 3, 2, 1) for i in range(wrong)])
        self.weight = nn.Parameter(torch.randn(width + wrong, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return x.flatten(2).mean(2) @ self.weight


def module(dice: random.Random, image: Shape, mistakes: tuple[str, ...]) -> nn.Module:
    width = dice.choice((4, 6, 8))
    lectures = ("kernel", "channels", "norm", "strides", "dilation", "features", "view", "head", "whole", "flatten")
    return dice.choice((
        lambda: Lectures(image, dice.choice(lectures), dice), lambda: Lectures(image, dice.choice(lectures), dice),
        lambda: UNet(image, dice.choice(("odd", "border", "channels", "up", "joined", "adds")), width),
        lambda: Heads(image, width, dice.choice((1, 2, 3))),
        lambda: nn.Sequential(Block(CONVS[len(image) - 2], image[0], width, dice.choice((1, 2)), image[0]), Lectures((width, *image[1:]), "channels", dice)),
    ))()  # fmt: skip


# -------------------------------------------------------------------------------------------------------------------


def fails(kind: str, network: Any, image: Shape) -> bool:
    """Whether the network cannot be built, or torch cannot run it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if kind == "notation":
                network = build(network, image, 10)
            elif kind == "rows":
                network = stack(image, *network)
            with torch.no_grad():
                network.eval()(torch.zeros(2, *image))
        except ShapeError:
            return kind in ("notation", "rows")
        except (RuntimeError, ValueError, IndexError):
            return True
    return False


KINDS: dict[str, Callable[[random.Random, Shape, tuple[str, ...]], Any]] = {
    "notation": notation, "rows": rows, "sequential": sequential, "module": module,
}  # fmt: skip


def broken_network(seed: int) -> Broken:
    """The broken network of a seed."""
    for attempt in range(100):
        dice = random.Random(f"{seed} {attempt}")
        torch.manual_seed(seed)
        kind = list(KINDS)[seed % len(KINDS)]
        image = image_of(dice)
        mistakes = tuple(dice.choice(MISTAKES) for _ in range(dice.choice((1, 1, 1, 1, 1, 1, 2, 2, 3))))
        network = KINDS[kind](dice, image, mistakes)
        if fails(kind, network, image):
            return Broken(seed, kind, mistakes, network, image)
    raise AssertionError(f"no broken network was found for seed {seed}")


def broken_networks(count: int, first: int = 0) -> Iterator[Broken]:
    """So many of them."""
    return (broken_network(seed) for seed in range(first, first + count))
