"""Comparisons and equivalents: the numbers of decks 003 and 004, and hand-worked cases."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch import nn

from striate.analysis.analyse import analyse
from striate.analysis.compare import compare
from striate.analysis.equivalents import (
    convolution_equivalents,
    dense_equivalent,
    dense_weights,
    equivalents_grid,
    separable_equivalent,
)
from striate.analysis.result import Analysis, View
from striate.errors import ConfigError, ShapeError

SMALL = Analysis((1, 28, 28), 4, (), 100, 80, 1_000, 1_000, 900, 400, 5_000, 6_000, 7_000, View((5, 5), (1, 1), (2, 2)))
LARGE = replace(
    SMALL, parameters=250, multiply_adds=10, weight_bytes=2_000_000, receptive_field=View((10, 20), (1, 1), (0, 0))
)


def test_deck_004_two_stored_floats_stand_for_eight_billion():
    dense = dense_equivalent((1, 320, 280), (1, 319, 280), (2, 1))
    assert (dense.weights, dense.operations) == (2, 319 * 280 * 3) == (2, 267_960)
    assert (dense.dense_weights, dense.dense_operations) == (8_003_072_000, 16_006_144_000)
    assert dense.weights_ratio == 4_001_536_000
    assert dense.formulas == (
        "2·1·1·1 = 2",
        "1·319·280·(2·2·1·1 − 1) = 267,960",
        "1·319·280·1·320·280 = 8,003,072,000",
        "2·1·319·280·1·320·280 = 16,006,144,000",
    )


def test_deck_004_a_photo_on_a_hundred_hidden_units_takes_3_6_billion_weights():
    assert dense_weights((3, 3000, 4000), (1,)) == 36_000_000
    assert dense_weights((3, 3000, 4000), (100,)) == 3_600_000_000


def test_deck_003_a_separable_convolution_takes_7_9_times_fewer_multiplications():
    separable = separable_equivalent((3, 224, 224), (64, 222, 222), (3, 3))
    assert separable.multiplications == 85_162_752
    assert (separable.depthwise, separable.pointwise, separable.separable) == (1_330_668, 9_462_528, 10_793_196)
    assert separable.ratio == Fraction(85_162_752, 10_793_196)
    assert round(float(separable.ratio), 4) == 7.8904
    assert separable.formulas == (
        "222·222·3·3·3·64 = 85,162,752",
        "222·222·3·3·3 = 1,330,668",
        "222·222·3·64 = 9,462,528",
    )


@pytest.mark.parametrize(("groups", "kernel"), [(1, (3, 2)), (2, (1, 3)), (4, (2, 2))])
def test_the_dense_matrix_is_the_one_that_the_convolution_is(groups: int, kernel: tuple[int, int]):
    conv = nn.Conv2d(4, 8, kernel, groups=groups, bias=False, dtype=torch.float64)
    image = torch.randn(1, 4, 5, 6, dtype=torch.float64)
    output = conv(image)
    basis = torch.eye(image.numel(), dtype=torch.float64).reshape(-1, 4, 5, 6)
    matrix = conv(basis).flatten(1).T  # column by column what the convolution makes of each unit vector
    assert torch.allclose(matrix @ image.flatten(), output.flatten())
    dense = dense_equivalent((4, 5, 6), tuple(output.shape[1:]), kernel, groups)
    assert dense.dense_weights == matrix.numel()
    assert dense.weights == conv.weight.numel()
    terms = (matrix != 0).sum(1)  # multiplications of each unit; one addition less
    assert dense.operations == int((2 * terms - 1).sum())


def test_a_separable_convolution_of_torch_has_the_weights_and_multiplications_that_are_said():
    depthwise = nn.Conv2d(6, 6, (3, 5), groups=6, bias=False)
    pointwise = nn.Conv2d(6, 9, 1, bias=False)
    separable = separable_equivalent((6, 10, 12), (9, 8, 8), (3, 5))
    assert separable.separable_weights == depthwise.weight.numel() + pointwise.weight.numel()
    assert separable.weights == nn.Conv2d(6, 9, (3, 5), bias=False).weight.numel()
    assert separable.separable == analyse(nn.Sequential(depthwise, pointwise), (6, 10, 12)).multiplications


def test_a_kernel_that_does_not_match_the_shapes_is_an_error():
    with pytest.raises(ConfigError, match=r"kernel \(3,\) cannot go from \(3, 8, 8\)"):
        dense_equivalent((3, 8, 8), (3, 6, 6), (3,))
    with pytest.raises(ConfigError, match="2 groups must divide the 3 input and the 4 output maps"):
        separable_equivalent((3, 8, 8), (4, 6, 6), (3, 3), 2)
    with pytest.raises(ConfigError, match="every size must be 1 or more"):
        dense_equivalent((3, 8, 8), (4, 0, 6), (3, 3))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.grouped = nn.Conv2d(3, 6, 3, groups=3)
        self.line = nn.Conv1d(6, 2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x) + self.conv(x).relu()
        return self.line(self.grouped(x).flatten(2))


def test_every_convolution_of_a_network_has_its_equivalents_each_time_it_runs():
    net = Residual()
    first, second, grouped, line = convolution_equivalents(net, (3, 8, 8))
    assert (first.name, second.name, grouped.name, line.name) == ("conv", "conv", "grouped", "line")
    assert first.dense == second.dense == dense_equivalent((3, 8, 8), (3, 8, 8), (3, 3))
    assert (grouped.output, grouped.dense.weights, grouped.separable) == ((6, 6, 6), 6 * 9, None)
    assert (line.image, line.output, line.kernel) == ((6, 36), (2, 35), (2,))
    assert not any(module._forward_hooks for module in net.modules())
    assert net.training


def test_the_multiplications_are_those_of_the_analysis():
    net = Residual()
    layers = convolution_equivalents(net, (3, 8, 8))
    assert sum(layer.multiplications for layer in layers) == analyse(net, (3, 8, 8)).multiply_adds


def test_a_network_that_cannot_take_the_image_raises_what_analyse_raises_and_leaves_no_hooks():
    net = nn.Sequential(nn.Conv2d(3, 4, 9))
    with pytest.raises(ShapeError):
        convolution_equivalents(net, (3, 8, 8))
    assert not net[0]._forward_hooks


def test_the_table_of_equivalents_reads_as_lines():
    text = equivalents_grid(convolution_equivalents(nn.Sequential(nn.Conv2d(3, 64, 3)), (3, 224, 224))).text()
    dense = 3 * 224 * 224 * 64 * 222 * 222
    cells = ["0", "1,728", f"{dense:,}", f"{dense // 1728:,}×", "85,162,752", "10,793,196", "7.89×"]
    assert text.splitlines()[1].split() == cells
    json.dumps([layer.as_json() for layer in convolution_equivalents(Residual(), (3, 8, 8))])


def test_ratios_are_to_the_first_network():
    comparison = compare({"small": SMALL, "large": LARGE})
    ratios = comparison.as_json()["ratios"]
    assert set(ratios["small"].values()) <= {1.0, None}
    assert ratios["large"]["parameters"] == 2.5
    assert ratios["large"]["multiply_adds"] == ratios["large"]["flops"] == 0.01
    assert ratios["large"]["pixels_seen"] == 200 / 25
    assert ratios["large"]["layers"] is None  # the first has none


def test_the_json_of_a_comparison_holds_every_number_of_each_network():
    json_ = json.loads(json.dumps(compare({"a": SMALL, "b": LARGE}).as_json()))
    assert json_["networks"]["a"]["flops"] == 2 * json_["networks"]["a"]["multiply_adds"] == 2_000
    assert json_["networks"]["b"]["receptive_field"] == {"size": [10, 20], "stride": [1, 1], "start": [0, 0]}
    assert json_["networks"]["b"]["training_bytes"] == 7_000


def test_a_comparison_reads_as_aligned_lines():
    lines = str(compare({"small": SMALL, "large": LARGE})).splitlines()
    assert lines[0].split() == ["small", "large"]
    assert [line.split() for line in lines if line.startswith(("parameters", "weights", "sees"))] == [
        ["parameters", "100", "250", "2.5×"],
        ["weights", "400", "B", "2.0", "MB", "5,000×"],
        ["sees", "5×5", "10×20", "8×"],
    ]
    assert len({line.rindex("×") for line in lines if line.endswith("×")}) == 1


def test_a_comparison_is_a_table_of_rich_where_it_is_asked_for():
    from rich.console import Console

    out = io.StringIO()
    Console(width=120, file=out).print(compare({"[bold]small": SMALL, "large": LARGE}).table())
    assert "[bold]small" in out.getvalue()  # a name is no markup
    assert "2.5×" in out.getvalue()


def test_what_is_not_known_has_no_ratio():
    comparison = compare({"a": replace(SMALL, receptive_field=None), "b": LARGE})
    assert comparison.as_json()["ratios"]["b"]["pixels_seen"] is None
    assert comparison.text().splitlines()[-1].split() == ["sees", "–", "10×20", "–"]


def test_nothing_and_unlike_batches_cannot_be_compared():
    with pytest.raises(ConfigError, match="there is nothing to compare: name one network or more"):
        compare({})
    with pytest.raises(ConfigError, match=r"different sizes \(a 4, b 8\)\. Give all the same batch"):
        compare({"a": SMALL, "b": replace(SMALL, batch=8)})


def test_comparing_does_not_import_rich(tmp_path):
    import subprocess

    code = "import sys, striate.analysis.compare, striate.analysis.diagram; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
