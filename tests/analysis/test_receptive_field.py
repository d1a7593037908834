"""Receptive fields: worked cases, and the support of gradients as the independent oracle."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count, islice

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from striate.analysis.analyse import analyse
from striate.analysis.receptive_field import Span, adapted, hull, joined, repeated, transposed, windowed
from striate.analysis.result import Analysis, View
from striate.errors import ShapeError


class EveryPixelCounts(TorchFunctionMode):
    """Replaces what passes on the gradient of one pixel, or of none, by something that passes on all."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name.startswith("max_pool") and not name.endswith("indices"):
            return self._average(int(name[8]), *args, **kwargs)
        if name in ("relu", "relu_", "hardtanh", "hardtanh_", "relu6"):
            return args[0] * 0.5
        return func(*args, **kwargs)

    def _average(self, axes, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **_):
        kernel = (kernel_size,) * axes if isinstance(kernel_size, int) else tuple(kernel_size)
        assert dilation in (1, (1,) * axes)
        pool = (None, nn.functional.avg_pool1d, nn.functional.avg_pool2d, nn.functional.avg_pool3d)[axes]
        return pool(x, kernel, stride, padding, ceil_mode)


def with_positive_weights(net: nn.Module) -> nn.Module:
    """Random weights above zero that average: nothing cancels and nothing saturates."""
    draw = torch.Generator().manual_seed(0)
    net = net.double().eval()
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.rand(parameter.shape, generator=draw) + 0.5)
                parameter.div_(parameter[0].numel())
            else:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
    return net


def outputs_of(net: nn.Module, names: list[str], image: tuple[int, ...]) -> tuple[Tensor, dict[str, Tensor]]:
    """The image and what the modules called `names` give at their first call."""
    kept: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_hook(lambda _, __, out, name=name: kept.setdefault(name, out * 1.0) is None or None)
        for name, module in net.named_modules()
        if name in names
    ]
    x = torch.rand(1, *image, generator=torch.Generator().manual_seed(1), dtype=torch.double).requires_grad_()
    with EveryPixelCounts():
        kept[""] = net(x)
    for hook in hooks:
        hook.remove()
    return x, kept


def support(x: Tensor, out: Tensor, unit: tuple[int, ...]) -> list[tuple[int, int]]:
    """First and last pixel along each axis that can change the unit at a place of `out` (n, c, ...)."""
    (grad,) = torch.autograd.grad(out[(0, slice(None), *unit)].sum(), x, retain_graph=True)
    seen = grad[0].abs().sum(0).nonzero()
    return list(zip(seen.min(0).values.tolist(), seen.max(0).values.tolist(), strict=True))


def predicted(view: View, unit: tuple[int, ...]) -> list[tuple[float, float]]:
    """First and last pixel by size, stride and start, where all units see equally much."""
    return [
        (start + i * stride - (size - 1) / 2, start + i * stride + (size - 1) / 2)
        for size, stride, start, i in zip(view.size, view.stride, view.start, unit, strict=True)
    ]


# ---------------------------------------------------------------------------------------------------- worked cases


def field(*layers: nn.Module, image: tuple[int, ...] = (3, 64, 64)) -> View:
    view = analyse(nn.Sequential(*layers), image).receptive_field
    assert view is not None
    return view


def test_two_3x3_convolutions_see_5x5_and_three_see_7x7():
    assert field(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)) == View((5, 5), (1, 1), (2, 2))
    assert field(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)).size == (7, 7)


def test_the_stem_of_resnet_sees_11x11_every_fourth_pixel():
    assert field(nn.Conv2d(3, 8, 7, 2, 3), nn.MaxPool2d(3, 2, 1)) == View((11, 11), (4, 4), (0, 0))


def test_padding_moves_the_first_centre_and_nothing_else():
    assert field(nn.Conv2d(3, 4, 5)) == View((5, 5), (1, 1), (2, 2))
    assert field(nn.Conv2d(3, 4, 5, padding=2)) == View((5, 5), (1, 1), (0, 0))


def test_an_even_kernel_is_centred_between_two_pixels():
    assert field(nn.Conv2d(3, 4, 2, 2)) == View((2, 2), (2, 2), (0.5, 0.5))


def test_the_extent_of_a_dilated_kernel_counts_its_holes():
    assert field(nn.Conv2d(3, 4, 3, dilation=4, padding=4)).size == (9, 9)


