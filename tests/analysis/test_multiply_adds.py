"""Counts: against loops that count each multiplication, against torch's own counter, and the rules one by one."""

import itertools
import random
from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from striate.analysis.analyse import analyse
from striate.analysis.result import Analysis
from striate.errors import ShapeError

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class Asymmetric(nn.Sequential):
    """Padding that differs from side to side, then a convolution without."""


def random_convolution(draw: random.Random) -> tuple[nn.Module, tuple[int, ...]]:
    """A convolution of 1 to 3 axes, grouped, dilated, strided, padded as it comes, or transposed; and its input."""
    axes = draw.choice([1, 1, 2, 2, 3])
    groups, bias = draw.choice([1, 1, 2, 3]), draw.random() < 0.5
    channels, maps = groups * draw.randint(1, 2), groups * draw.randint(1, 2)
    per_axis = lambda low, high: tuple(draw.randint(low, high) for _ in range(axes))  # noqa: E731
    kernel, stride, dilation = per_axis(1, 3), per_axis(1, 3), per_axis(1, 2)
    image = (channels, *per_axis(5, 5 if axes == 3 else 8))
    kind = draw.choice(["plain", "plain", "transposed", "asymmetric", "same"])
    if kind == "transposed":
        padding = tuple(draw.randint(0, d * (k - 1) // 2) for k, d in zip(kernel, dilation, strict=True))
        extra = tuple(draw.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation, strict=True))
        numbers = (kernel, stride, padding, extra)
        return TRANSPOSED[axes - 1](channels, maps, *numbers, groups=groups, bias=bias, dilation=dilation), image
    if kind == "same":
        return CONVOLUTIONS[axes - 1](channels, maps, kernel, 1, "same", dilation, groups, bias), image
    conv = CONVOLUTIONS[axes - 1](channels, maps, kernel, stride, per_axis(0, 2), dilation, groups, bias)
    if kind == "asymmetric":
        return Asymmetric(
            (nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d)[axes - 1](per_axis(0, 2) + per_axis(0, 2)), conv
        ), image
    return conv, image


def counted_by_loops(conv: nn.Module, size: tuple[int, ...]) -> tuple[int, int]:
    """Multiplications and additions of one picture, each met in a loop; `size` of the input, padding among it."""
    inner = conv.in_channels // conv.groups
    outer = conv.out_channels // conv.groups
    taps = list(itertools.product(*map(range, conv.kernel_size)))
    multiplications = additions = 0
    if isinstance(conv, TRANSPOSED):
        reached: dict[tuple[int, ...], int] = {}  # each input is spread over the outputs, cut off later
        for unit in itertools.product(*map(range, size)):
            for tap in taps:
                place = tuple(u * s + t * d for u, s, t, d in zip(unit, conv.stride, tap, conv.dilation, strict=True))
                reached[place] = reached.get(place, 0) + 1
        for products in reached.values():
            for _ in range(conv.out_channels):
                multiplications += products * inner
                additions += products * inner - 1
        given = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1 + extra
            for n, k, s, p, d, extra in zip(
                size, conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.output_padding, strict=True
            )
        ]
    else:
        given = [
            len(range(0, n - d * (k - 1), s))
            for n, k, s, d in zip(size, conv.kernel_size, conv.stride, conv.dilation, strict=True)
        ]
        for _ in itertools.product(*map(range, given)):
            for _ in range(conv.groups * outer):
                first = True
                for _ in range(inner * len(taps)):
                    multiplications += 1
                    additions += not first
                    first = False
    if conv.bias is not None:
        for _ in itertools.product(*map(range, given)):
            additions += conv.out_channels
    return multiplications, additions


def padded(net: nn.Module, image: tuple[int, ...]) -> tuple[nn.Module, tuple[int, ...]]:
    """The convolution of `net`, and the size of its input with all padding that is put around it."""
    size = image[1:]
    if isinstance(net, Asymmetric):
        sides = net[0].padding
        size = tuple(n + sides[2 * i] + sides[2 * i + 1] for i, n in enumerate(reversed(size)))[::-1]
        net = net[1]
    if isinstance(net, TRANSPOSED):
        return net, size
    if net.padding == "same":
        return net, tuple(n + d * (k - 1) for n, k, d in zip(size, net.kernel_size, net.dilation, strict=True))
    return net, tuple(n + 2 * p for n, p in zip(size, net.padding, strict=True))


def fitting(start: int) -> Iterator[tuple[int, nn.Module, tuple[int, ...], Analysis]]:
    """Random convolutions, from a seed on, that are not larger than their input."""
    for seed in itertools.count(start):
        with torch.device("meta"):
            net, image = random_convolution(random.Random(seed))
        try:
            yield seed, net, image, analyse(net, image)
        except ShapeError:
            continue


