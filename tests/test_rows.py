"""Rows and `stack`: shapes told downwards, and the words where a row does not fit."""

import pytest
import torch
from torch import nn

from striate.errors import ShapeError
from striate.rows import conv, deconv, linear, norm, output_shape, stack


def test_stack_gives_a_plain_sequential_whose_keys_are_the_names_of_the_rows():
    net = stack((3, 8, 8), first=conv(4, 3), bn=norm(), act=nn.ReLU())
    assert type(net) is nn.Sequential
    assert list(net.state_dict())[:3] == ["first.weight", "first.bias", "bn.weight"]


def test_a_row_is_told_the_shape_that_the_row_above_it_gives():
    told = []
    stack((3, 32, 32), conv(6, 5), lambda shape: told.append(shape) or nn.Identity())
    assert told == [(6, 28, 28)]


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((2, 9), nn.Conv1d), ((2, 9, 9), nn.Conv2d), ((2, 9, 9, 9), nn.Conv3d)],
)
def test_conv_has_as_many_dimensions_as_its_input(shape, kind):
    assert isinstance(conv(4, 3)(shape), kind)


def test_deconv_doubles_the_size_with_kernel_2_and_stride_2():
    assert output_shape(deconv(4, 2, stride=2)((3, 7, 7)), (3, 7, 7)) == (4, 14, 14)


def test_output_shape_takes_no_memory_and_leaves_the_layer_alone():
    layer = nn.BatchNorm2d(3)
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    assert output_shape(layer, (3, 50_000, 50_000)) == (3, 50_000, 50_000)
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"c": conv(6, 9)}, r"row 'c': conv\(6, 9\) looks through a window of 9, but only 8 are there\. .*padding=1\."),
        ({"c": conv(6, 3, groups=2)}, r"2 groups, which must divide its 3 input and 6 output maps\. .* is 3\."),
        ({"fc": linear(10)}, r"row 'fc': linear\(10\) needs \(features,\), .*Put nn.Flatten\(\) in the row above"),
        ({"fc": nn.Linear(5, 2)}, r"row 'fc': .* Put nn.Flatten\(\) above it and make it take 192 features\."),
        ({"c": nn.Conv2d(4, 2, 3)}, r"takes 4 channels, but its input 3x8x8 has 3\. Make it take 3\."),
        ({"p": nn.MaxPool2d(20)}, r"row 'p': MaxPool2d.* window of 20, but only 8 are there"),
        ({"flat": nn.Flatten(), "c": conv(3, 3)}, r"row 'c': conv\(3, 3\) needs \(channels, height, width\)"),
        ({"n": nn.BatchNorm2d(7)}, r"takes 7 channels, but its input 3x8x8 has 3"),
    ],
)
def test_a_row_that_cannot_take_its_input_says_which_and_what_would_fit(rows, words):
    with pytest.raises(ShapeError, match=words):
        stack((3, 8, 8), **rows)


def test_an_error_inside_a_stack_of_stacks_names_the_path():
    inner = lambda shape: stack(shape, a=nn.ReLU(), b=conv(1, 99))  # noqa: E731  a row is written as a lambda
    with pytest.raises(ShapeError, match=r"row 'body\.b'") as caught:
        stack((3, 8, 8), body=inner)
    assert caught.value.path == ("body", "b")
    assert caught.value.given == (3, 8, 8)
    assert "(8 + 2·0 − 99)/1 + 1 = −90" in caught.value.formula


def test_rows_print_as_they_are_written():
    assert repr(conv(64, 7, stride=2, bias=False)) == "conv(64, 7, stride=2, bias=False)"
    assert repr(conv(4, 3, padding="same")) == "conv(4, 3, padding='same')"
