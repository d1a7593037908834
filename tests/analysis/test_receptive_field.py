"""Receptive fields: worked cases, published ones, and the arithmetic of spans against every unit by itself."""

import random
from collections.abc import Callable

import pytest
import torch
from torch import nn

from striate.analysis.analyse import analyse
from striate.analysis.receptive_field import Span, adapted, hull, joined, repeated, transposed, windowed
from striate.analysis.result import View
from striate.zoo import networks

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
    assert [joined([fast, slow]).at(j) for j in range(6)] == [hull([fast.at(j), slow.at(j)]) for j in range(6)]


# Araujo, Norris, Sim: Computing Receptive Fields of Convolutional Neural Networks, Distill 2019; its library's table
PUBLISHED = {
    "alexnet": 195, "vgg16": 212, "mobilenet_v1": 315, "resnet50_v1": 483, "resnet101_v1": 1027, "resnet152_v1": 1507,
    "inception_v3": 1311, "inception_v4": 2071, "inception_resnet_v2": 3039,
}  # fmt: skip


@pytest.mark.parametrize(("name", "size"), PUBLISHED.items())
def test_sizes_are_those_that_were_published(name, size):
    with torch.device("meta"):
        net = networks[name]()
    assert analyse(net, networks[name].facts.image).receptive_field.size == (size, size)


def test_the_first_unit_of_vgg16_is_centred_as_published():
    """Size 212 and effective padding 90 there: the centre lies at (212 − 1)/2 − 90."""
    with torch.device("meta"):
        net = networks["vgg16"]()
    assert analyse(net, (3, 224, 224)).receptive_field == View((212, 212), (32, 32), (15.5, 15.5))
