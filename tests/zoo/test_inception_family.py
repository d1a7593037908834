"""What is particular to the networks from AlexNet to MobileNet: their papers' numbers, and their traps."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from oracle import randomised, torchvision_model
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from striate.errors import ShapeError
from striate.rows import Shape
from striate.zoo import networks
from striate.zoo.polynet import PATHS_B, Poly3
from striate.zoo.xception import Block

SHARED = Path(__file__).parents[2] / "../shared"

AUXILIARY = ("googlenet_aux", "googlenet_bn_aux", "inception_v3_aux")
PAPERS = (
    "alexnet", "zfnet", "vgg", "googlenet", "inception_v3", "inception_v4", "inception_resnet_v2", "polynet",
    "xception", "squeezenet", "mobilenet_v1",
)  # fmt: skip
MEASURED = [
    name
    for name, build in networks.items()
    if build.__module__.removeprefix("striate.zoo.") in PAPERS and build.facts.top1 is not None
]


@pytest.fixture(scope="module")
def table() -> list[dict[str, str]]:
    path = SHARED / "facts/zoo.csv"
    if not path.exists():
        pytest.skip("../shared/facts/zoo.csv is not here")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def built(name: str, **arguments: object) -> nn.Module:
    """The network on the meta device."""
    with torch.device("meta"):
        return networks[name](**arguments)


def shown(image: Shape) -> Tensor:
    return torch.empty(2, *image, device="meta")


def gives(name: str, *rows: str, image: Shape | None = None) -> list[Shape]:
    """The shapes that the named layers give, without the batch."""
    net, found = built(name, **({"image": image} if image else {})), {}
    for row in rows:
        net.get_submodule(row).register_forward_hook(lambda _, __, y, row=row: found.update({row: tuple(y.shape[1:])}))
    net(shown(image or networks[name].facts.image))
    return [found[row] for row in rows]


def first_number(text: str) -> float | None:
    found = re.match(r"[\d.]+", text)
    return float(found[0]) if found else None


# facts


@pytest.mark.parametrize("name", MEASURED)
def test_its_published_accuracy_is_the_first_that_the_table_names(name, table):
    facts = networks[name].facts
    counts = (str(facts.parameters), str(facts.multiply_adds))
    (row,) = [row for row in table if (row["params"], row["macs"]) == counts] or [
        row for row in table if row["params"] == counts[0]
    ]

    assert (facts.year, facts.top1) == (int(row["year"]), first_number(row["top1"]))
    assert facts.top5 in (None, first_number(row["top5_or_other"]))


def test_squeezenet_has_the_multiply_adds_of_the_caffe_models_at_their_image_size():
    for name, expected in (("squeezenet1_0", 832_667_936), ("squeezenet1_1", 387_747_520)):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            built(name, image=(3, 227, 227))(torch.empty(1, 3, 227, 227, device="meta"))
        assert counter.get_total_flops() // 2 == expected


@pytest.mark.parametrize(("depth", "extra"), [(11, 5_504), (13, 5_888), (16, 8_448), (19, 11_008)])
def test_batch_normalisation_adds_its_scales_and_shifts_to_vgg_and_takes_no_bias_away(depth, extra):
    assert networks[f"vgg{depth}_bn"].facts.parameters - networks[f"vgg{depth}"].facts.parameters == extra
    assert "features.0.bias" in built(f"vgg{depth}_bn").state_dict()


# sizes that the papers print


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alexnet_grouped", {"conv1": (96, 55), "pool1": (96, 27), "pool2": (256, 13), "pool5": (256, 6)}),
        ("zfnet", {"conv1": (96, 110), "pool1": (96, 55), "conv2": (256, 26), "pool2": (256, 13), "pool5": (256, 6)}),
        ("googlenet", {"conv1": (64, 112), "maxpool2": (192, 28), "maxpool3": (480, 14), "inception5b": (1024, 7)}),
        ("googlenet_bn", {"conv1": (64, 112), "maxpool2": (192, 28), "maxpool3": (480, 14), "inception5b": (1024, 7)}),
        ("inception_v3", {"Mixed_5b": (256, 35), "Mixed_5d": (288, 35), "Mixed_6e": (768, 17), "Mixed_7c": (2048, 8)}),
        ("inception_v4", {"features.5": (384, 35), "features.10": (1024, 17), "features.18": (1536, 8)}),
        ("inception_resnet_v2", {"mixed_5b": (320, 35), "repeat_1": (1088, 17), "mixed_7a": (2080, 8)}),
        ("polynet", {"stem": (384, 39), "reduction_a": (1152, 19), "reduction_b": (2048, 9)}),
        ("xception", {"block1": (128, 74), "block2": (256, 37), "block11": (728, 19), "block12": (1024, 10)}),
        ("squeezenet1_0", {"features.2": (96, 54), "features.6": (256, 27), "features.11": (512, 13)}),
        ("mobilenet_v1", {"act1": (32, 112), "blocks.0": (64, 112), "blocks.3": (512, 14), "blocks.4": (1024, 7)}),
        ("mobilenet_v1_025", {"act1": (8, 112), "blocks.0": (16, 112), "blocks.3": (128, 14), "blocks.4": (256, 7)}),
    ],
)
def test_its_maps_have_the_number_and_the_size_that_the_paper_prints(name, expected):
    found = dict(zip(expected, gives(name, *expected), strict=True))

    assert found == {row: (maps, size, size) for row, (maps, size) in expected.items()}


# AlexNet


def test_the_response_normalisation_of_alexnet_is_the_formula_of_its_paper():
    a = np.random.default_rng(0).normal(0, 30, (12, 2, 3))
    n, k, alpha, beta = 5, 2, 1e-4, 0.75
    expected = np.empty_like(a)
    for i in range(len(a)):
        neighbours = range(max(0, i - n // 2), min(len(a) - 1, i + n // 2) + 1)
        expected[i] = a[i] / (k + alpha * sum(a[j] ** 2 for j in neighbours)) ** beta

    found = built("alexnet_grouped").norm1(torch.tensor(a)[None])[0]

    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.abs(expected / a - 2**-0.75).max() > 0.01, "values so small could not tell alpha from alpha / n"


def test_each_gpu_of_alexnet_sees_only_its_own_maps_in_layers_2_4_and_5():
    net = built("alexnet_grouped")

    assert [net.get_submodule(f"conv{i}").weight.shape[1] for i in range(1, 6)] == [3, 48, 256, 192, 192]


# auxiliary classifiers


@pytest.mark.parametrize("name", AUXILIARY)
@pytest.mark.parametrize("training", [True, False])
def test_the_output_is_the_logits_whether_training_or_not(name, training):
    net = built(name, classes=10).train(training)

    assert net(shown(networks[name].facts.image)).shape == (2, 10)
    heads = [key for key, _ in net.named_children() if key.lower().startswith("aux")]
    assert [tuple(y.shape) for y in net.with_auxiliary(shown(networks[name].facts.image))] == [(2, 10)] * (
        1 + len(heads)
    )


def test_the_auxiliary_classifiers_of_googlenet_train_the_layers_below_them():
    torch.manual_seed(0)
    net = networks["googlenet_aux"](image=(3, 64, 64), classes=5)
    picture = torch.randn(2, 3, 64, 64)
    _, first, second = net.with_auxiliary(picture)

    first.square().sum().backward(retain_graph=True)
    assert net.aux1.fc2.weight.grad.isfinite().all()
    assert net.inception4a.branch1.conv.weight.grad.abs().max() > 0
    assert net.inception4b.branch1.conv.weight.grad is None

    second.square().sum().backward()
    assert net.inception4d.branch1.conv.weight.grad.abs().max() > 0
    assert net.inception4e.branch1.conv.weight.grad is None
    assert net.fc.weight.grad is None


def test_the_logits_of_with_auxiliary_are_those_of_forward():
    net = randomised(built("googlenet_aux", image=(3, 64, 64), classes=5), torch.float32)
    picture = torch.randn(2, 3, 64, 64)

    with torch.no_grad():
        torch.testing.assert_close(net.with_auxiliary(picture)[0], net(picture), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "theirs", "size", "heads"),
    [
        ("googlenet_bn_aux", "googlenet", 128, {"aux1": "inception4a", "aux2": "inception4d"}),
        pytest.param("inception_v3_aux", "inception_v3", 299, {"AuxLogits": "Mixed_6e"}, marks=pytest.mark.slow),
    ],
)
def test_its_auxiliary_logits_are_those_of_torchvision_with_the_same_weights(name, theirs, size, heads):
    with torch.device("meta"):
        other = torchvision_model(theirs, aux_logits=True, init_weights=False)
    other = randomised(other, torch.float64)
    ours = built(name, image=(3, size, size)).eval()
    ours.load_state_dict(other.state_dict(), assign=True)
    picture, expected = torch.randn(1, 3, size, size, dtype=torch.float64), []
    for head, after in heads.items():
        other.get_submodule(after).register_forward_hook(
            lambda _, __, y, head=head: expected.append(other.get_submodule(head)(y))
        )

    with torch.no_grad():
        other(picture)
        found = ours.with_auxiliary(picture)[1:]

    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-10 * float(two.abs().max()))


# blocks


def test_poly3_is_one_plus_f_plus_f_of_f_plus_f_of_f_of_f():
    net = randomised(Poly3((6, 5, 5), PATHS_B, 0.8), torch.float64)
    x = torch.randn(1, 6, 5, 5, dtype=torch.float64)

    def f(x: Tensor, time: int) -> Tensor:
        y = x
        for part in (net.path0_1x1, net.path0_1x7, net.path0_7x1):
            y = part.bn_blocks[time](part.conv(y)).relu()
        side = net.path1.bn_blocks[time](net.path1.conv(x)).relu()
        return net.conv2d_blocks[time](torch.cat([y, side], 1))

    once = f(x, 0)
    twice = f(once.relu(), 1)
    thrice = f(twice.relu(), 2)

    torch.testing.assert_close(net(x), (x + 0.8 * (once + twice + thrice)).relu())


def test_the_scales_of_polynet_fall_from_1_to_seven_tenths_over_its_40_blocks():
    net = built("polynet")
    scales = [block.scale for stage in (net.stage_a, net.stage_b, net.stage_c) for block in stage]

    assert len(scales) == 40
    assert scales[0] == 1
    assert scales[-1] == pytest.approx(0.7)
    np.testing.assert_allclose(np.diff(scales), -0.3 / 39)


def test_the_shortcut_of_xception_carries_its_input_and_not_the_rectified_one():
    block = randomised(Block((4, 6, 6), (4, 4), pool=False), torch.float64)
    x = -torch.rand(1, 4, 6, 6, dtype=torch.float64)
    zero = block(torch.zeros_like(x))

    torch.testing.assert_close(block(x), x + zero)


def test_no_logit_of_squeezenet_is_below_zero():
    net = randomised(built("squeezenet1_1", image=(3, 64, 64)), torch.float32)

    logits = net(torch.randn(4, 3, 64, 64))

    assert logits.min() == 0
    assert logits.max() > 0


# image sizes


@pytest.mark.parametrize(
    ("name", "size", "row"),
    [
        ("alexnet", 62, "features.12"),
        ("alexnet_grouped", 66, "pool5"),
        ("inception_v3", 74, "Mixed_7a.branch3x3_2.conv"),
        ("inception_v4", 74, "features.18.branch0.1.conv"),
        pytest.param("inception_resnet_v2", 74, "mixed_7a.branch0.1.conv", marks=pytest.mark.slow),
        ("inception_v3_aux", 298, "AuxLogits.conv1.conv"),
    ],
)
def test_an_image_that_is_too_small_is_refused_by_the_row_that_cannot_take_it_and_one_pixel_more_is_enough(
    name, size, row
):
    with pytest.raises(ShapeError, match=f"row '{row}': .* looks through a window of"):
        built(name, image=(3, size, size))

    image = (3, size + 1, size + 1)
    assert built(name, image=image)(shown(image)).shape == (2, 1000)


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet", "xception", "squeezenet1_0"])
def test_the_weights_of_one_image_size_serve_another(name):
    shapes = [{k: v.shape for k, v in built(name, image=(3, n, n + 32)).state_dict().items()} for n in (128, 192)]

    assert shapes[0] == shapes[1]
