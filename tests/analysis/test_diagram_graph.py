"""What is drawn of a network, before it is drawn: volumes, lanes, repeats, and that no wire is lost or invented."""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from striate.analysis.analyse import analyse
from striate.analysis.diagram import draw_svg
from striate.analysis.diagram_fold import columns, every_volume, folded, volumes
from striate.analysis.diagram_graph import Graph, Lanes, Repeat, Series, Volume, graph_of, merged, tree_of
from striate.analysis.result import Analysis, Layer
from striate.zoo import networks

ZOO = (
    "lenet5", "lenet5_1998", "vgg16", "googlenet", "resnet18", "resnet50", "inception_v3", "inception_resnet_v2",
    "mobilenet_v1", "squeezenet1_1", "senet154", "dpn68", "densenet121", "xception", "nasnet_a_mobile",
)  # fmt: skip


@cache
def known(name: str) -> Analysis:
    """The analysis of a network of the zoo at its own image."""
    with torch.device("meta"):
        net = networks[name]()
    return analyse(net, networks[name].facts.image)


def by_hand(*layers: Layer, image: tuple[int, ...] = (3, 32, 32)) -> Analysis:
    parameters, multiply_adds = sum(a.parameters for a in layers), sum(a.multiply_adds for a in layers)
    return Analysis(image, 1, layers, parameters, parameters, multiply_adds, 0, 0, 0, 0, 0, 0, None)


def conv(name: str, source: str, out: int = 8, size: int = 32) -> Layer:
    return Layer(name, "Conv2d", (source,), (out, size, size), 100, multiply_adds=1_000, detail="3x3")


def test_vgg16_is_drawn_whole_with_its_13_convolutions_5_pools_and_3_fully_connected_layers():
    looks = Counter(volume.look for volume in every_volume(folded(known("vgg16"))))
    assert looks == {"image": 1, "convolution": 13, "pool": 5, "features": 3}


@pytest.mark.parametrize("name", ZOO)
def test_folding_loses_no_parameter_and_no_multiply_add(name: str):
    analysis = known(name)
    every = [*every_volume(folded(analysis))]
    assert sum(volume.parameters for volume in every) == sum(a.parameters for a in analysis.layers)
    assert sum(volume.multiply_adds for volume in every) == analysis.multiply_adds


@pytest.mark.parametrize("name", ZOO)
def test_a_drawing_is_short_enough_to_read(name: str):
    tree = folded(known(name))
    assert columns(tree) <= 40
    assert volumes(tree) <= 64


def test_norm_and_activation_are_a_stripe_of_the_volume_before_them():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3))
    _, striped, plain = every_volume(folded(analyse(net, (3, 8, 8))))
    assert [layer.name for layer in striped.layers] == ["0", "1", "2"]
    assert (striped.after, striped.before, plain.after) == (True, False, False)


def test_norm_and_activation_before_a_branch_go_with_the_convolution_after_them():
    analysis = by_hand(
        conv("stem", ""),
        Layer("norm", "BatchNorm2d", ("stem",), (8, 32, 32), 16),
        Layer("relu", "ReLU", ("norm",), (8, 32, 32)),
        conv("conv", "relu"),
        Layer(":add", "add", ("stem", "conv"), (8, 32, 32)),
    )
    _, stem, lanes, add = tree_of(merged(graph_of(analysis))).items
    assert isinstance(stem, Volume)
    assert not stem.after
    assert isinstance(lanes, Lanes)
    (inner,) = lanes.lanes[0].items
    assert isinstance(inner, Volume)
    assert [layer.name for layer in inner.layers] == ["norm", "relu", "conv"]
    assert inner.before
    assert lanes.shortcut
    assert isinstance(add, Volume)
    assert add.look == "sum"


def test_an_inception_module_is_four_lanes_whose_join_shows_the_share_of_each():
    items = tree_of(merged(graph_of(known("googlenet")))).items
    first = next(i for i, item in enumerate(items) if isinstance(item, Lanes))
    lanes, join = items[first], items[first + 1]
    assert isinstance(lanes, Lanes)
    assert [len(lane.items) for lane in lanes.lanes] == [1, 2, 2, 2]
    assert isinstance(join, Volume)
    assert join.shares == (64, 128, 32, 32)  # 3a, Szegedy et al., table 1


def test_reshaping_and_dropout_are_not_drawn():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout(), nn.Identity(), nn.Flatten(), nn.Linear(8 * 36, 2))
    assert [volume.look for volume in every_volume(folded(analyse(net, (3, 8, 8))))] == [
        "image",
        "convolution",
        "features",
    ]


