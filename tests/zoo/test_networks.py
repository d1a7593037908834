"""The one test of every network: what it declares is what it is, and it does what torch expects of a module.

The networks of one file share their code, so the steps that cost seconds are taken in the default run for the lightest
of each file, and for the others in the slow one.
"""

import csv
from collections.abc import Collection
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from striate.errors import ShapeError
from striate.rows import Shape
from striate.zoo import networks
from striate.zoo.facts import Facts

CSV = Path(__file__).parents[2] / "../shared/facts/zoo.csv"

ROWS = {  # name: its row in the table of published facts
    "neocognitron": "Neocognitron (1980 simulation)",
    "simple_cnn": "Simple model (deck 003)",
    "lenet5_1998": "LeNet-5 (1998 original)",
    "lenet5": "LeNet-5 (deck 004 snippet / modern)",
    "alexnet": "AlexNet one-tower (torchvision)",
    "alexnet_grouped": "AlexNet two-GPU grouped",
    "alexnet_ungrouped": "AlexNet ungrouped 96-256-384-384-256",
    "zfnet": "ZFNet",
    "zfnet_wide": "ZFNet 512-1024-512",
    **{f"vgg{n}": f"VGG-{n}" for n in (11, 13, 16, 19)},
    **{f"vgg{n}_bn": f"VGG-{n}-BN" for n in (11, 13, 16, 19)},
    "googlenet": "GoogLeNet / Inception v1 (paper, 5x5, no BN) deploy",
    "googlenet_bn": "GoogLeNet (torchvision, BN, 3x3 for 5x5) no aux",
    "inception_v3": "Inception v3 (no aux)",
    "inception_v4": "Inception v4",
    "inception_resnet_v2": "Inception-ResNet-v2",
    "resnet18": "ResNet-18",
    "resnet34": "ResNet-34",
    **{f"resnet{n}": f"ResNet-{n} v1.5 (stride in 3x3)" for n in (50, 101, 152)},
    **{f"resnet{n}_v1": f"ResNet-{n} v1 (original, stride in 1x1)" for n in (50, 101, 152)},
    **{f"resnet{n}_d": f"ResNet-{n} v1d" for n in (101, 152)},
    **{f"resnet{n}_cifar": f"CIFAR ResNet-{n} option A" for n in (20, 32, 44, 56, 110)},
    **{f"resnet{n}_cifar_b": f"CIFAR ResNet-{n} option B" for n in (20, 32, 44, 56, 110)},
    "resnext50_32x4d": "ResNeXt-50 32x4d",
    "resnext101_32x8d": "ResNeXt-101 32x8d",
    "resnext101_64x4d": "ResNeXt-101 64x4d",
    "seresnet50": "SE-ResNet-50",
    "seresnet50_v15": "SE-ResNet-50 (timm seresnet50, v1.5 stride)",
    "senet154": "SENet-154",
    **{f"dpn{n}": f"DPN-{n}" for n in (68, 92, 98, 131)},
    "polynet": "PolyNet (Very Deep)",
    "pyramidnet200_300": "PyramidNet-200 bottleneck a=300 @224",
    "pyramidnet200_450": "PyramidNet-200 bottleneck a=450 @224",
    **{f"pyramidnet110_{n}": f"CIFAR PyramidNet-110 a={n}" for n in (48, 84, 270)},
    "nasnet_a_mobile": "NASNet-A Mobile (4 @ 1056)",
    "nasnet_a_large": "NASNet-A Large (6 @ 4032)",
    "pnasnet5_large": "PNASNet-5 Large (N=4, F=216)",
    "amoebanet_a": "AmoebaNet-A (N=6, F=190)",
    "amoebanet_b": "AmoebaNet-B (N=6, F=190)",
    "amoebanet_b_fitted": "AmoebaNet-B count-fit (one normal-cell 1x1 -> sep5x5)",
    "amoebanet_b_228": "AmoebaNet-B (N=6, F=228) [deck label]",
    "amoebanet_c": "AmoebaNet-C (N=6, F=228)",
    "mobilenet_v1": "MobileNet v1 1.0 224",
    "mobilenet_v1_075": "MobileNet v1 0.75 224",
    "mobilenet_v1_050": "MobileNet v1 0.5 224",
    "mobilenet_v1_025": "MobileNet v1 0.25 224",
    "squeezenet1_0": "SqueezeNet 1.0",
    "squeezenet1_1": "SqueezeNet 1.1",
    **{f"densenet{n}": f"DenseNet-{n}" for n in (121, 161, 169, 201)},
    "xception": "Xception",
}

