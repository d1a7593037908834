"""Receptive fields equal the support of gradients: on 200 random networks with branches, and on the zoo."""

import random
from collections.abc import Iterator
from itertools import count, islice

import pytest
import torch
from torch import Tensor, nn

from striate.analysis.analyse import analyse
from striate.analysis.result import Analysis, Layer, View
from striate.errors import ShapeError
from striate.zoo import networks


def predicted(view: View, unit: tuple[int, ...]) -> list[tuple[float, float]]:
    """First and last pixel by size, stride and start, where all units see equally much."""
    return [
        (start + i * stride - (size - 1) / 2, start + i * stride + (size - 1) / 2)
        for size, stride, start, i in zip(view.size, view.stride, view.start, unit, strict=True)
    ]


class Random(nn.Module):
    """A random network of `axes` axes with branches: 4 maps everywhere, at most `deep` steps."""

    def __init__(self, seed: int):
        super().__init__()
        self.draw = draw = random.Random(seed)
        self.axes = draw.choice([1, 2, 2, 3, 3])
        self.steps = nn.ModuleList(self._step(draw) for _ in range(draw.randint(2, 4)))

    def _step(self, draw: random.Random) -> nn.Module:
        kind = draw.choice(["plain", "plain", "residual", "cat", "dense", "shift", "squeeze"])
        if kind == "plain":
            return self._layer(draw)
        if kind == "squeeze":
            return Squeeze() if draw.random() < 0.2 else self._layer(draw)
        stride = draw.choice([1, 1, 2])
        return Joined(kind, [self._branch(draw, stride) for _ in range(draw.randint(2, 3))])

    def _branch(self, draw: random.Random, stride: int) -> nn.Module:
        layers = [self._conv(draw, stride)]
        if draw.random() < 0.6:
            layers.append(self._conv(draw, 1))
        draw.shuffle(layers)
        return nn.Sequential(*layers, nn.ReLU())

    def _conv(self, draw: random.Random, stride: int) -> nn.Module:
        kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[self.axes - 1]
        numbers = [
            tuple(draw.choice(choice) for _ in range(self.axes)) for choice in ((1, 2, 3, 4, 5), (0, 1, 2), (1, 1, 2))
        ]
        return kind(4, 4, numbers[0], stride, numbers[1], numbers[2], groups=draw.choice([1, 2, 4]))

    def _layer(self, draw: random.Random) -> nn.Module:
        axes = self.axes
        kind = draw.choice(
            ["conv", "conv", "transposed", "max", "average", "upsample", "linear", "pad", "slice", "norm"]
        )
        if kind == "conv":
            return self._conv(draw, draw.randint(1, 3))
        if kind == "transposed":
            kernel = draw.randint(1, 4)
            stride = draw.randint(1, min(kernel, 3))
            padding = draw.randint(0, (kernel - 1) // 2)
            return (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[axes - 1](4, 4, kernel, stride, padding)
        if kind in ("max", "average"):
            pools = (
                (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
                if kind == "max"
                else (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
            )
            kernel = draw.randint(2, 3)
            return pools[axes - 1](
                kernel, draw.randint(1, 3), draw.randint(0, kernel // 2), ceil_mode=draw.random() < 0.5
            )
        if kind == "upsample":
            return nn.Upsample(scale_factor=draw.choice([2, 3]))
        if kind == "linear":
            mode = ("linear", "bilinear", "trilinear")[axes - 1]
            return nn.Upsample(scale_factor=2, mode=mode, align_corners=draw.random() < 0.3)
        if kind == "pad":
            return (nn.ReflectionPad1d, nn.ReplicationPad2d, nn.ConstantPad3d)[axes - 1](
                *((1, 0.0) if axes == 3 else (1,))
            )
        if kind == "slice":
            return Slice(draw.randint(0, 2), draw.randint(1, 2))
        return (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[axes - 1](4)

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = step(x)
        return x


class Slice(nn.Module):
    def __init__(self, start: int, step: int):
        super().__init__()
        self.start, self.step = start, step

    def forward(self, x: Tensor) -> Tensor:
        return x[..., self.start :: self.step]


class Squeeze(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + x.mean(tuple(range(2, x.dim())), keepdim=True))


class Joined(nn.Module):
    """Branches cut to one size, then added, concatenated, multiplied or added after a shift."""

    def __init__(self, kind: str, branches: list[nn.Module]):
        super().__init__()
        self.kind, self.branches = kind, nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        outs = [branch(x) for branch in self.branches]
        least = [min(sizes) for sizes in zip(*(out.shape[2:] for out in outs), strict=True)]
        outs = [out[(slice(None), slice(None), *(slice(0, n) for n in least))] for out in outs]
        if self.kind == "cat":
            both = torch.cat(outs, 1)
            return both.unflatten(1, (-1, 4)).mean(1)
        if self.kind == "dense":
            return outs[0] * (1 + outs[1])
        if self.kind == "shift":
            return outs[0][..., :-1] + outs[1][..., 1:]
        return sum(outs[1:], outs[0])


def inner_units(out: Tensor) -> list[tuple[int, ...]]:
    """Three units side by side in the middle of a map, along every axis together."""
    middle = [size // 2 for size in out.shape[2:]]
    return [tuple(min(max(m + d, 0), n - 1) for m, n in zip(middle, out.shape[2:], strict=True)) for d in range(-3, 4)]


FINER = (nn.Upsample, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
SIZES = {1: (151,), 2: (53, 59), 3: (25, 23, 27)}


def buildable(start: int) -> Iterator[tuple[int, Random, Analysis]]:
    """Random networks, from a seed on, that fit their image, leave units away from its border and are quick."""
    for seed in count(start):
        net = Random(seed)
        try:
            analysis = analyse(net, (4, *SIZES[net.axes]))
        except ShapeError:
            continue
        view, spatial = analysis.layers[-1].receptive_field, analysis.layers[-1].output[1:]
        whole = isinstance(net.steps[-1], Squeeze)
        sizes = zip(view.size, view.stride, SIZES[net.axes], strict=True) if view else ()
        inner = view and all(n + 6 * stride < side * 0.7 for n, stride, side in sizes)
        if (inner or whole) and min(spatial) > 6 and analysis.multiply_adds < 2 * 10**7:
            yield seed, net, analysis


@pytest.mark.parametrize("block", range(20))
def test_receptive_fields_of_200_random_networks_equal_the_support_of_gradients(block, gradients):
    for seed, net, analysis in islice(buildable(1000 * block), 10):
        assert analysis.notes == ()
        x, outputs = gradients.outputs_of(gradients.with_positive_weights(net), [], analysis.image)
        view = analysis.layers[-1].receptive_field
        sizes = [
            [high - low + 1 for low, high in gradients.support(x, outputs[""], unit)]
            for unit in inner_units(outputs[""])
        ]
        assert tuple(map(max, zip(*sizes, strict=True))) == view.size, seed
        middle = inner_units(outputs[""])[3]
        if not any(isinstance(module, (*FINER, Squeeze)) for module in net.modules()):  # all units are alike
            assert gradients.support(x, outputs[""], middle) == predicted(view, middle), seed


# ------------------------------------------------------------------------------------------------------------ the zoo

QUICK = {
    "lenet5", "lenet5_1998", "simple_cnn", "neocognitron", "alexnet", "googlenet", "resnet18", "resnet20_cifar",
    "densenet121", "mobilenet_v1_025", "squeezenet1_1", "seresnet50", "inception_v3", "nasnet_a_mobile",
}  # fmt: skip


def smallest(name: str) -> tuple[nn.Module, Analysis]:
    """The network for the smallest image that it takes: its units see as far as in the large one."""
    channels, *own = networks[name].facts.image
    for side in (64, 96, 128, 192, 299, 331) if own[0] > 100 else own[:1]:
        try:
            net = networks[name](image=(channels, side, side))
            return net, analyse(net, (channels, side, side))
        except ShapeError:
            continue
    raise AssertionError(f"{name} takes none of these images")


def chosen(net: nn.Module, analysis: Analysis) -> list[Layer]:
    """The last map, two others, and four with units that see less than the image."""
    modules = dict(net.named_modules())
    maps = [
        layer for layer in analysis.layers if layer.name in modules and len(layer.output) == 3 and layer.output[1] > 1
    ]
    last = [layer for layer in maps if layer.receptive_field == analysis.receptive_field][-1:]
    random.Random(0).shuffle(maps)
    near = [layer for layer in maps if 1.5 * max(layer.receptive_field.size) < analysis.image[1]]
    return [*last, *maps[:2], *near[:4]]


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in networks])
def test_receptive_fields_of_the_zoo_equal_the_support_of_gradients(name, gradients):
    net, analysis = smallest(name)
    layers = chosen(net, analysis)
    side = analysis.image[1]
    x, outputs = gradients.outputs_of(
        gradients.with_positive_weights(net), [layer.name for layer in layers], analysis.image
    )
    for layer in layers:
        view, unit = layer.receptive_field, tuple(n // 2 for n in layer.output[1:])
        seen = gradients.support(x, outputs[layer.name], unit)
        for (low, high), (first, last), size in zip(seen, predicted(view, unit), view.size, strict=True):
            if first >= 0 and last < side:
                assert (low, high) == (first, last), (layer.name, view)
            elif size == side:  # after squeeze and excitation all is seen, wherever the unit stands
                assert (low, high) == (0, side - 1), (layer.name, view)
            else:  # cut off at the border, where a stride may leave a few pixels that nothing sees
                assert max(first, 0) <= low <= max(first, 0) + 8, (layer.name, view)
                assert min(last, side - 1) - 8 <= high <= min(last, side - 1), (layer.name, view)