def test_each_axis_is_told_apart():
    assert field(nn.Conv2d(3, 4, (1, 7), stride=(1, 2), padding=(0, 3))) == View((1, 7), (1, 2), (0, 0))


def test_one_and_three_dimensions():
    assert field(nn.Conv1d(2, 4, 9, 4), nn.Conv1d(4, 4, 3), image=(2, 100)) == View((17,), (4,), (8,))
    assert field(nn.Conv3d(1, 2, (3, 5, 5), padding=1), image=(1, 9, 20, 20)).size == (3, 5, 5)


def test_the_longest_branch_decides_the_size():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.near, self.far = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 7, padding=3)

        def forward(self, x):
            return torch.cat([self.near(x), self.far(x)], 1)

    assert field(Branches()) == View((7, 7), (1, 1), (0, 0))


def test_branches_that_are_shifted_see_the_hull_of_both():
    class Shifted(nn.Module):
        def forward(self, x):
            return x[:, :, :-4, :] + x[:, :, 4:, :]

    assert field(Shifted()) == View((5, 1), (1, 1), (2, 0))


def test_a_doubled_map_has_half_the_stride():
    assert field(nn.Conv2d(3, 4, 4, 4), nn.Upsample(scale_factor=2)).stride == (2, 2)
    assert field(nn.ConvTranspose2d(3, 4, 2, 2)) == View((1, 1), (0.5, 0.5), (0, 0))


def test_the_size_behind_a_transposed_convolution_is_that_of_its_largest_kind_of_unit():
    # kernel 3, stride 2: units see one or two inputs in turn
    assert field(nn.ConvTranspose2d(3, 4, 3, 2)).size == (2, 2)


def test_squeeze_and_excitation_sees_the_whole_image():
    class Excite(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, 2)

        def forward(self, x):
            x = self.conv(x)
            return x * x.mean((2, 3), keepdim=True).sigmoid()

    assert field(Excite(), image=(3, 41, 61)) == View((41, 61), (2, 2), (20, 30))
    assert field(Excite(), image=(3, 40, 60)).size == (39, 59)  # the stride leaves the last row and column unseen


def test_group_norm_sees_the_whole_image_and_batch_norm_does_not():
    assert field(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).size == (3, 3)
    assert field(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)).size == (64, 64)


def test_a_fully_connected_layer_sees_the_whole_image_and_has_no_stride():
    layers = analyse(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 62 * 62, 2)), (3, 64, 64)).layers
    assert layers[-1].receptive_field == View((64, 64), (0, 0), (31.5, 31.5))


def test_the_network_is_judged_by_its_last_map_before_the_global_pool():
    net = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    assert analyse(net, (3, 64, 64)).receptive_field == View((3, 3), (2, 2), (1, 1))


def test_a_network_without_an_image_has_no_receptive_field():
    assert analyse(nn.Linear(4, 2), (4,)).receptive_field is None


def test_a_view_can_be_larger_than_the_image():
    assert field(*[nn.Conv2d(3, 3, 3, padding=1) for _ in range(20)], image=(3, 16, 16)).size == (41, 41)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_an_operation_that_is_not_known_is_named_and_taken_to_see_all(stride):
    class Fourier(nn.Module):
        def forward(self, x):
            return torch.fft.ifft2(torch.fft.fft2(x)).real[:, :, ::stride]

    analysis = analyse(Fourier(), (1, 16, 16))
    assert analysis.receptive_field is None or analysis.receptive_field.size == (16, 16)
    assert any("fft" in note for note in analysis.notes)


# -------------------------------------------------------------------------------------------------- the arithmetic


def brute(span: Span, taps: Callable[[int], list[int]], unit: int) -> tuple[int, int] | None:
    return hull(span.at(tap) for tap in taps(unit))


