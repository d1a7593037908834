"""Why a torch layer cannot take a shape: every reason, in words and with the arithmetic, and no false alarm."""

import itertools

import pytest
import torch
from torch import nn

from striate.errors import ShapeError
from striate.misfit import axes_of, misfit, per_axis
from striate.rows import conv, deconv, stack


@pytest.mark.parametrize(
    ("layer", "shape", "message", "formula"),
    [
        (
            nn.Conv2d(3, 8, 5),
            (3, 4, 9),
            "window of 5, but only 4 are there. Give it an input 1 larger",
            "(4 + 2·0 − 5)/1 + 1 = 0, which is less than 1",
        ),
        (
            nn.Conv2d(3, 8, 3, dilation=4),
            (3, 8, 8),
            "window of 9, but only 8",
            "(8 + 2·0 − (4·(3−1) + 1))/1 + 1 = 0, which is less than 1",
        ),
        (
            nn.Conv2d(4, 8, 3),
            (3, 8, 8),
            "takes 4 channels, but its input 3x8x8 has 3. Make it take 3",
            "4 ≠ 3",
        ),
        (
            nn.Conv2d(3, 8, (3, 3, 3)),
            (3, 8, 8),
            "3x3x3 has 3 numbers, but its input has 2 axes",
            "3 ≠ 2",
        ),
        (
            nn.Conv1d(3, 8, 3),
            (3, 8, 8),
            r"needs \(channels, length\), but its input is \(3, 8, 8\)",
            "2 ≠ 1 spatial axes",
        ),
        (
            nn.Conv3d(3, 8, 3),
            (12,),
            r"needs \(channels, depth, height, width\).*Put it above the row that flattens",
            "0 ≠ 3 spatial axes",
        ),
        (
            nn.ConvTranspose2d(4, 8, 3),
            (3, 8, 8),
            "takes 4 channels, but its input 3x8x8 has 3",
            "4 ≠ 3",
        ),
        (
            nn.ConvTranspose2d(3, 8, 3, padding=9),
            (3, 8, 8),
            "cuts 9 from each side and nothing is left of an axis of 8",
            "(8−1)·1 − 2·9 + 1·(3−1) + 1 + 0 = −8, which is less than 1",
        ),
        (
            nn.ConvTranspose2d(3, 8, 3, 2, output_padding=2),
            (3, 8, 8),
            "must be fewer than its stride or its dilation. The most is 1",
            "2 ≥ max(2, 1)",
        ),
        (
            nn.MaxPool2d(3, 1, 2),
            (3, 8, 8),
            "pads 2 on each side, more than half of its window of 3",
            "2·2 = 4 > 3",
        ),
        (
            nn.MaxPool2d(9),
            (3, 8, 8),
            "window of 9, but only 8",
            "(8 + 2·0 − 9)/9 + 1 = 0.89, which is less than 1",
        ),
        (
            nn.AvgPool3d(4, padding=2),
            (3, 3, 3, 3),
            "window of 4, but only 3",
            "(3 + 2·0 − 4)/4 + 1 = 0.75, which is less than 1",
        ),
        (
            nn.BatchNorm2d(4),
            (3, 8, 8),
            "takes 4 channels, but its input 3x8x8 has 3",
            "4 ≠ 3",
        ),
        (
            nn.GroupNorm(2, 4),
            (3, 8, 8),
            "takes 4 channels, but its input 3x8x8 has 3",
            "4 ≠ 3",
        ),
        (
            nn.LayerNorm((4, 8)),
            (3, 8, 8),
            "inputs that end in 4x8, but its input is .* Make it take 8x8",
            "4x8 ≠ 8x8",
        ),
        (
            nn.Linear(12, 3),
            (13,),
            "takes 12 features, but its input has 13",
            "12 ≠ 13",
        ),
        (
            nn.Linear(12, 3),
            (3, 2, 2),
            r"Put nn.Flatten\(\) above it\.$",
            "3·2·2 = 12",
        ),
        (
            nn.Linear(12, 3),
            (4, 2, 2),
            "Put nn.Flatten.* above it and make it take 16 features",
            "4·2·2 = 16",
        ),
        (
            nn.PixelShuffle(2),
            (6, 4, 4),
            "2x2 pixels of each 4 maps, but its input 6x4x4 has 6",
            "6 mod 4 = 2",
        ),
        (
            nn.Unflatten(1, (2, 3)),
            (7,),
            "makes 2x3 of 6 values, but its input has 7",
            "2·3 = 6 ≠ 7",
        ),
    ],
)
def test_a_layer_that_torch_refuses_is_explained(layer, shape, message, formula):
    with pytest.raises((RuntimeError, ValueError)):
        layer(torch.zeros(2, *shape))
    with pytest.raises(ShapeError, match=message) as caught:
        stack(shape, layer)
    assert caught.value.formula == formula


