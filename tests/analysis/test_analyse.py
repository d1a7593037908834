"""What an analysis says of any module, and that the module does not notice."""

import pytest
import torch
from torch import nn

from striate.analysis.analyse import analyse
from striate.zoo import networks


class Block(nn.Module):
    """A residual block that uses one ReLU twice and adds in its own forward."""

    def __init__(self, maps: int = 4):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(maps, maps, 3, padding=1), nn.Conv2d(maps, maps, 3, padding=1)
        self.bn, self.relu = nn.BatchNorm2d(maps), nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.relu(self.bn(self.conv1(x)))
        y = self.conv2(y)
        y += x
        return self.relu(y)


# ------------------------------------------------------------------------------------------------------ the layers


def test_layers_are_named_by_their_path_and_operations_by_the_module_they_are_in():
    layers = analyse(nn.Sequential(Block()), (4, 8, 8)).layers
    assert [layer.name for layer in layers] == [
        "0.conv1", "0.bn", "0.relu", "0.conv2", "0:add", "0.relu:2",
    ]  # fmt: skip
    assert [layer.kind for layer in layers] == ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "add", "ReLU"]


def test_each_layer_says_which_layers_it_reads():
    by_name = {layer.name: layer.inputs for layer in analyse(Block(), (4, 8, 8)).layers}
    assert by_name == {
        "conv1": ("",), "bn": ("conv1",), "relu": ("bn",), "conv2": ("relu",), "add": ("conv2", ""), "relu:2": ("add",),
    }  # fmt: skip


def test_views_are_no_layers_and_are_looked_through():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(2, 3)

        def forward(self, x):
            return self.fc(self.conv(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, 2))

    layers = analyse(Turned(), (1, 5, 5)).layers
    assert [(layer.name, layer.inputs, layer.output) for layer in layers] == [
        ("conv", ("",), (2, 3, 3)), ("fc", ("conv",), (9, 3)),
    ]  # fmt: skip


def test_a_module_that_is_one_layer_has_the_name_of_its_kind():
    (layer,) = analyse(nn.Conv2d(3, 6, 5, stride=2, groups=3), (3, 32, 32)).layers
    assert (layer.name, layer.kind, layer.detail) == ("Conv2d", "Conv2d", "5x5, stride 2, 3 groups")


def test_activations_are_counted_where_new_memory_is_taken():
    taken = {layer.name: layer.activation_bytes for layer in analyse(Block(), (4, 8, 8)).layers}
    assert taken == {"conv1": 1024, "bn": 1024, "relu": 0, "conv2": 1024, "add": 0, "relu:2": 0}


# -------------------------------------------------------------------------------------------------- the parameters


def test_weights_and_biases_are_told_apart():
    conv, bn, *_ = analyse(Block(), (4, 8, 8)).layers
    assert (conv.weights, conv.biases) == (4 * 4 * 9, 4)
    assert (bn.weights, bn.biases) == (4, 4)


def test_frozen_parameters_are_not_trainable():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3))
    net[0].requires_grad_(False)
    analysis = analyse(net, (1, 8, 8))
    assert (analysis.parameters, analysis.trainable) == (20 + 38, 38)
    assert [layer.trainable for layer in analysis.layers] == [0, 38]


def test_shared_parameters_count_once():
    net = nn.Sequential(nn.Conv2d(2, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3))
    net[2].weight = net[0].weight
    analysis = analyse(net, (2, 8, 8))
    assert analysis.parameters == 36 + 2 + 2 == sum(layer.parameters for layer in analysis.layers)
    assert analysis.weight_bytes == 4 * 40


def test_a_module_called_twice_has_its_parameters_once():
    conv = nn.Conv2d(2, 2, 3)
    layers = analyse(nn.Sequential(conv, conv), (2, 8, 8)).layers
    assert [(layer.name, layer.parameters) for layer in layers] == [("0", 38), ("0:2", 0)]


def test_parameters_of_a_module_of_its_own_go_to_the_operation_that_uses_them():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.gain = nn.Conv2d(1, 2, 3), nn.Parameter(torch.ones(2, 1, 1))

        def forward(self, x):
            return self.conv(x) * self.gain.expand(2, 3, 3)

    conv, mul = analyse(Scaled(), (1, 5, 5)).layers
    assert (conv.parameters, mul.kind, mul.parameters) == (20, "mul", 2)


def test_parameters_that_nothing_uses_are_in_the_total_and_in_a_note():
    net = nn.Sequential(nn.Conv2d(1, 2, 3))
    net[0].aside = nn.Linear(10, 10)
    analysis = analyse(net, (1, 5, 5))
    assert analysis.parameters == 20 + 110
    assert any("110 parameters are in no layer" in note for note in analysis.notes)


QUICK = (
    "lenet5",
    "alexnet_grouped",
    "vgg16",
    "googlenet_aux",
    "resnet50",
    "mobilenet_v1",
    "densenet121",
    "nasnet_a_mobile",
)


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in networks])
def test_every_network_of_the_zoo_has_the_counts_of_its_paper(name):
    facts = networks[name].facts
    with torch.device("meta"):
        net = networks[name]()
    analysis = analyse(net, facts.image)
    assert (analysis.parameters, analysis.multiply_adds) == (facts.parameters, facts.multiply_adds)
    assert not any("seen" in note or "data" in note for note in analysis.notes)