@pytest.mark.parametrize("seed", range(40))
def test_spans_equal_those_of_each_unit_by_itself(seed):
    """A chain of windows, upsamplings and pools by periods, against every unit followed on its own."""
    draw = random.Random(seed)
    span, units = Span.pixels(60), [(i, i) for i in range(-200, 400)]
    for _ in range(4):
        step = draw.choice(["window", "transposed", "repeat"])
        kernel, stride, padding = draw.randint(1, 4), draw.randint(1, 3), draw.randint(0, 2)
        n, at = span.length, lambda i, units=units: units[i + 200]
        if step == "window" and n + 2 * padding >= kernel:
            length = (n + 2 * padding - kernel) // stride + 1
            span = windowed(span, length, kernel, stride, padding)
            taps = lambda j, k=kernel, s=stride, p=padding: [j * s - p + t for t in range(k)]  # noqa: E731
        elif step == "transposed" and stride <= kernel:
            length = (n - 1) * stride - 2 * padding + kernel
            if length < 1:
                continue
            span = transposed(span, length, kernel, stride, padding)
            taps = lambda j, k=kernel, s=stride, p=padding: [(j + p - t) // s for t in range(k) if (j + p - t) % s == 0]  # noqa: E731
        else:
            span = repeated(span, stride)
            taps = lambda j, s=stride: [j // s]  # noqa: E731
        inside = [j for j in range(-200, 400) if all(-200 <= t < 400 for t in taps(j))]
        units = [hull(at(t) for t in taps(j)) if j in inside else None for j in range(-200, 400)]
        assert [span.at(j) for j in range(min(span.length, 200))] == units[200 : 200 + min(span.length, 200)]


def test_an_adaptive_pool_of_7_to_3_looks_at_3_overlapping_windows():
    span = adapted(Span.pixels(7), 3)
    assert [span.at(j) for j in range(3)] == [(0, 2), (2, 4), (4, 6)]


def test_maps_of_different_stride_are_joined_unit_by_unit():
    fast, slow = Span.pixels(6), adapted(Span.pixels(7), 6)
    assert [joined([fast, slow]).at(j) for j in range(6)] == [
        hull([fast.at(j), slow.at(j)]) for j in range(6)
    ]


# ---------------------------------------------------------------------------------------------------- random networks


class Random(nn.Module):
    """A random network of `axes` axes with branches: 4 maps everywhere, at most `deep` steps."""

    def __init__(self, seed: int):
        super().__init__()
        self.draw = draw = random.Random(seed)
        self.axes = draw.choice([1, 2, 2, 2, 3])
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
        kind = draw.choice(["conv", "conv", "transposed", "max", "average", "upsample", "linear", "pad", "slice", "norm"])
        if kind == "conv":
            return self._conv(draw, draw.randint(1, 3))
        if kind == "transposed":
            kernel = draw.randint(1, 4)
            stride = draw.randint(1, min(kernel, 3))
            padding = draw.randint(0, (kernel - 1) // 2)
            return (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[axes - 1](4, 4, kernel, stride, padding)
        if kind in ("max", "average"):
            pools = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d) if kind == "max" else (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
            kernel = draw.randint(2, 3)
            return pools[axes - 1](kernel, draw.randint(1, 3), draw.randint(0, kernel // 2), ceil_mode=draw.random() < 0.5)
        if kind == "upsample":
            return nn.Upsample(scale_factor=draw.choice([2, 3]))
        if kind == "linear":
            mode = ("linear", "bilinear", "trilinear")[axes - 1]
            return nn.Upsample(scale_factor=2, mode=mode, align_corners=draw.random() < 0.3)
        if kind == "pad":
            return (nn.ReflectionPad1d, nn.ReplicationPad2d, nn.ConstantPad3d)[axes - 1](*((1, 0.0) if axes == 3 else (1,)))
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
    """Random networks, from a seed on, that fit their image and leave units away from its border."""
    for seed in count(start):
        net = Random(seed)
        try:
            analysis = analyse(net, (4, *SIZES[net.axes]))
        except ShapeError:
            continue
        view, spatial = analysis.layers[-1].receptive_field, analysis.layers[-1].output[1:]
        whole = isinstance(net.steps[-1], Squeeze)
        if view and min(spatial) > 6 and (whole or all(3 * n < size for n, size in zip(view.size, SIZES[net.axes], strict=True))):
            yield seed, net, analysis


@pytest.mark.parametrize("block", range(20))
def test_receptive_fields_of_200_random_networks_equal_the_support_of_gradients(block):
    for seed, net, analysis in islice(buildable(1000 * block), 10):
        assert analysis.notes == ()
        x, outputs = outputs_of(with_positive_weights(net), [], analysis.image)
        view = analysis.layers[-1].receptive_field
        sizes = [[high - low + 1 for low, high in support(x, outputs[""], unit)] for unit in inner_units(outputs[""])]
        assert tuple(map(max, zip(*sizes, strict=True))) == view.size, seed
        middle = inner_units(outputs[""])[3]
        if not any(isinstance(module, FINER + (Squeeze,)) for module in net.modules()):  # all units are alike
            assert support(x, outputs[""], middle) == predicted(view, middle), seed
