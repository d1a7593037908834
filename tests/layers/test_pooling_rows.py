"""The pooling rows: for every number of axes, with torch and loops as oracles."""

import math

import pytest
import torch
from torch import nn

from striate.errors import ShapeError
from striate.layers.pooling import avg_pool, max_pool, pool_to
from striate.rows import stack

PICTURE = torch.arange(9.0).reshape(1, 1, 3, 3)


@pytest.mark.parametrize(
    ("shape", "kind"), [((2, 8), nn.MaxPool1d), ((2, 8, 8), nn.MaxPool2d), ((2, 8, 8, 8), nn.MaxPool3d)]
)
def test_a_row_becomes_the_layer_of_its_input_s_axes(shape, kind):
    assert type(max_pool(2)(shape)) is kind
    assert stack(shape, max_pool(3, stride=2, padding=1))(torch.zeros(1, *shape)).shape[2:] == (4,) * (len(shape) - 1)


def test_deck_004_s_2x2_max_pooling_with_stride_1():
    assert max_pool(2, stride=1)((1, 3, 3))(PICTURE).tolist() == [[[[4, 5], [7, 8]]]]


def test_same_puts_the_odd_pixel_behind_and_it_never_is_the_largest():
    assert stack((1, 3, 3), max_pool(2, stride=1, padding="same"))(-PICTURE).tolist() == [
        [[[0, -1, -2], [-3, -4, -5], [-6, -7, -8]]]
    ]
    assert stack((1, 3, 3), max_pool(2, stride=1, padding="same^"))(PICTURE).tolist() == PICTURE.tolist()


def test_average_pooling_counts_the_zeros_of_the_border_as_torch_does():
    ones = torch.ones(1, 1, 3, 3)
    assert stack((1, 3, 3), avg_pool(2, stride=1, padding="same"))(ones)[0, 0, 2, 2] == 0.25
    assert torch.equal(avg_pool(3, stride=1, padding=1)((1, 3, 3))(PICTURE), nn.AvgPool2d(3, 1, 1)(PICTURE))


def test_pooling_to_one_pixel_is_the_mean_or_the_maximum():
    assert pool_to(1)((1, 3, 3))(PICTURE).item() == 4
    assert pool_to(1, largest=True)((1, 3, 3))(PICTURE).item() == 8
    assert math.prod(pool_to((2, 1))((1, 3, 3))(PICTURE).shape) == 2


@pytest.mark.parametrize(
    ("row", "shape", "message"),
    [
        (max_pool(4), (1, 3, 3), "looks through a window of 4, but only 3 are there"),
        (max_pool(3, padding=2), (1, 8, 8), "pads 2 on each side, more than half of its window of 3.*The most is 1"),
        (max_pool(0), (1, 8, 8), "has kernel 0; it must be at least 1"),
        (max_pool(2, stride=0), (1, 8, 8), "has stride 0; it must be at least 1"),
        (avg_pool(2, padding=-1), (1, 8, 8), "has padding -1; it must be at least 0"),
        (avg_pool(8, padding=4), (1, 6, 6, 6), "looks through a window of 8, but only 6"),
        (max_pool(2), (12,), r"needs \(channels, height, width\), but its input is \(12,\). Put it above the row"),
        (max_pool((2, 2, 2)), (1, 8, 8), "2x2x2 has 3 numbers, but its input has 2 axes"),
        (max_pool(2, padding="valid"), (1, 8, 8), 'has padding \'valid\'; it is a number, "same" or "same\\^"'),
        (pool_to(0), (1, 8, 8), "has size 0; it must be at least 1"),
    ],
)
def test_what_does_not_fit_is_explained_with_the_arithmetic(row, shape, message):
    with pytest.raises(ShapeError, match=message):
        stack(shape, row)


def test_a_last_window_that_hangs_over_the_border_counts_with_ceil():
    assert stack((1, 2, 2), max_pool(3, stride=2, ceil=True))(torch.zeros(1, 1, 2, 2)).shape[2:] == (1, 1)
