import numpy as np
import pytest
import torch
from loops import applied, arrays, correlated, gradients_agree, numbers, zero_padded
from torch.utils.flop_counter import FlopCounterMode

from striate.errors import ShapeError
from striate.layers.separable import depthwise, pointwise, separable
from striate.rows import conv, stack


@pytest.mark.parametrize("multiplier", [1, 2])
def test_a_depthwise_convolution_gives_each_map_filters_of_its_own(multiplier):
    layer, x = depthwise(3, stride=2, padding=1, multiplier=multiplier)((4, 6, 7)), numbers(4, 6, 7)

    state = arrays(layer)
    expected = [
        correlated(zero_padded(x[m // multiplier][None], (1, 1), (1, 1)), w[None], b[None], stride=2)[0]
        for m, (w, b) in enumerate(zip(state["weight"], state["bias"], strict=True))
    ]

    np.testing.assert_allclose(applied(layer, x), expected, atol=1e-12)


def test_a_pointwise_convolution_is_one_matrix_for_every_pixel():
    layer, x = pointwise(5)((3, 4, 6)), numbers(3, 4, 6)

    state = arrays(layer)
    expected = np.einsum("oc,chw->ohw", state["weight"][:, :, 0, 0], x) + state["bias"][:, None, None]

    np.testing.assert_allclose(applied(layer, x), expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 9), (3, 6, 7), (2, 4, 4, 5)], ids=["1-D", "2-D", "3-D"])
def test_a_separable_convolution_is_a_depthwise_and_then_a_pointwise_one(shape):
    layer, x = separable(4, 3)(shape), numbers(*shape)

    state = arrays(layer)
    between = correlated(x, state["depthwise.weight"], np.zeros(shape[0]), groups=shape[0])
    expected = correlated(between, state["pointwise.weight"], state["pointwise.bias"])

    np.testing.assert_allclose(applied(layer, x), expected, atol=1e-12)
    assert set(state) == {"depthwise.weight", "pointwise.weight", "pointwise.bias"}


def test_its_gradients_are_those_of_small_differences():
    assert gradients_agree(separable(3, 3, stride=2, padding=1)((2, 5, 5)), 2, 5, 5)


def test_the_lecture_saves_7_89_times_the_multiplications():
    image = (3, 224, 224)

    def multiplications(row):
        net = stack(image, row).to("meta")
        with FlopCounterMode(display=False) as counter:
            net(torch.empty(1, *image, device="meta"))
        return counter.get_total_flops() // 2

    ordinary, apart = multiplications(conv(64, 3)), multiplications(separable(64, 3))

    assert (ordinary, apart) == (85_162_752, 10_793_196)
    assert ordinary / apart == pytest.approx(7.8904, abs=1e-4)


def test_features_without_places_are_refused():
    with pytest.raises(ShapeError, match=r"row 'dw': depthwise\(3\) needs \(channels, height, width\)"):
        stack((10,), dw=depthwise(3))
