import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import applied, arrays, correlated, gradients_agree, numbers, places

from striate.errors import ShapeError
from striate.layers.same_padding import SameAvgPool2d, SameConv2d, SameMaxPool2d, same_conv
from striate.rows import output_shape, stack


def border(size, kernel, stride):
    """TensorFlow's definition: ceil(N/stride) windows, the odd pixel of padding after."""
    total = max((int(np.ceil(size / stride)) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def around(x, kernel, stride, value):
    sides = [border(n, kernel, stride) for n in x.shape[1:]]
    return np.pad(x, [(0, 0), *sides], constant_values=value)


def pooled(x, kernel, stride, value, best):
    x = around(x, kernel, stride, value)
    result = np.empty((len(x), *[(n - kernel) // stride + 1 for n in x.shape[1:]]))
    for c in range(len(x)):
        for place, look in places(x.shape[1:], (kernel, kernel), stride):
            result[(c, *place)] = best(x[(c, *look)])
    return result


SIZES = [(8, 8), (9, 9), (8, 11)]
WINDOWS = [(3, 1), (3, 2), (2, 2), (2, 1), (5, 3), (1, 2)]
every_window = pytest.mark.parametrize(("kernel", "stride"), WINDOWS)
every_size = pytest.mark.parametrize("size", SIZES)


def test_a_window_of_6_with_stride_5_sees_of_13_pixels_what_the_tensorflow_guide_draws():
    ones = same_conv(1, (1, 6), stride=(1, 5), bias=False)((1, 1, 13))
    with torch.no_grad():
        ones.weight.fill_(1)

    sums = ones(torch.arange(1.0, 14).reshape(1, 1, 1, 13))

    assert sums.flatten().tolist() == [0 + 1 + 2 + 3 + 4 + 5, 5 + 6 + 7 + 8 + 9 + 10, 10 + 11 + 12 + 13 + 0 + 0]


@every_window
@every_size
def test_a_convolution_pads_as_the_definition_says(size, kernel, stride):
    layer, x = same_conv(3, kernel, stride=stride)((2, *size)), numbers(2, *size)

    expected = correlated(around(x, kernel, stride, 0), *arrays(layer).values(), stride)

    np.testing.assert_allclose(applied(layer, x), expected, atol=1e-12)


@every_window
@every_size
def test_the_border_is_never_the_maximum(size, kernel, stride):
    x = numbers(2, *size) - 10

    np.testing.assert_array_equal(applied(SameMaxPool2d(kernel, stride), x), pooled(x, kernel, stride, -np.inf, np.max))


@every_window
@every_size
def test_an_average_counts_the_border_or_does_not(size, kernel, stride):
    x = numbers(2, *size)

    counted = applied(SameAvgPool2d(kernel, stride, count_include_pad=True), x)
    left_out = applied(SameAvgPool2d(kernel, stride, count_include_pad=False), x)

    np.testing.assert_allclose(counted, pooled(x, kernel, stride, 0, np.mean), atol=1e-12)
    np.testing.assert_allclose(left_out, pooled(x, kernel, stride, np.nan, np.nanmean), atol=1e-12)


@given(size=st.tuples(*[st.integers(1, 30)] * 2), kernel=st.integers(1, 7), stride=st.integers(1, 4))
@settings(max_examples=50, deadline=None)
def test_every_size_gives_ceil_of_size_over_stride(size, kernel, stride):
    shape = tuple(-(-n // stride) for n in size)

    for layer in same_conv(1, kernel, stride=stride)((1, *size)), SameMaxPool2d(kernel, stride):
        assert output_shape(layer, (1, *size)) == (1, *shape)


def test_one_layer_serves_even_and_odd_sizes():
    layer = same_conv(2, 3, stride=2)((1, 8, 8))
    for size in (8, 9):
        x = numbers(1, size, size)
        expected = correlated(around(x, 3, 2, 0), *arrays(layer).values(), 2)
        np.testing.assert_allclose(applied(layer, x), expected, atol=1e-12)


def test_a_dilated_one_at_stride_1_keeps_the_size():
    assert output_shape(same_conv(2, 3, dilation=4)((1, 5, 6)), (1, 5, 6)) == (2, 5, 6)


@pytest.mark.parametrize("layer", [SameConv2d(2, 3, 3, 2), SameMaxPool2d(3, 2), SameAvgPool2d(3, 2)], ids=repr)
def test_its_gradients_are_those_of_small_differences(layer):
    assert gradients_agree(layer, 2, 6, 5)


def test_what_is_no_picture_and_what_does_not_divide_is_refused():
    with pytest.raises(ShapeError, match=r"row 'c': same_conv\(2, 3\) needs \(channels, height, width\)"):
        stack((4, 9), c=same_conv(2, 3))
    with pytest.raises(ShapeError, match="has 3 groups, which must divide its 4 input"):
        same_conv(6, 3, groups=3)((4, 9, 9))
    with pytest.raises(ShapeError, match="has kernel 0; it must be at least 1"):
        same_conv(6, 0)((4, 9, 9))


@pytest.mark.parametrize("size", [(7, 7), (8, 8), (7, 8), (13, 6), (1, 1)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (3, 1), (2, 1), (4, 3), ((3, 5), (2, 1)), (1, 2)])
def test_a_plain_convolution_can_stand_for_it_at_one_size(size, kernel, stride):
    torch.manual_seed(0)
    layer = SameConv2d(6, 12, kernel, stride, groups=3)
    x = torch.randn(2, 6, *size)
    plain = layer.plain(size)
    assert type(plain) is torch.nn.Conv2d
    assert torch.allclose(plain(x), layer(x), atol=1e-6)


def test_a_dilated_one_has_no_such_convolution():
    with pytest.raises(ShapeError, match="dilated"):
        SameConv2d(6, 12, 3, 2, dilation=2).plain((8, 8))
