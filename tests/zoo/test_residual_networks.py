"""What the papers and the published code say of residual, dense, gated, pyramidal and dual path networks."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from striate.errors import ShapeError
from striate.layers.residual import Bottleneck
from striate.zoo import networks
from striate.zoo.dpn import DualPathBlock
from striate.zoo.pyramidnet import PyramidalBlock
from striate.zoo.resnet_cifar import subsampled


def built(name, **arguments) -> nn.Module:
    with torch.device("meta"):
        return networks[name](**arguments)


def multiply_adds(net: nn.Module, *image: int) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.empty(1, *image, device="meta"))
    return counter.get_total_flops() // 2


AROUND = ("downsample", "c1x1_w_s", "se_module", ".se.")  # shortcuts and gates, which no paper counts as layers


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        *((f"resnet{n}", n) for n in (18, 34, 50, 101, 152)),
        *((f"resnet{n}_cifar", n) for n in (20, 32, 44, 56, 110)),
        *((f"resnet{n}_d", n + 2) for n in (101, 152)),
        *((f"densenet{n}", n) for n in (121, 161, 169, 201)),
        *((f"dpn{n}", n) for n in (68, 92, 98, 131)),
        ("resnext50_32x4d", 50),
        ("resnext101_64x4d", 101),
        ("seresnet50", 50),
        ("senet154", 154),
        ("pyramidnet200_300", 200),
        ("pyramidnet110_270", 110),
    ],
)
def test_a_network_has_the_layers_that_its_name_says(name, layers):
    weighted = [key for key, layer in built(name).named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]

    assert len([key for key in weighted if not any(way in key for way in AROUND)]) == layers


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_the_early_stride_of_v1_saves_231211008_multiply_adds_and_changes_no_key(depth):
    v1, v15 = built(f"resnet{depth}_v1"), built(f"resnet{depth}")

    assert multiply_adds(v15, 3, 224, 224) - multiply_adds(v1, 3, 224, 224) == 231_211_008
    assert {k: v.shape for k, v in v1.state_dict().items()} == {k: v.shape for k, v in v15.state_dict().items()}


def test_the_relu_of_a_bottleneck_leaves_the_input_that_its_shortcut_adds():
    torch.manual_seed(0)
    block, x = Bottleneck((8, 5, 5), 4, out=8).eval(), torch.randn(2, 8, 5, 5)
    before = x.clone()

    y = block(x)

    assert torch.equal(x, before)
    torch.testing.assert_close(y, (block.residual(before) + before).clamp(min=0), rtol=0, atol=0)


def test_shortcut_a_takes_every_second_pixel_and_appends_zero_maps():
    x = torch.randn(2, 3, 7, 8)

    y = subsampled(3, 5, 2)(x)

    assert y.shape == (2, 5, 4, 4)
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert torch.equal(y[:, 3:], torch.zeros(2, 2, 4, 4))


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_shortcut_b_has_2752_parameters_more_than_shortcut_a(depth):
    a, b = networks[f"resnet{depth}_cifar"].facts, networks[f"resnet{depth}_cifar_b"].facts

    assert b.parameters - a.parameters == 2_752


@pytest.mark.parametrize(
    ("name", "maps"), [("pyramidnet200_300", 4 * 364), ("pyramidnet200_450", 4 * 514), ("pyramidnet110_270", 286)]
)
def test_a_pyramid_ends_with_first_plus_alpha_maps(name, maps):
    assert built(name).fc.in_features == maps


@pytest.mark.parametrize(("name", "published"), [("pyramidnet200_300", 62.1e6), ("pyramidnet200_450", 116.4e6)])
def test_the_published_parameters_of_the_pyramids_leave_out_batch_normalisation(name, published):
    net = built(name)
    normalising = sum(p.numel() for m in net.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters())

    assert round(networks[name].facts.parameters - normalising, -5) == published


@pytest.mark.parametrize(("name", "published"), [("dpn92", 37.8e6), ("dpn98", 61.7e6), ("dpn131", 79.5e6)])
def test_the_published_parameters_of_dual_path_networks_count_running_statistics(name, published):
    statistics = sum(value.numel() for key, value in built(name).named_buffers() if "running" in key)

    assert round(networks[name].facts.parameters + statistics, -5) == published


def test_a_pyramidal_block_averages_squares_on_its_way_around_and_appends_zero_maps():
    block, x = PyramidalBlock((2, 6, 6), 3, stride=2).eval(), torch.randn(1, 2, 6, 6)
    nn.init.zeros_(block.bn3.weight)  # nothing but the way around is left

    y = block(x)

    torch.testing.assert_close(y[:, :2], x.reshape(1, 2, 3, 2, 3, 2).mean((3, 5)))
    assert torch.equal(y[:, 2:], torch.zeros(1, 1, 3, 3))


def test_a_dual_path_block_adds_to_the_first_maps_and_appends_the_rest():
    torch.manual_seed(0)
    block, x = DualPathBlock((6, 5, 5), 4, 2, residual=4, increment=3).eval(), torch.randn(1, 6, 5, 5)

    own = block.c1x1_c(block.c3x3_b(block.c1x1_a(x)))

    torch.testing.assert_close(block(x), torch.cat([x[:, :4] + own[:, :4], x[:, 4:], own[:, 4:]], 1))


def test_an_image_that_vanishes_on_its_way_is_refused_by_the_row_that_finds_nothing_left():
    with pytest.raises(ShapeError, match=r"row 'features.transition3.pool': AvgPool2d.* window of 2, but only 1 is"):
        built("densenet121", image=(3, 16, 16))


def test_a_flat_input_is_refused_by_the_first_row():
    with pytest.raises(ShapeError, match=r"row 'conv1': conv\(64, 7, .* needs \(channels, height, width\)"):
        built("resnet50", image=(784,))
