"""The one test of every network: what it declares is what it is, and it does what torch expects of a module.

Depths of one paper share their code, so the steps that cost seconds are taken in the default run for the lightest network
of each file only, and for the others in the slow one.
"""

import csv
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from striate.rows import Shape
from striate.zoo import networks

CSV = Path(__file__).parents[2] / "../shared/facts/zoo.csv"

ROWS = {  # name: its row in the table of published facts
    "simple_cnn": "Simple model (deck 003)",
    "lenet5_1998": "LeNet-5 (1998 original)",
    "lenet5": "LeNet-5 (deck 004 snippet / modern)",
    "resnet18": "ResNet-18",
    "resnet34": "ResNet-34",
    "resnet50": "ResNet-50 v1.5 (stride in 3x3)",
    "resnet50_v1": "ResNet-50 v1 (original, stride in 1x1)",
    "resnet101": "ResNet-101 v1.5 (stride in 3x3)",
    "resnet101_v1": "ResNet-101 v1 (original, stride in 1x1)",
    "resnet152": "ResNet-152 v1.5 (stride in 3x3)",
    "resnet152_v1": "ResNet-152 v1 (original, stride in 1x1)",
    "resnet101_d": "ResNet-101 v1d",
    "resnet152_d": "ResNet-152 v1d",
    **{f"resnet{n}_cifar": f"CIFAR ResNet-{n} option A" for n in (20, 32, 44, 56, 110)},
    **{f"resnet{n}_cifar_b": f"CIFAR ResNet-{n} option B" for n in (20, 32, 44, 56, 110)},
    "resnext50_32x4d": "ResNeXt-50 32x4d",
    "resnext101_32x8d": "ResNeXt-101 32x8d",
    "resnext101_64x4d": "ResNeXt-101 64x4d",
    "seresnet50": "SE-ResNet-50",
    "seresnet50_v15": "SE-ResNet-50 (timm seresnet50, v1.5 stride)",
    "senet154": "SENet-154",
    **{f"dpn{n}": f"DPN-{n}" for n in (68, 92, 98, 131)},
    "pyramidnet200_300": "PyramidNet-200 bottleneck a=300 @224",
    "pyramidnet200_450": "PyramidNet-200 bottleneck a=450 @224",
    **{f"pyramidnet110_{n}": f"CIFAR PyramidNet-110 a={n}" for n in (48, 84, 270)},
    **{f"densenet{n}": f"DenseNet-{n}" for n in (121, 161, 169, 201)},
}

SIZES = {  # a row of that table: the same network at another image
    "ResNeXt-101 64x4d @320": ("resnext101_64x4d", (3, 320, 320)),
    "SENet-154 @320": ("senet154", (3, 320, 320)),
    "DPN-131 @320": ("dpn131", (3, 320, 320)),
    "PyramidNet-200 bottleneck a=300 @320": ("pyramidnet200_300", (3, 320, 320)),
    "PyramidNet-200 bottleneck a=450 @320": ("pyramidnet200_450", (3, 320, 320)),
}


def facts(name: str):
    return networks[name].facts


def built(name: str, **arguments: object) -> nn.Module:
    """The network on the meta device: shapes without numbers."""
    with torch.device("meta"):
        return networks[name](**arguments)


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def multiply_adds(net: nn.Module, image: Shape) -> int:
    """Counted by torch, which takes a multiplication and an addition for two."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.empty(1, *image, device="meta"))
    return counter.get_total_flops() // 2


def small(image: Shape) -> Shape:
    """An image of the same kind with at most 96 pixels a side."""
    return (image[0], *(min(n, 96) for n in image[1:]))


@cache
def table() -> dict[str, dict[str, str]]:
    if not CSV.exists():
        pytest.skip("../shared/facts/zoo.csv is not here")
    with CSV.open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def cheapest_first(name: str) -> tuple[int, str]:
    return facts(name).multiply_adds, name


LIGHTEST = {networks[name].__module__: name for name in sorted(networks, key=cheapest_first, reverse=True)}
LONG = {}  # even the lightest of its file takes many seconds

every_network = pytest.mark.parametrize("name", sorted(networks))
one_a_paper = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in LIGHTEST.values() and name not in LONG else [pytest.mark.slow])
        for name in sorted(networks)
    ],
)


@every_network
def test_it_has_the_parameters_and_multiply_adds_and_gives_the_classes_that_it_declares(name):
    net, declared = built(name), facts(name)

    assert parameters(net) == declared.parameters
    assert multiply_adds(net, declared.image) == declared.multiply_adds
    assert net(torch.empty(2, *declared.image, device="meta")).shape == (2, declared.classes)


@every_network
def test_its_facts_are_those_of_the_table_of_published_facts(name):
    if name not in ROWS:
        pytest.skip(f"the table has no row for {name}")
    row, declared = table()[ROWS[name]], facts(name)

    assert (declared.parameters, declared.multiply_adds) == (int(row["params"]), int(row["macs"]))


@pytest.mark.parametrize("row", SIZES)
def test_at_another_image_size_it_has_the_multiply_adds_of_the_table(row):
    name, image = SIZES[row]
    net = built(name, image=image)

    assert parameters(net) == int(table()[row]["params"])
    assert multiply_adds(net, image) == int(table()[row]["macs"])


@every_network
def test_it_takes_other_classes_and_input_channels(name):
    image = (1, *facts(name).image[1:])
    net = built(name, image=image, classes=7)

    assert net(torch.empty(2, *image, device="meta")).shape == (2, 7)


@one_a_paper
def test_its_gradients_are_finite_and_its_state_dict_makes_an_equal_network(name, tmp_path):
    torch.manual_seed(0)
    image = small(facts(name).image)
    net, twin = networks[name](image=image), built(name, image=image)
    pictures = torch.randn(2, *image)

    net(pictures).square().mean().backward()
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    twin.load_state_dict(load_file(tmp_path / "net.safetensors"), assign=True)

    gradients = {key: parameter.grad for key, parameter in net.named_parameters()}
    assert [key for key, gradient in gradients.items() if gradient is None or not gradient.isfinite().all()] == []
    with torch.no_grad():
        torch.testing.assert_close(twin.eval()(pictures), net.eval()(pictures), rtol=0, atol=0)


@one_a_paper
def test_it_compiles_in_one_graph(name):
    image = small(facts(name).image)
    net = built(name, image=image).to_empty(device="cpu").eval()
    torch.compiler.reset()

    with torch.no_grad():
        given = torch.compile(net, backend="eager", fullgraph=True)(torch.zeros(2, *image))

    assert given.shape == (2, facts(name).classes)


@one_a_paper
def test_it_exports(name):
    image = small(facts(name).image)
    net = built(name, image=image).eval()

    program = torch.export.export(net, (torch.empty(2, *image, device="meta"),))

    assert set(program.state_dict) == set(net.state_dict())
    assert program.graph_signature.user_outputs
