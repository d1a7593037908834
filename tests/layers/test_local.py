import numpy as np
import pytest
import torch
from loops import applied, arrays, gradients_agree, numbers, windows, zero_padded
from torch.nn.functional import conv2d

from striate.errors import ShapeError
from striate.layers.local import local
from striate.rows import stack


def each_place(x, weight, bias, stride):
    """Each place by itself: the sum of its window times its own filter."""
    axes = x.ndim - 1
    out, kernel = bias.shape[0], weight.shape[-axes:]
    seen = windows(x, kernel, stride)  # (channels, *places, *kernel)
    result = bias.copy()
    for place in np.ndindex(*bias.shape[1:]):
        for o in range(out):
            result[(o, *place)] += (seen[(slice(None), *place)] * weight[place][o]).sum()
    return result


@pytest.mark.parametrize(
    ("shape", "row", "border"),
    [
        ((2, 9), local(3, 4), 0),
        ((2, 9), local(3, 4, stride=2, padding=1), 1),
        ((3, 6, 7), local(2, 3), 0),
        ((3, 6, 7), local(2, 3, stride=2, padding=1), 1),
        ((1, 3, 4, 4), local(2, 2), 0),
    ],
    ids=["1-D", "1-D strided and padded", "2-D", "2-D strided and padded", "3-D"],
)
def test_every_place_has_filters_of_its_own(shape, row, border):
    layer, x = row(shape), numbers(*shape)

    found = applied(layer, x)

    state = arrays(layer)
    padded = zero_padded(x, *[(border, border)] * (len(shape) - 1))
    np.testing.assert_allclose(found, each_place(padded, state["weight"], state["bias"], row.stride), atol=1e-12)


def test_with_the_same_filter_everywhere_it_is_a_convolution():
    layer = local(4, 3, stride=2, bias=False)((2, 7, 9)).double()
    kernel, x = torch.randn(4, 2, 3, 3, dtype=torch.float64), torch.randn(5, 2, 7, 9, dtype=torch.float64)

    with torch.no_grad():
        layer.weight.copy_(kernel.expand_as(layer.weight))

    torch.testing.assert_close(layer(x), conv2d(x, kernel, stride=2))


@pytest.mark.parametrize(("shape", "row"), [((2, 6), local(2, 3, stride=2)), ((2, 4, 5), local(2, 3, padding=1))])
def test_its_gradients_are_those_of_small_differences(shape, row):
    assert gradients_agree(row(shape), *shape)


def test_the_three_local_layers_of_deepface_have_62_8_and_7_9_and_2_8_million_parameters():
    with torch.device("meta"):
        net = stack((16, 63, 63), l4=local(16, 9), l5=local(16, 7, stride=2), l6=local(16, 5))

    millions = [sum(p.numel() for p in layer.parameters()) / 1e6 for layer in net]

    assert [tuple(layer.bias.shape) for layer in net] == [(16, 55, 55), (16, 25, 25), (16, 21, 21)]
    assert millions == pytest.approx([62.8, 7.9, 2.8], abs=0.051)


def test_it_says_which_size_it_was_built_for():
    layer = local(2, 3)((1, 5, 5))
    with pytest.raises(ShapeError, match=r"each place of a 1x5x5 input, but it is given 1x6x6\. Resize"):
        layer(torch.zeros(1, 1, 6, 6))


def test_a_window_larger_than_the_input_is_refused():
    with pytest.raises(ShapeError, match=r"row 'l': local\(2, 7\) looks through a window of 7, but only 5 are there"):
        stack((1, 5, 5), l=local(2, 7))
    with pytest.raises(ShapeError, match="has stride 0; it must be at least 1"):
        local(2, 3, stride=0)((1, 5, 5))


def test_it_prints_what_it_is():
    assert str(local(2, 3, padding=1, bias=False)((1, 5, 5))) == (
        "LocallyConnected(1, 2, kernel_size=(3, 3), stride=(1, 1), input=1x5x5, padding=(1, 1), bias=False)"
    )
