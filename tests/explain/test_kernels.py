import pytest
import torch
from torch import nn

from striate.errors import ConfigError, UnknownName
from striate.explain.kernels import convolutions, kernels
from striate.zoo import networks


def test_the_first_kernels_of_lenet5_are_six_of_5x5():
    net = networks["lenet5"]()
    assert kernels(net).equal(net.conv1.weight)
    assert kernels(net).shape == (6, 1, 5, 5)


def test_the_kernels_of_a_named_layer_are_given():
    assert kernels(networks["lenet5"](), "conv2").shape == (16, 6, 5, 5)


def test_the_kernels_are_a_copy_without_a_graph():
    net = networks["lenet5"]()
    found = kernels(net)
    found.zero_()
    assert not found.requires_grad
    assert net.conv1.weight.abs().sum() > 0


@pytest.mark.parametrize(("layer", "shape"), [(nn.Conv1d(2, 4, 9), (4, 2, 9)), (nn.Conv3d(1, 2, 3), (2, 1, 3, 3, 3))])
def test_kernels_have_as_many_axes_as_their_convolution(layer, shape):
    assert kernels(nn.Sequential(layer)).shape == shape


def test_a_network_that_is_one_convolution_has_its_kernels():
    net = nn.Conv2d(3, 8, 7, groups=1)
    assert convolutions(net) == [""]
    assert kernels(net).equal(net.weight)


def test_convolutions_inside_blocks_are_found_in_order():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.ReLU(), nn.Conv2d(2, 2, 3)))
    assert convolutions(net) == ["0", "1.1"]


def test_an_unknown_layer_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match=r"no layer called 'conv_2'. Did you mean conv2"):
        kernels(networks["lenet5"](), "conv_2")


def test_a_layer_without_kernels_is_told_apart_from_one_that_is_not_there():
    with pytest.raises(
        ConfigError, match=r"layer 'fc1' is Linear, which has no kernels. Convolutions are conv1, conv2"
    ):
        kernels(networks["lenet5"](), "fc1")


def test_a_network_without_convolutions_says_so():
    with pytest.raises(ConfigError, match="no convolution"):
        kernels(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))


def test_no_kernel_is_shown_twice_for_a_layer_used_twice():
    shared = nn.Conv2d(2, 2, 3, padding=1)
    assert convolutions(nn.Sequential(shared, nn.ReLU(), shared)) == ["0"]
    assert torch.equal(kernels(nn.Sequential(shared, shared)), shared.weight)
