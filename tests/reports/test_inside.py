from itertools import pairwise

import pytest
import torch
from torch import nn

from striate.analysis.analyse import analyse
from striate.explain.activations import activations
from striate.reports.followed import MAPS, chains, evenly, staged, together
from striate.reports.inside import inside
from striate.reports.sentences import sentence, title
from striate.zoo import networks


def follow(net, image):
    return chains(together(activations(net, torch.randn(1, *image))))


def sentence_of(layer, image):
    return sentence(activations(nn.Sequential(layer), torch.randn(1, *image))[0], first=False, last=False).replace(
        "\u00a0", " "
    )


def test_lenet5_falls_into_two_stages_of_maps_and_one_of_vectors():
    net = networks["lenet5"]()
    seen = inside(net, torch.randn(1, 1, 28, 28), analyse(net, (1, 28, 28)).layers, "0123456789")
    assert [stage.title.replace("\u00a0", " ") for stage in seen.stages] == [
        "Maps of 28 × 28, then 14 × 14", "Maps of 10 × 10, then 5 × 5", "Weighing the evidence",
    ]  # fmt: skip
    assert [sheet.name for sheet in seen.stages[0].sheets] == ["conv1", "relu1", "pool1"]
    assert (
        seen.stages[1].sheets[0].facts.replace("\u00a0", " ").replace("\u202f", " ")
        == "2 416 parameters · sees 14 × 14 pixels"
    )
    assert seen.stages[2].sheets[-1].ticks == tuple("0123456789")
    assert not seen.many
    assert seen.note == ""


def test_the_sixteen_small_convolutions_of_the_1998_lenet_are_one_layer():
    seen = follow(networks["lenet5_1998"](), (1, 32, 32))
    assert [f.name for f in seen if "c3" in f.name] == ["c3.convs", "c3_squash"]
    (c3,) = (f for f in seen if f.name == "c3.convs")
    assert c3.output.shape == (16, 10, 10)
    assert len(c3.members) == 16


def test_layers_of_a_list_that_follow_each_other_stay_apart():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.steps = nn.ModuleList([nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3)])

        def forward(self, x):
            for layer in self.steps:
                x = layer(x)
            return x

    assert [f.name for f in follow(Deep(), (1, 9, 9))] == ["steps.0", "steps.1"]


def test_the_same_maps_are_shown_from_a_convolution_to_its_pool():
    net = nn.Sequential(
        nn.Conv2d(1, 40, 3), nn.BatchNorm2d(40), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(40, 40, 3), nn.ReLU()
    )  # fmt: skip
    conv, norm, relu, pool, other, last = follow(net, (1, 16, 16))
    assert conv.shown == norm.shown == relu.shown == pool.shown
    assert other.shown == last.shown != conv.shown
    strength = pool.output.abs().mean((1, 2))
    assert set(conv.shown) == set(strength.topk(MAPS).indices.tolist())


def test_strided_convolutions_begin_a_stage_and_pools_end_one():
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.AvgPool2d(2), nn.ReLU(), nn.Conv2d(2, 2, 3, padding=1),
        nn.Conv2d(2, 2, 3, stride=2, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2),
    )  # fmt: skip
    groups = staged(follow(net, (1, 32, 32)))
    assert [[f.name for f in group] for group in groups] == [["0", "1", "2"], ["3"], ["4"], ["5", "6", "7"]]


def test_few_layers_are_all_kept_and_of_many_the_first_and_the_last():
    seen = follow(nn.Sequential(*(nn.ReLU() for _ in range(50))), (1, 4, 4))
    assert evenly(seen, 50) == seen
    kept = evenly(seen, 24)
    assert len(kept) == 24
    assert kept[0] is seen[0]
    assert kept[-1] is seen[-1]
    gaps = [int(b.name) - int(a.name) for a, b in pairwise(kept)]
    assert set(gaps) <= {2, 3}


@pytest.mark.parametrize("image", [(2, 30), (1, 6, 8, 8)])
def test_sounds_and_volumes_can_be_looked_into_as_well(image):
    conv, pool = ((nn.Conv1d, nn.MaxPool1d), (nn.Conv3d, nn.MaxPool3d))[len(image) == 4]
    net = nn.Sequential(conv(image[0], 3, 3), nn.ReLU(), pool(2), nn.Flatten(), nn.LazyLinear(2))
    net(torch.randn(1, *image))
    seen = inside(net, torch.randn(1, *image), (), ("a", "b"))
    assert [len(sheet.maps) for stage in seen.stages for sheet in stage.sheets][:3] == [3, 3, 3]


@pytest.mark.parametrize(
    ("layer", "image", "words"),
    [
        (nn.Conv2d(6, 16, 5), (6, 9, 9), "16 patterns of 5 × 5, each looking at all 6 maps that come in."),
        (nn.Conv2d(6, 12, 3, groups=2), (6, 9, 9),
         "12 patterns of 3 × 3, each looking at 3 of the 6 maps that come in."),
        (nn.Conv2d(6, 6, 3, groups=6), (6, 9, 9),
         "Every map is searched by itself, with a pattern of its own of 3 × 3."),
        (nn.Conv2d(6, 4, 1), (6, 9, 9), "4 mixtures of the 6 maps that come in, each place by itself."),
        (nn.MaxPool2d(2), (6, 8, 8),
         "Of every 2 × 2 values the largest stays. Height and width halve; small shifts stop mattering."),
        (nn.AvgPool2d(3, 1), (6, 8, 8), "Of every 3 × 3 values the mean stays."),
        (nn.AdaptiveAvgPool2d(1), (6, 8, 8), "Of each map only its mean stays: what was seen counts, no longer where."),
        (nn.Linear(400, 120), (400,), "120 units, each looking at all 400 values above at once."),
        (nn.Softshrink(), (4,), ""),
    ],
)  # fmt: skip
def test_the_sentence_of_a_layer_is_told_from_the_layer_itself(layer, image, words):
    assert sentence_of(layer, image) == words


def test_a_layer_of_ones_own_is_described_in_the_words_of_its_author():
    class Halve(nn.Module):
        """Half of everything.

        More of it.
        """

        def forward(self, x):
            return x / 2

    assert sentence_of(Halve(), (3,)) == "Half of everything."
    assert title(Halve()) == "Halve"


def test_scores_that_are_all_negative_are_still_told_apart(colours_of):
    class Minus(nn.Module):
        def forward(self, x):
            return -1 - x.flatten(1)

    seen = inside(nn.Sequential(Minus()), torch.rand(1, 1, 2, 2), (), tuple("abcd"))
    strip = seen.stages[0].sheets[0].strip
    assert len({tuple(c) for c in colours_of(strip.light)[0].tolist()}) > 1