@pytest.mark.parametrize("block", range(10))
def test_counts_of_2000_random_convolutions_equal_a_count_by_loops(block):
    for seed, net, image, analysis in itertools.islice(fitting(1000 * block), 200):
        conv, size = padded(net, image)
        assert (analysis.multiplications, analysis.additions) == counted_by_loops(conv, size), (seed, net, image)
        assert analysis.multiply_adds == analysis.multiplications, seed
        assert analysis.parameters == sum(p.numel() for p in net.parameters()), seed


def by_torch(net: nn.Module, *image: int) -> int:
    """What torch's counter says for one picture."""
    net.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.empty(1, *image, device="meta"))
    return counter.get_total_flops()


@pytest.mark.parametrize(
    ("net", "image"),
    [
        (nn.Sequential(nn.Conv2d(3, 8, 3, groups=1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8)), (3, 32, 32)),
        (nn.Sequential(nn.ConvTranspose2d(4, 6, 4, 2, 1)), (4, 7, 9)),
        (nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.Linear(5, 2, bias=False)), (3, 2, 2)),
        (nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), (10, 16)),
    ],
    ids=["grouped", "transposed", "linear", "attention"],
)
def test_flops_are_those_of_torch_its_own_counter(net, image):
    assert analyse(net, image).flops == by_torch(net.to("meta"), *image)


def counts(net: nn.Module, *image: int) -> tuple[int, int, int]:
    analysis = analyse(net, image)
    return analysis.multiply_adds, analysis.multiplications, analysis.additions


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (nn.Conv2d(4, 8, 3, bias=False), (32 * 9 * 36, 32 * 9 * 36, 8 * 36 * (36 - 1))),
        (nn.Conv2d(4, 8, 3), (32 * 9 * 36, 32 * 9 * 36, 8 * 36 * 36)),
        (nn.BatchNorm2d(4), (0, 256, 256)),  # one scaling and one shift a number
        (nn.ReLU(), (0, 0, 0)),
        (nn.MaxPool2d(2), (0, 0, 0)),
        (nn.AvgPool2d(2), (0, 64, 64 * 3)),
        (nn.AvgPool2d(3, 2, ceil_mode=True), (0, 64, 64 * 8)),
        (nn.AdaptiveAvgPool2d(1), (0, 4, 4 * 63)),
        (nn.AdaptiveAvgPool2d(3), (0, 36, 4 * (100 - 9))),  # windows of 3, 4 and 3 along each axis
        (nn.LeakyReLU(), (0, 256, 0)),
        (nn.Softmax(1), (0, 256, 256 - 64)),
        (nn.Upsample(scale_factor=2), (0, 0, 0)),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (0, 4 * 1024, 3 * 1024)),
        (nn.Hardswish(), (0, 512, 256)),
        (nn.Dropout(), (0, 0, 0)),
        (nn.GroupNorm(2, 4), (0, 3 * 256 + 4, 4 * 256 - 4)),
    ],
    ids=lambda case: str(case).replace(" ", "") if isinstance(case, nn.Module) else "",
)
def test_each_operation_has_one_rule(net, expected):
    assert counts(net, 4, 8, 8) == expected


def test_operations_between_modules_are_counted_too():
    class Residual(nn.Module):
        def forward(self, x):
            return x + 0.5 * x.relu() ** 2

    assert counts(Residual(), 4, 8, 8) == (0, 2 * 256, 256)


def test_products_of_parameters_alone_belong_to_the_layer_that_uses_them():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3, bias=False)
            self.gain = nn.Parameter(torch.ones(2, 1, 1, 1))

        def forward(self, x):
            return nn.functional.conv2d(x, self.conv.weight * self.gain)

    (layer,) = analyse(Scaled(), (1, 5, 5)).layers
    assert (layer.kind, layer.parameters, layer.multiplications) == ("conv", 20, 18 * 9 + 18)


def test_the_padded_border_counts_as_if_it_were_real():
    assert analyse(nn.Conv2d(3, 64, 3, padding=1), (3, 224, 224)).multiply_adds == 224 * 224 * 64 * 27


def test_two_pictures_take_twice_as_much_memory_and_the_counts_stay():
    one, two = (analyse(nn.Conv2d(3, 8, 3), (3, 32, 32), batch=batch) for batch in (1, 2))
    assert one.multiply_adds == two.multiply_adds
    assert two.activation_bytes == 2 * one.activation_bytes == 2 * 4 * 8 * 30 * 30
