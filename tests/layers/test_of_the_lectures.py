"""torch's own layers, which the lectures draw and docs/layers.md names: their numbers, and loops over numpy arrays."""

import numpy as np
import pytest
import torch
from loops import applied, arrays, correlated, gradients_agree, numbers, places, zero_padded
from torch import nn

from striate.layers.pooling import avg_pool, max_pool, pool_to
from striate.rows import conv, deconv, linear, norm


@pytest.mark.parametrize("shape", [(2, 9), (2, 6, 7), (2, 4, 5, 4)], ids=["1-D", "2-D", "3-D"])
def test_a_convolution_is_a_sum_over_its_window(shape):
    layer, x = conv(4, 3, stride=2, padding=1, groups=2)(shape), numbers(*shape)

    state = arrays(layer)
    padded = zero_padded(x, *[(1, 1)] * (len(shape) - 1))

    np.testing.assert_allclose(
        applied(layer, x), correlated(padded, state["weight"], state["bias"], 2, groups=2), atol=1e-12
    )


def test_the_convolution_of_the_lecture_does_not_turn_its_kernel():
    layer = conv(1, 2, bias=False)((1, 3, 3))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[[0.0, 1], [2, 3]]]]))

    assert applied(layer, np.arange(9.0).reshape(1, 3, 3)).tolist() == [[[19, 25], [37, 43]]]


@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 4), (2, 2, 3, 2)], ids=["1-D", "2-D", "3-D"])
def test_a_transposed_convolution_lays_its_kernel_down_at_each_pixel(shape):
    layer, x = deconv(3, 3, stride=2)(shape), numbers(*shape)

    state = arrays(layer)
    expected = np.zeros((3, *[(n - 1) * 2 + 3 for n in shape[1:]])) + state["bias"].reshape(3, *[1] * (len(shape) - 1))
    for place, look in places(expected.shape[1:], (3,) * (len(shape) - 1), 2):
        expected[(slice(None), *look)] += np.tensordot(x[(slice(None), *place)], state["weight"], 1)

    np.testing.assert_allclose(applied(layer, x), expected, atol=1e-12)


def test_a_fully_connected_layer_is_a_matrix():
    layer, x = linear(4)((6,)), numbers(6)

    state = arrays(layer)

    np.testing.assert_allclose(applied(layer, x), state["weight"] @ x + state["bias"])


QUIZ = np.array([[12.0, 20, 30, 0], [20, 12, 2, 0], [0, 70, 5, 2], [8, 2, 90, 3]])[None]


def test_the_pools_of_the_quiz():
    assert applied(avg_pool(2)((1, 4, 4)), QUIZ).tolist() == [[[16, 8], [20, 25]]]
    assert applied(max_pool(2)((1, 4, 4)), QUIZ).tolist() == [[[20, 30], [70, 90]]]


def test_overlapping_pooling_is_pooling_with_a_stride_below_the_kernel():
    assert applied(max_pool(2, stride=1)((1, 3, 3)), np.arange(9.0).reshape(1, 3, 3)).tolist() == [[[4, 5], [7, 8]]]


@pytest.mark.parametrize("shape", [(3, 5), (3, 4, 5), (2, 3, 4, 5)])
def test_global_average_pooling_is_the_mean_of_each_map(shape):
    x = numbers(*shape)

    np.testing.assert_allclose(applied(pool_to(1)(shape), x).reshape(-1), x.reshape(shape[0], -1).mean(1))


def test_batch_normalisation_in_training_gives_each_map_mean_0_and_deviation_1():
    layer, x = norm(eps=1e-12)((3, 4, 5)).double(), torch.tensor(5 + 2 * numbers(8, 3, 4, 5))

    given = layer(x).detach()

    np.testing.assert_allclose(given.mean((0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(given.var((0, 2, 3), correction=0), 1)
    np.testing.assert_allclose(layer.running_mean, 0.1 * x.mean((0, 2, 3)))


def test_batch_normalisation_afterwards_uses_what_it_has_seen():
    layer, x = norm(eps=0.001)((3, 4, 5)), numbers(3, 4, 5)
    for value, low in ((layer.running_mean, -1), (layer.running_var, 0.5), (layer.weight, -1), (layer.bias, -1)):
        nn.init.uniform_(value, low, 2)
    mean, variance, scale, shift = (
        v.detach().double().numpy()[:, None, None]
        for v in (layer.running_mean, layer.running_var, layer.weight, layer.bias)
    )

    np.testing.assert_allclose(applied(layer, x), scale * (x - mean) / np.sqrt(variance + 0.001) + shift, rtol=1e-6)


def test_dropout_drops_its_share_keeps_the_mean_and_does_nothing_afterwards():
    torch.manual_seed(0)
    layer, x = nn.Dropout(0.4), torch.ones(100_000)

    given = layer(x)

    assert sorted(set(given.tolist())) == [0, pytest.approx(1 / 0.6)]
    assert given.eq(0).double().mean().item() == pytest.approx(0.4, abs=0.01)
    assert torch.equal(layer.eval()(x), x)


ACTIVATIONS = [
    (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
    (nn.Tanh(), lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))),
    (nn.ReLU(), lambda x: np.maximum(x, 0)),
    (nn.LeakyReLU(0.1), lambda x: np.maximum(0.1 * x, x)),
    (nn.ReLU6(), lambda x: np.minimum(np.maximum(x, 0), 6)),
    (nn.ELU(), lambda x: np.where(x >= 0, x, np.exp(x) - 1)),
    (nn.Softmax(1), lambda x: np.exp(x) / np.exp(x).sum(0)),
]


@pytest.mark.parametrize(("layer", "formula"), ACTIVATIONS, ids=[type(layer).__name__ for layer, _ in ACTIVATIONS])
def test_an_activation_is_the_formula_of_the_lectures(layer, formula):
    x = 4 * numbers(5, 3, 4)

    np.testing.assert_allclose(applied(layer, x), formula(x), atol=1e-12)
    assert gradients_agree(layer, 5, 3)


def test_relu6_and_softmax_give_the_numbers_of_the_lecture():
    assert nn.ReLU6()(torch.tensor([-1.0, 3, 7])).tolist() == [0, 3, 6]
    assert nn.Softmax(0)(torch.arange(-2.0, 3)).tolist() == pytest.approx(
        [0.011656, 0.031685, 0.086129, 0.234122, 0.636409], abs=5e-7
    )
