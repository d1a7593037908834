"""What is particular to NASNet, PNASNet and AmoebaNet, beside the tests of every network and timm's outputs."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from striate.layers.cells import CellNetwork
from striate.rows import output_shape
from striate.zoo import amoebanet, networks
from striate.zoo.nasnet import OPERATIONS, OneMore, figure_2, nasnet_a_large, nasnet_a_mobile, stem


def heights(net, image):
    """Height of the maps after the stem and after each cell, without repeats."""
    seen = []
    for name in [net.stem, *net.cells]:
        net.get_submodule(name).register_forward_hook(lambda _, __, out: seen.append(out.shape[-1]))
    net.eval()(torch.empty(1, *image, device="meta"))
    return list(dict.fromkeys(seen))


@pytest.mark.parametrize("name", ["nasnet_a_large", "pnasnet5_large", "amoebanet_a"])
def test_331_pixels_become_165_83_42_21_and_11(name):
    with torch.device("meta"):
        net = networks[name]()

    assert heights(net, (3, 331, 331)) == [165, 83, 42, 21, 11]


def lean(image):
    """NASNet-A mobile without the rows and columns that the port computes and drops."""
    return CellNetwork(image, 1000, stem=("conv0", stem(32)), cells=figure_2(4, 44, OPERATIONS, OPERATIONS))


def test_the_small_nasnet_needs_the_published_564_million_multiply_adds():
    with torch.device("meta"):
        net = lean((3, 224, 224)).eval()
    with FlopCounterMode(display=False) as counter:
        net(torch.empty(1, 3, 224, 224, device="meta"))

    assert counter.get_total_flops() // 2 == 563_638_816


@pytest.mark.parametrize("size", [64, 75])
def test_what_the_small_nasnet_computes_and_drops_does_not_change_its_outputs(size):
    torch.manual_seed(0)
    net, without = nasnet_a_mobile((3, 224, 224)).eval(), lean((3, 224, 224)).eval()
    without.load_state_dict(net.state_dict())
    picture = torch.randn(1, 3, size, size)

    with torch.no_grad():
        given, expected = net(picture), without(picture)

    assert any(isinstance(layer, OneMore) for layer in net.modules())
    assert expected.std() > 1e-3 * expected.abs().max()
    torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_the_88_9_million_that_are_published_contain_the_running_statistics():
    with torch.device("meta"):
        net = nasnet_a_large()

    statistics = sum(b.numel() for name, b in net.named_buffers() if "running" in name)

    assert nasnet_a_large.facts.parameters + statistics == 88_949_818


def test_the_lectures_call_amoebanet_c_and_a_by_the_name_of_b():
    millions = {name: networks[name].facts.parameters / 1e6 for name in networks if name.startswith("amoebanet")}

    assert round(millions["amoebanet_c"], 1) == 155.3  # deck 003: "B (N=6, F=228)"
    assert round(millions["amoebanet_a"], 1) == 86.7  # deck 003: "B (N=6, F=190)"
    assert round(millions["amoebanet_b_fitted"], 1) == 84.0  # the paper's B
    assert round(millions["amoebanet_b"], 1) == 79.0  # the public cell of B


@pytest.mark.parametrize("slot", [(0, 0), (2, 0), (3, 0), (4, 2)])
def test_each_of_the_four_1x1_of_amoebanet_b_would_fit_the_published_counts_as_well(slot):
    pairs, join = amoebanet.B_NORMAL
    row, side = slot
    assert pairs[row][side] == "1x1"
    edited = list(pairs[row])
    edited[side] = "sep5"
    normal = (*pairs[:row], tuple(edited), *pairs[row + 1 :]), join

    with torch.device("meta"):
        net = amoebanet.amoebanet((3, 331, 331), 1000, normal, amoebanet.B_REDUCTION, 190)

    assert sum(p.numel() for p in net.parameters()) == 83_972_236


def test_every_state_of_an_amoebanet_cell_is_used_by_a_pair_or_joined():
    figures = [
        getattr(amoebanet, name) for name in dir(amoebanet) if name.endswith(("_NORMAL", "_REDUCTION", "_FITTED"))
    ]

    assert len(figures) == 7
    for pairs, join in figures:
        used = {state for _, i, _, j in pairs for state in (i, j)}
        assert used | set(join) == set(range(7))
        assert all(max(i, j) < 2 + n for n, (_, i, _, j) in enumerate(pairs))


def test_a_factorised_bottleneck_strides_once_along_each_axis():
    layer = amoebanet.bottleneck(16, 2, (1, 7), (7, 1))((8, 9, 12))

    assert output_shape(layer, (8, 9, 12)) == (16, 5, 6)