SIZES = {  # a row of that table: the same network at another image
    "ResNeXt-101 64x4d @320": ("resnext101_64x4d", (3, 320, 320)),
    "SENet-154 @320": ("senet154", (3, 320, 320)),
    "DPN-131 @320": ("dpn131", (3, 320, 320)),
    "PyramidNet-200 bottleneck a=300 @320": ("pyramidnet200_300", (3, 320, 320)),
    "PyramidNet-200 bottleneck a=450 @320": ("pyramidnet200_450", (3, 320, 320)),
    **{
        f"MobileNet v1 {alpha} {n}": (name, (3, n, n))
        for alpha, name in [
            ("1.0", "mobilenet_v1"),
            ("0.75", "mobilenet_v1_075"),
            ("0.5", "mobilenet_v1_050"),
            ("0.25", "mobilenet_v1_025"),
        ]
        for n in (192, 160, 128)
    },
}

WITH_HEADS = {  # their heads are trained by `with_auxiliary`: the same multiply-adds as without, more parameters
    "googlenet_aux": "GoogLeNet (paper) with both aux heads",
    "googlenet_bn_aux": "GoogLeNet (torchvision) with aux",
    "inception_v3_aux": "Inception v3 (with aux)",
}

LONG_TO_RUN = {"polynet", "amoebanet_b", "pnasnet5_large", "vgg11"}
LONG_TO_TRACE = {
    "amoebanet_b",
    "densenet121",
    "inception_resnet_v2",
    "inception_v3",
    "inception_v4",
    "nasnet_a_mobile",
    "pnasnet5_large",
    "polynet",
    "pyramidnet110_48",
    "resnet101_d",
}


def facts(name: str) -> Facts:
    return networks[name].facts


def built(name: str, **arguments: object) -> nn.Module:
    """The network on the meta device: shapes without numbers."""
    with torch.device("meta"):
        return networks[name](**arguments).eval()


