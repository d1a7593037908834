"""Gates that look at all maps."""

import pytest
import torch

from striate.errors import ShapeError
from striate.layers.squeeze_excitation import squeeze_excitation
from striate.rows import stack


@pytest.mark.parametrize("shape", [(8, 5), (8, 5, 6), (8, 3, 4, 5)])
def test_each_map_is_multiplied_by_one_gate_between_0_and_1(shape):
    x = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0)) + 0.5
    gates = squeeze_excitation(4)(shape)(x) / x
    assert ((gates > 0) & (gates < 1)).all()
    assert torch.allclose(gates, gates.flatten(2)[:, :, :1].reshape(2, 8, *(1,) * (len(shape) - 1)).expand_as(gates))


def test_figure_3_the_gate_is_a_sigmoid_of_two_layers_above_the_averages():
    layer = squeeze_excitation(4)((8, 5, 5))
    x = torch.randn(1, 8, 5, 5, generator=torch.Generator().manual_seed(0))
    narrow = torch.relu(layer.fc1.weight[:, :, 0, 0] @ x[0].mean((1, 2)) + layer.fc1.bias)
    gate = torch.sigmoid(layer.fc2.weight[:, :, 0, 0] @ narrow + layer.fc2.bias)
    assert torch.allclose(layer(x), x * gate[:, None, None])


def test_equation_3_has_2_c_c_over_r_weights():
    layer = squeeze_excitation(16)((64, 5, 5))
    assert layer.fc1.weight.numel() + layer.fc2.weight.numel() == 2 * 64 * 64 // 16


def test_fewer_maps_than_the_reduction_leave_one_between():
    assert squeeze_excitation(16)((3, 5, 5)).fc1.out_channels == 1


def test_a_reduction_of_0_is_refused():
    with pytest.raises(ShapeError, match="has reduction 0; it must be at least 1"):
        stack((3, 5, 5), squeeze_excitation(0))
