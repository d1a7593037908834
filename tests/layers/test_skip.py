"""A path and a way around it."""

import pytest
import torch
from torch import nn

from striate.errors import ShapeError
from striate.layers.skip import skip
from striate.rows import conv, stack


def test_what_comes_in_is_added_to_what_the_body_gives():
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    block = skip(conv(3, 3, padding=1))((3, 4, 4))
    assert torch.equal(block(x), block.body(x) + x)


def test_a_shortcut_takes_the_place_of_the_identity():
    block = skip(conv(8, 3, stride=2, padding=1), conv(8, 1, stride=2))((3, 8, 8))
    assert block(torch.zeros(1, 3, 8, 8)).shape == (1, 8, 4, 4)
    assert [name for name, _ in block.named_parameters()] == [
        "body.weight",
        "body.bias",
        "shortcut.weight",
        "shortcut.bias",
    ]


def test_shapes_that_differ_are_refused_with_both_of_them():
    with pytest.raises(ShapeError, match="row '0': its body gives 8x8x8, but the way around it gives 3x8x8") as caught:
        stack((3, 8, 8), skip(conv(8, 1)))
    assert caught.value.formula == "8x8x8 ≠ 3x8x8"


def test_a_map_of_one_pixel_is_not_spread_over_the_picture_without_a_word():
    with pytest.raises(ShapeError, match="3x1x1, but the way around it gives 3x8x8"):
        stack((3, 8, 8), skip(nn.AdaptiveAvgPool2d(1)))


def test_a_mistake_inside_the_body_is_named_by_its_path():
    with pytest.raises(ShapeError, match=r"row '0.body': conv\(8, 9\) looks through a window of 9"):
        stack((3, 8, 8), skip(conv(8, 9)))