def refusing(name: str, image: Shape) -> tuple[str, ...] | None:
    """The row that cannot take its input when the network is built for `image`."""
    try:
        built(name, image=image)
    except ShapeError as error:
        return error.path
    return None


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def multiply_adds(net: nn.Module, image: Shape) -> tuple[int, Shape]:
    """Those of one picture, counted by torch, which takes a multiplication and an addition for two; and the output."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = net(torch.empty(1, *image, device="meta"))
    return counter.get_total_flops() // 2, tuple(output.shape)


def small(name: str) -> Shape:
    """An image of the same kind with at most 112 pixels a side, but where heads on the way need all."""
    channels, *sides = facts(name).image
    return (channels, *(n if name in WITH_HEADS else min(n, 112) for n in sides))


@cache
def table() -> dict[str, dict[str, str]]:
    if not CSV.exists():
        pytest.skip("../shared/facts/zoo.csv is not here")
    with CSV.open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def weight(name: str) -> tuple[int, int]:
    return facts(name).multiply_adds, facts(name).parameters


LIGHTEST = {networks[name].__module__: name for name in sorted(networks, key=weight, reverse=True)}.values()


def one_a_paper(but: Collection[str] = ()) -> pytest.MarkDecorator:
    """The lightest network of every file in the default run, unless it takes too long, and all in the slow one."""
    quick = set(LIGHTEST) - set(but)
    names = [pytest.param(n, marks=[] if n in quick else [pytest.mark.slow]) for n in sorted(networks)]
    return pytest.mark.parametrize("name", names)


every_network = pytest.mark.parametrize("name", sorted(networks))


@every_network
def test_it_has_the_parameters_and_multiply_adds_and_gives_the_classes_that_it_declares(name):
    net, declared = built(name), facts(name)

    assert parameters(net) == declared.parameters
    assert multiply_adds(net, declared.image) == (declared.multiply_adds, (1, declared.classes))


@every_network
def test_its_facts_are_those_of_the_table_of_published_facts(name):
    if name not in ROWS:
        pytest.skip(f"the table has no row for {name}")
    row, declared = table()[ROWS[name]], facts(name)

    assert (declared.parameters, declared.multiply_adds) == (int(row["params"]), int(row["macs"]))
    assert row["input"].startswith("x".join(map(str, declared.image)))


@pytest.mark.parametrize("name", WITH_HEADS)
def test_with_its_heads_it_has_the_parameters_and_multiply_adds_of_the_table(name):
    net, row = built(name), table()[WITH_HEADS[name]]

    with FlopCounterMode(display=False) as counter:
        net.with_auxiliary(torch.empty(1, *facts(name).image, device="meta"))

    assert (parameters(net), counter.get_total_flops() // 2) == (int(row["params"]), int(row["macs"]))


@pytest.mark.parametrize("row", SIZES)
def test_at_another_image_size_it_has_the_multiply_adds_of_the_table(row):
    name, image = SIZES[row]
    net = built(name, image=image)

    assert parameters(net) == int(table()[row]["params"])
    assert multiply_adds(net, image)[0] == int(table()[row]["macs"])


@one_a_paper()
def test_it_takes_other_classes_and_input_channels(name):
    image = (1, *facts(name).image[1:])
    net = built(name, image=image, classes=7)

    assert net(torch.empty(2, *image, device="meta")).shape == (2, 7)


@one_a_paper()
def test_it_takes_an_image_of_one_pixel_or_says_which_row_cannot(name):
    image = (facts(name).image[0], 1, 1)

    if (row := refusing(name, image)) is None:
        assert multiply_adds(built(name, image=image), image)[1] == (1, facts(name).classes)
    else:
        assert row != ()


@one_a_paper(but=LONG_TO_RUN)
def test_its_gradients_are_finite_and_its_state_dict_makes_an_equal_network(name):
    torch.manual_seed(0)
    image = small(name)
    net, twin = networks[name](image=image), built(name, image=image)
    pictures = torch.randn(2, *image)

    outputs = net.with_auxiliary(pictures) if name in WITH_HEADS else (net(pictures),)
    sum(output.square().mean() for output in outputs).backward()
    twin.load_state_dict(load(save(net.state_dict())), assign=True)

    gradients = {key: parameter.grad for key, parameter in net.named_parameters()}
    assert [key for key, gradient in gradients.items() if gradient is None or not gradient.isfinite().all()] == []
    with torch.no_grad():
        torch.testing.assert_close(twin(pictures), net.eval()(pictures), rtol=0, atol=0)


@one_a_paper(but=LONG_TO_TRACE)
def test_it_compiles_in_one_graph(name):
    image = small(name)
    net = built(name, image=image).to_empty(device="cpu")
    torch.compiler.reset()

    with torch.no_grad():
        given = torch.compile(net, backend="eager", fullgraph=True)(torch.zeros(2, *image))

    assert given.shape == (2, facts(name).classes)


@one_a_paper(but=LONG_TO_TRACE)
def test_it_exports(name):
    image = small(name)
    net = built(name, image=image)

    program = torch.export.export(net, (torch.empty(2, *image, device="meta"),))

    assert set(program.state_dict) == set(net.state_dict())
    assert program.module()(torch.empty(2, *image, device="meta")).shape == (2, facts(name).classes)