@pytest.mark.parametrize("kind", [nn.Conv1d, nn.MaxPool1d, nn.AvgPool1d, nn.ConvTranspose1d])
def test_a_misfit_is_found_exactly_where_torch_refuses(kind):
    for size, kernel, stride, padding, more in itertools.product(
        range(1, 7), (1, 2, 3, 4), (1, 2, 3), (0, 1, 2), (0, 1)
    ):
        if kind is nn.Conv1d:
            layer = nn.Conv1d(1, 1, kernel, stride, padding, dilation=1 + more)
        elif kind is nn.ConvTranspose1d:
            layer = nn.ConvTranspose1d(1, 1, kernel, stride, padding, output_padding=more)
        else:
            layer = kind(kernel, stride, padding, ceil_mode=bool(more))
        assert (misfit(layer, (1, size)) is None) == runs(layer, (1, size)), (layer, size)


def runs(layer, shape):
    try:
        return layer(torch.zeros(2, *shape)).numel() > 0
    except RuntimeError:
        return False


def test_what_torch_takes_on_meta_alone_is_refused_all_the_same():
    with pytest.raises(ShapeError, match="takes 4 channels"):
        stack((3, 8, 8), nn.Sequential(nn.ConvTranspose2d(4, 8, 3))[0])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (conv(0, 3), "has out 0; it must be at least 1"),
        (conv(8, 0), "has kernel 0; it must be at least 1"),
        (conv(8, 3, stride=(1, 0)), "has stride 0; it must be at least 1"),
        (conv(8, 3, dilation=0), "has dilation 0; it must be at least 1"),
        (conv(8, 3, padding=-1), "has padding -1; it must be at least 0"),
        (conv(8, 3, groups=0), "has groups 0; it must be at least 1"),
        (conv(8, (3, 3, 3)), "3x3x3 has 3 numbers, but its input has 2 axes"),
        (conv(8, 3, padding="valid"), "has padding 'valid'"),
        (deconv(8, 3, padding=9), "cuts 9 from each side and nothing is left"),
        (deconv(8, 3, stride=2, output_padding=2), "The most is 1"),
        (nn.Flatten(0), "gives 384 answers for 2 pictures: it takes the batch for part of them"),
    ],
)
def test_a_row_whose_sizes_cannot_be_is_refused(row, message):
    with pytest.raises(ShapeError, match=message):
        stack((3, 8, 8), row)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation"),
    [*itertools.product((7, 8), (2, 3, 4), (1, 2, 3), (1, 2))],
)
@pytest.mark.parametrize("padding", ["same", "same^"])
def test_same_padding_gives_the_size_over_the_stride_rounded_up_for_every_kernel(
    size, kernel, stride, dilation, padding
):
    net = stack((2, size, size), conv(3, kernel, stride=stride, dilation=dilation, padding=padding))
    assert net(torch.zeros(1, 2, size, size)).shape == (1, 3, -(-size // stride), -(-size // stride))


def test_same_padding_computes_what_torch_s_own_does_and_warns_of_nothing():
    picture = torch.randn(1, 2, 9, 9, generator=torch.Generator().manual_seed(0))
    net = stack((2, 9, 9), conv(3, 4, padding="same"))
    oracle = torch.nn.functional.pad(picture, (1, 2, 1, 2))  # torch pads the odd pixel behind
    assert torch.allclose(net(picture), torch.nn.functional.conv2d(oracle, net[0].conv.weight, net[0].conv.bias))


def test_one_number_or_one_an_axis():
    assert per_axis(3, 2) == per_axis((3,), 2) == (3, 3)
    with pytest.raises(ShapeError, match="3x5 has 2 numbers, but its input has 3 axes. Give one number for all axes"):
        per_axis((3, 5), 3)


def test_the_axes_of_a_layer_are_known_for_subclasses_too():
    class Mine(nn.Conv3d):
        pass

    assert [axes_of(layer) for layer in (nn.AvgPool1d(2), nn.BatchNorm2d(3), Mine(1, 1, 1))] == [1, 2, 3]
