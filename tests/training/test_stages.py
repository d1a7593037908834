"""Which layers are the last convolution stage: of networks of the zoo, and of modules of anybody."""

import pytest
import torch
from torch import nn

from striate import networks
from striate.analysis.analyse import analyse
from striate.training.stages import SHARE, WHOLE, plan, stages


def planned(net, image, regime="last"):
    with torch.device("meta"):
        made = networks.build(net, image, 10) if isinstance(net, str) else net
        known = analyse(made, image)
    return made, known.layers, plan(made, known.layers, regime)


@pytest.mark.parametrize(
    ("net", "first"),
    [
        ("mobilenet_v1", "blocks.4.0.conv_dw"),  # deck 003 draws it: from the step to 7x7x1024 on
        ("resnet18", "layer4.0.conv1"),  # conv5_x of the paper
        ("resnet50", "layer4.0.conv1"),  # its first layer still works at 14x14
        ("vgg16", "features.24"),  # conv5_1
        ("alexnet", "features.6"),  # conv3 to conv5 are all at 13x13
        ("googlenet", "inception5a.branch1.conv"),
        ("densenet121", "features.denseblock4.denselayer1.norm1"),
        ("efficientnet_lite0", "_blocks.11._expand_conv"),
        ("lenet5", "conv2"),
    ],
)
def test_the_last_stage_begins_where_the_paper_makes_the_maps_smaller_for_the_last_time(net, first):
    made, _, found = planned(net, networks.default_image(net))
    assert found.learning[0] == first
    learning = set(found.learning)
    frozen = {name for name, module in made.named_modules() if name in found.frozen and not list(module.children())}
    with_parameters = {name for name, module in made.named_modules() if list(module.parameters(recurse=False))}
    assert learning | (frozen & with_parameters) == with_parameters
    assert not learning & frozen


def test_a_squeeze_to_one_number_and_back_is_no_stage():
    _, layers, _ = planned("seresnet50", (3, 224, 224))
    with torch.device("meta"):
        groups = stages(networks.build("seresnet50", (3, 224, 224), 10), layers)
    assert len(groups) == 6  # conv1, conv2_x to conv5_x, and the classifier


class Tokens(nn.Module):
    """A network without maps after its first layer, and with parameters of its own."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 8, 4, stride=4)
        self.places = nn.Parameter(torch.zeros(49, 8))
        self.blocks = nn.ModuleList(nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8)) for _ in range(6))
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.places
        for block in self.blocks:
            x = x + block(x)
        return self.head(self.norm(x.mean(1)))


def test_of_a_network_without_maps_the_last_third_of_the_layers_learns():
    _, _, found = planned(Tokens(), (1, 28, 28))
    inner = 1 + 2 * 6 + 1  # patches, blocks, norm
    assert len(found.learning) == inner - 2 * 5 + 1
    assert found.learning[-1] == "head"
    assert "patches" in found.frozen
    assert found.shares["places"] == found.shares["patches.weight"] == SHARE**3


def test_a_layer_that_is_called_in_two_stages_belongs_to_the_first():
    conv = nn.Conv2d(4, 4, 3, padding=1)

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.shared, self.last = nn.Conv2d(1, 4, 3, padding=1), conv, nn.Conv2d(4, 4, 3, padding=1)
            self.pool, self.fc = nn.MaxPool2d(2), nn.Linear(4, 10)

        def forward(self, x):
            x = self.pool(self.shared(self.first(x)))
            return self.fc(self.last(self.shared(self.pool(x))).mean((2, 3)))

    _, _, found = planned(Twice(), (1, 32, 32))
    assert "shared" in found.frozen
    assert found.learning == ("last", "fc")


def test_where_everything_learns_each_stage_has_half_the_rate_of_the_next():
    _, _, found = planned("resnet18", (3, 224, 224), "all")
    assert not found.frozen
    shares = {name.partition(".")[0]: share for name, share in found.shares.items()}
    assert shares == {
        "fc": 1, "layer4": 1 / 2, "layer3": 1 / 4, "layer2": 1 / 8, "layer1": 1 / 16, "conv1": 1 / 32, "bn1": 1 / 32,
    }  # fmt: skip


def test_the_first_rate_is_for_all_where_nothing_is_planned():
    assert not WHOLE.frozen
    assert not WHOLE.shares


def test_what_is_frozen_answers_while_the_rest_learns():
    net, _, found = planned("conv8-bn-relu-dropout-pool-conv16-bn-relu-pool-dropout-fc", (1, 28, 28))
    found.freeze(net)
    found.begin(net)
    modes = {name: module.training for name, module in net.named_modules() if name}
    assert [name for name, learns in modes.items() if not learns] == [
        "conv1", "norm1", "relu1", "dropout1", "pool1", "norm2",
    ]  # fmt: skip
    assert {name for name, p in net.named_parameters() if not p.requires_grad} == {
        "conv1.weight", "conv1.bias", "norm1.weight", "norm1.bias",
    }  # fmt: skip