def edges(series: Series, start: Volume, stop: Volume | None) -> Iterator[tuple[int, int]]:
    """The wires that a tree stands for, between the ids of volumes; 0 stands for the way out."""
    chain = [start, *series.items, stop]
    for i, (before, item) in enumerate(itertools.pairwise(chain)):
        if isinstance(item, Lanes):
            after = chain[i + 2]
            assert isinstance(before, Volume)
            assert after is None or isinstance(after, Volume)
            for lane in item.lanes:
                yield from edges(lane, before, after)
            if item.shortcut:
                yield id(before), id(after) if after else 0
        elif not isinstance(before, Lanes) and i - 1 not in series.gaps:
            assert before is not None
            yield id(before), id(item) if item else 0
    for a, b in series.links:
        yield id(chain[a + 1]), id(chain[b + 1]) if chain[b + 1] is not None else 0


def random_network(seed: int) -> Analysis:
    """Layers that each read one to three of those before them."""
    draw = random.Random(seed)
    layers: list[Layer] = []
    for i in range(draw.randint(1, 25)):
        names = ["", *(layer.name for layer in layers)]
        near = names[-draw.randint(2, 6) :]
        sources = tuple(dict.fromkeys(draw.choices(near, k=draw.choice([1, 1, 1, 2, 3]))))
        if len(sources) == 1:
            layers.append(conv(f"block{i // 4}.conv{i}", sources[0]))
        else:
            layers.append(Layer(f"block{i // 4}:add{i}", "add", sources, (8, 32, 32)))
    return by_hand(*layers)


@pytest.mark.parametrize("seed", range(150))
def test_the_tree_of_any_graph_stands_for_just_its_wires(seed: int):
    graph = graph_of(random_network(seed))
    tree = tree_of(graph)
    ids = [id(volume) for volume in graph.volumes]
    wanted = {(ids[source], ids[reader]) for reader, sources in enumerate(graph.reads) for source in sources}
    wanted |= {(ids[i], 0) for i, readers in enumerate(graph.readers()) if not readers}
    found = [*edges(replace_first(tree), graph.volumes[0], None)]
    assert set(found) == wanted
    assert sorted(ids) == sorted(id(volume) for volume in every_volume(tree))


def replace_first(tree: Series) -> Series:
    """The tree without the picture, its wires counted from there."""
    links = tuple((a - 1, b - 1) for a, b in tree.links)
    return Series(tree.items[1:], links, frozenset(gap - 1 for gap in tree.gaps))


@pytest.mark.parametrize("seed", range(0, 150, 5))
def test_any_graph_is_drawn_with_all_its_volumes(seed: int):
    analysis = random_network(seed)
    svg = draw_svg(analysis)
    ElementTree.fromstring(svg)
    names = {layer.name for volume in every_volume(folded(analysis)) for layer in volume.layers}
    assert names == {layer.name for layer in analysis.layers}


def test_a_repeat_of_a_block_keeps_the_arc_of_its_shortcut():
    (repeat,) = [item for item in folded(known("resnet50")).items if isinstance(item, Repeat) and len(item.copies) == 5]
    lanes, add = repeat.copies[0].items
    assert isinstance(lanes, Lanes)
    assert lanes.shortcut
    assert isinstance(add, Volume)
    assert add.look == "sum"
    assert not repeat.note


def test_layers_that_read_nothing_of_the_picture_are_left_out():
    analysis = by_hand(Layer(":mul", "mul", (), (8,)), conv("conv", ""))
    assert isinstance(graph_of(analysis), Graph)
    assert [volume.kind for volume in graph_of(analysis).volumes] == ["image", "Conv2d"]


def test_a_module_that_runs_twice_is_two_volumes():
    layers = (conv("conv", ""), conv("conv:2", "conv"), Layer("relu:2", "ReLU", ("conv:2",), (8, 32, 32)))
    _, first, second = every_volume(folded(by_hand(*layers)))
    assert [layer.name for layer in first.layers] == ["conv"]
    assert [layer.name for layer in second.layers] == ["conv:2", "relu:2"]


def test_whole_modules_stand_for_cells_that_cross():
    tree = folded(known("nasnet_a_mobile"))
    modules = [volume.kind for volume in every_volume(tree) if volume.look == "module"]
    assert [name for name in modules if name.startswith("cell_stem")] == ["cell_stem_0", "cell_stem_1"]
    assert len([name for name in modules if re.fullmatch(r"cell_\d+", name)]) == 12  # N = 4 (Zoph et al.)
    assert len(tree.links) >= len(modules) - 3  # each cell reads the two before it
