"""The numbers that docs/counting.md prints are those that an analysis gives."""

from pathlib import Path

import pytest
import torch
from torch import nn

from striate.analysis.analyse import analyse
from striate.zoo import networks

PAGE = (Path(__file__).parents[2] / "docs" / "counting.md").read_text()


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(64, 3, 3, 3))

    def forward(self, x):
        return nn.functional.conv2d(x, self.weight)


MEASURED = {
    "Conv2d 3 to 64, 3x3, no bias, 32x32": (lambda: nn.Conv2d(3, 64, 3, bias=False), (3, 32, 32)),
    "the same with a bias": (lambda: nn.Conv2d(3, 64, 3), (3, 32, 32)),
    "Conv2d 64 to 64, 3x3, 32 groups, 32x32": (lambda: nn.Conv2d(64, 64, 3, groups=32), (64, 32, 32)),
    "ConvTranspose2d 64 to 32, 4x4, stride 2, 16x16": (lambda: nn.ConvTranspose2d(64, 32, 4, 2, 1), (64, 16, 16)),
    "BatchNorm2d, 64 maps of 32x32": (lambda: nn.BatchNorm2d(64), (64, 32, 32)),
    "Linear 400 to 120": (lambda: nn.Linear(400, 120), (400,)),
    "`F.conv2d` 3 to 64, 3x3, in a forward": (Functional, (3, 32, 32)),
    "TransformerEncoderLayer(64, 4 heads, 128), 10 tokens": (
        lambda: nn.TransformerEncoderLayer(64, 4, 128, batch_first=True), (10, 64)
    ),
    "LeNet-5, 1x28x28": (networks["lenet5"], (1, 28, 28)),
    "ResNet-50, 3x224x224": (networks["resnet50"], (3, 224, 224)),
}  # fmt: skip


@pytest.mark.parametrize("name", MEASURED)
def test_the_table_of_tools_has_our_number(name):
    build, image = MEASURED[name]
    with torch.device("meta"):
        net = build()
    printed = next(line for line in PAGE.splitlines() if line.startswith(f"| {name} |")).split("|")[2].strip()
    assert analyse(net, image).multiply_adds == int(printed.replace(",", ""))


def test_every_network_of_that_table_is_tested():
    table = PAGE[PAGE.index("| one picture | Striate |") :].splitlines()[2:]
    assert [line.split(" | ")[0].removeprefix("| ") for line in table if line.startswith("| ")] == list(MEASURED)


def test_the_worked_convolution():
    analysis = analyse(nn.Conv2d(3, 64, 3), (3, 224, 224))
    for number in (analysis.parameters, analysis.multiply_adds, analysis.additions):
        assert f"= {number:,}" in PAGE


def test_every_name_of_the_json_is_defined():
    names = set(analyse(nn.Conv2d(3, 6, 3), (3, 9, 9)).as_json()) - {"image", "batch", "layers", "notes"}
    assert all(f"`{name}`" in PAGE for name in names), names
