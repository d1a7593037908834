"""What one layer gives, and what the classifier is given."""

import pytest
import torch
from torch import nn

from striate.errors import ConfigError, UnknownName
from striate.explain.features import classifier_input, layer_output

IMAGES = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net.add_module("fc", nn.Linear(5, 4))
    return net.eval()


def test_a_layer_gives_what_the_network_up_to_it_gives(net):
    assert torch.equal(layer_output(net, IMAGES, "2"), net[:3](IMAGES))


def test_a_layer_that_works_in_place_after_it_changes_nothing(net):
    given = layer_output(net, IMAGES, "0")
    assert torch.equal(given, net[:1](IMAGES))
    assert given.min() < 0


def test_the_classifier_times_its_input_is_the_answer(net):
    given = classifier_input(net, IMAGES, 4)
    assert given.shape == (2, 5)
    assert torch.allclose(net.fc(given), net(IMAGES))


def test_a_classifier_that_is_a_1x1_convolution_is_given_vectors_too():
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(5, 4, 1), nn.Flatten()).eval()
    assert classifier_input(net, IMAGES, 4).shape == (2, 5)


def test_no_hook_stays(net):
    layer_output(net, IMAGES, "0")
    classifier_input(net, IMAGES, 4)
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in net.modules())


def test_an_unknown_layer_is_offered_the_nearest(net):
    with pytest.raises(UnknownName, match="there is no layer called 'fcc'. Did you mean fc"):
        layer_output(net, IMAGES, "fcc")


def test_a_network_without_such_a_classifier_says_so(net):
    with pytest.raises(ConfigError, match="the classifier gives no tensor for a picture. Name another layer"):
        classifier_input(net, IMAGES, 1000)
