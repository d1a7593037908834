import numpy as np
import pytest
import torch
from loops import applied, gradients_agree, numbers, places
from torch import nn

from striate.errors import ShapeError
from striate.layers.unpool import unpooled
from striate.rows import conv, output_shape, stack


class Times(nn.Module):
    """Something between pooling and unpooling that can be told in a loop."""

    def forward(self, x):
        return 10 * x


def back_to_their_places(x, kernel, stride):
    result = np.zeros_like(x)
    for c in range(len(x)):
        for _, look in places(x.shape[1:], (kernel,) * (x.ndim - 1), stride):
            window = x[(c, *look)]
            at = np.unravel_index(window.argmax(), window.shape)
            result[(c, *(s.start + i for s, i in zip(look, at, strict=True)))] = 10 * window.max()
    return result


@pytest.mark.parametrize("shape", [(3, 8), (3, 6, 8), (2, 4, 4, 6)], ids=["1-D", "2-D", "3-D"])
def test_each_value_goes_back_to_the_place_of_its_maximum(shape):
    x = numbers(*shape)

    np.testing.assert_allclose(applied(unpooled(Times())(shape), x), back_to_their_places(x, 2, 2))


def test_windows_may_overlap():
    x = numbers(3, 7, 7)

    found = applied(unpooled(Times(), kernel=3, stride=2)((3, 7, 7)), x)

    np.testing.assert_allclose(found, back_to_their_places(x, 3, 2))


@pytest.mark.parametrize("ceil", [False, True])
def test_it_gives_the_size_that_it_was_given_also_where_that_is_odd(ceil):
    assert output_shape(unpooled(nn.ReLU(), ceil=ceil)((4, 9, 11)), (4, 9, 11)) == (4, 9, 11)


def test_segnet_comes_back_from_12x15_to_45x60():
    deepest = unpooled(nn.ReLU(), ceil=True)
    net = stack((8, 45, 60), unpooled(deepest, ceil=True))

    assert output_shape(net[0].inside[0].inside, (8, 12, 15)) == (8, 12, 15)
    assert output_shape(net, (8, 45, 60)) == (8, 45, 60)


def test_its_gradients_are_those_of_small_differences():
    assert gradients_agree(unpooled(conv(2, 3, padding=1))((2, 4, 6)), 2, 4, 6)


def test_it_compiles_in_one_graph():
    net, x = unpooled(conv(2, 3, padding=1), nn.ReLU())((2, 8, 8)).eval(), torch.randn(2, 2, 8, 8)

    torch.testing.assert_close(torch.compile(net, backend="eager", fullgraph=True)(x), net(x))


def test_rows_inside_that_change_the_size_or_the_maps_are_refused():
    with pytest.raises(ShapeError, match=r"row 'u': unpooling needs the 2x4x4 .* give 5x4x4\. Let them end in 2 maps"):
        stack((2, 8, 8), u=unpooled(conv(5, 3, padding=1)))
    with pytest.raises(ShapeError, match=r"row 'u\.0': conv\(2, 7\) looks through a window of 7"):
        stack((2, 8, 8), u=unpooled(conv(2, 7)))
    with pytest.raises(ShapeError, match="looks through a window of 9, but only 8 are there"):
        stack((2, 8, 8), u=unpooled(nn.ReLU(), kernel=9))


def test_it_prints_as_it_is_written():
    assert repr(unpooled(conv(2, 3), ceil=True)) == "unpooled(conv(2, 3), kernel=2, ceil=True)"
