"""The worked examples of the five lecture decks (000 to 004), each with its number.

Values of convolutions are those of `conv` rows with the deck's kernel; scipy's correlation is the second opinion.
"""

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d, correlate2d
from torch import nn

from striate.analysis.analyse import analyse
from striate.analysis.grid import as_times
from striate.arithmetic import (
    conv_multiply_adds,
    conv_parameters,
    output_fraction,
    output_size,
    same_padding,
    window_formula,
)
from striate.errors import ShapeError
from striate.rows import conv, linear, stack
from striate.zoo import networks


def slide(kernel, image, **options):
    """The deck's kernel (maps, height, width) over an image (maps, height, width), as a row of ours."""
    weights, pixels = (torch.tensor(np.atleast_3d(values), dtype=torch.float) for values in (kernel, image))
    if np.ndim(image) == 2:
        weights, pixels = weights.squeeze(-1)[None], pixels.squeeze(-1)[None]
    net = stack(tuple(pixels.shape), conv(1, tuple(weights.shape[1:]), bias=False, **options))
    with torch.no_grad():
        next(net.parameters()).copy_(weights[None])
        return net(pixels[None])[0, 0].tolist()


def shapes(*rows: nn.Module, image: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [layer.output for layer in analyse(stack(image, *rows), image).layers]


COUNTING = np.arange(9.0).reshape(3, 3)
SMALL = np.array([[0.0, 1], [2, 3]])
CROSS = [
    [1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0], [0, 0, 1, 1, 0, 0],
    [1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 1, 0],
]  # fmt: skip
FILTER_1 = [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
VERTICAL = [[10, 10, 10, 0, 0, 0]] * 6
TWO_TONE = [[10, 10, 10, 0, 0, 0]] * 3 + [[0, 0, 0, 10, 10, 10]] * 3
EDGE_DOWN = [[1, 0, -1]] * 3
EDGE_ACROSS = [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]


# -------------------------------------------------------------------------------------------------------- deck 000


def test_01_deck_000_six_5x5_filters_on_32x32x3_give_28x28x6_with_456_parameters():
    (layer,) = analyse(stack((3, 32, 32), conv(6, 5)), (3, 32, 32)).layers
    assert (layer.output, layer.parameters) == ((6, 28, 28), 456)


def test_02_deck_000_filter_1_on_the_cross():
    expected = [[3, -1, -3, -1], [-3, 1, 0, -3], [-3, -3, 0, 1], [3, -2, -2, -1]]
    assert slide(FILTER_1, CROSS) == expected == correlate2d(CROSS, FILTER_1, "valid").tolist()


def test_03_deck_000_the_same_with_stride_2():
    assert slide(FILTER_1, CROSS, stride=2) == [[3, -3], [-3, 0]]


def test_04_deck_000_7_under_3_with_stride_1_2_3_gives_5_3_and_does_not_fit():
    assert [output_size(7, 3, stride) for stride in (1, 2, 3)] == [5, 3, 2]
    assert window_formula(7, 3, 3) == "(7 + 2·0 − 3)/3 + 1 = 2.33"
    net = nn.Conv2d(1, 1, 3, 3)
    with pytest.raises(ShapeError, match=r"does not fit: \(7 \+ 2·0 − 3\)/3 \+ 1 = 2\.33"):
        analyse(net, (1, 7, 7), strict=True)
    assert analyse(net, (1, 7, 7)).layers[0].output == (1, 2, 2)


def test_05_deck_000_a_border_of_1_keeps_7x7():
    assert shapes(conv(1, 3, padding=1), image=(1, 7, 7)) == [(1, 7, 7)]


def test_06_deck_000_same_padding_of_3_5_7_is_1_2_3():
    assert [same_padding(kernel) for kernel in (3, 5, 7)] == [(1, 1), (2, 2), (3, 3)]


def test_07_deck_000_32_shrinks_to_28_and_24():
    assert shapes(conv(6, 5), nn.ReLU(), conv(10, 5), image=(3, 32, 32))[::2] == [(6, 28, 28), (10, 24, 24)]


def test_08_deck_000_ten_5x5_filters_with_padding_2_have_760_parameters():
    (layer,) = analyse(stack((3, 32, 32), conv(10, 5, padding=2)), (3, 32, 32)).layers
    assert (layer.output, layer.parameters, layer.biases) == ((10, 32, 32), 760, 10)


def test_09_deck_000_a_5x5x3_window_is_a_75_dimensional_dot_product_and_five_filters_are_3920_neurons():
    (layer,) = analyse(stack((3, 32, 32), conv(5, 5)), (3, 32, 32)).layers
    neurons = layer.activation_bytes // 4
    assert neurons == 3_920 == 28 * 28 * 5
    assert layer.multiply_adds // neurons == 75


def test_10_deck_000_32x32x3_stretched_is_3072():
    assert shapes(nn.Flatten(), image=(3, 32, 32)) == [(3072,)]


# -------------------------------------------------------------------------------------------------------- deck 001


def test_11_deck_001_one_kernel_gives_one_map_whatever_the_channels():
    assert shapes(conv(1, 5), image=(1, 32, 32)) == shapes(conv(1, 5), image=(3, 32, 32)) == [(1, 28, 28)]
    assert shapes(conv(6, 5), image=(3, 32, 32)) == [(6, 28, 28)]


@pytest.mark.parametrize(("w", "k", "p", "s"), [(32, 5, 0, 1), (227, 11, 0, 4), (224, 7, 3, 2), (28, 5, 2, 1)])
def test_12_deck_001_the_size_and_parameter_formulas_are_what_torch_gives(w, k, p, s):
    net = nn.Conv2d(3, 8, k, s, p)
    assert analyse(net, (3, w, w)).layers[0].output == (8, *[(w - k + 2 * p) // s + 1] * 2)
    assert sum(parameter.numel() for parameter in net.parameters()) == k * k * 3 * 8 + 8
    assert conv_parameters((k, k), 3, 8) == k * k * 3 * 8 + 8


# -------------------------------------------------------------------------------------------------------- deck 002


def test_13_deck_002_the_animated_convolution():
    image = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
    assert slide([[1, 0, 1], [0, 1, 0], [1, 0, 1]], image) == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_14_deck_002_50_2_and_a_fifth_of_a_second_are_1_25_and_250_times():
    assert [as_times(50 / seconds) for seconds in (50, 2, 0.2)] == ["1×", "25×", "250×"]


# -------------------------------------------------------------------------------------------------------- deck 003


def test_15_deck_003_6x6_with_kernel_3_stride_2_padding_1_is_3_by_floor_and_does_not_fit_strictly():
    assert output_fraction(6, 3, 2, 2) == 3.5
    assert shapes(conv(1, 3, stride=2, padding=1), image=(1, 6, 6)) == [(1, 3, 3)]


def test_16_deck_003_the_vertical_edge_is_found_by_correlation_and_would_be_minus_30_by_convolution():
    assert slide(EDGE_DOWN, VERTICAL) == [[0, 30, 30, 0]] * 4
    assert convolve2d(VERTICAL, EDGE_DOWN, "valid").tolist() == [[0, -30, -30, 0]] * 4


def test_17_deck_003_the_horizontal_edge_of_the_two_tone_image():
    assert slide(EDGE_ACROSS, TWO_TONE) == [[0, 0, 0, 0], [30, 10, -10, -30], [30, 10, -10, -30], [0, 0, 0, 0]]


def test_18_deck_003_the_5x5_gaussian_is_separable_and_sums_to_256():
    gaussian = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])
    assert gaussian.sum() == 256
    assert slide(gaussian / 256, np.full((5, 5), 7.0)) == [[7.0]]


def test_19_deck_003_the_simple_model_has_17404_parameters():
    analysis = analyse(networks["simple_cnn"](), (1, 28, 28))
    found = [(layer.output, layer.parameters) for layer in analysis.layers if layer.kind not in ("ReLU",)]
    assert found == [((3, 26, 26), 30), ((3, 24, 24), 84), ((1728,), 0), ((10,), 17_290)]
    assert analysis.parameters == 17_404


def test_20_deck_003_a_fifth_of_60000_left_out_makes_480_batches_of_100():
    training = torch.arange(60_000)[: int(60_000 * 0.8)]
    assert (len(training), len(training.split(100))) == (48_000, 480)


def test_21_deck_003_exponentials_and_softmax():
    x = torch.tensor([-2.0, -1, 0, 1, 2])
    assert x.exp().tolist() == pytest.approx([0.1353, 0.3679, 1, 2.7183, 7.3891], abs=5e-5)
    assert x.softmax(0).tolist() == pytest.approx([0.011656, 0.031685, 0.086129, 0.234122, 0.636409], abs=5e-7)


def test_22_deck_003_the_cross_entropy_of_a_sure_answer_is_03():
    loss = nn.functional.nll_loss(torch.tensor([[0.97, 0.02, 0.01]]).log(), torch.tensor([0]))
    assert loss.item() == pytest.approx(0.030459, abs=5e-7)


VALID = nn.Conv2d(3, 64, 3, bias=False)
SEPARABLE = nn.Sequential(nn.Conv2d(3, 3, 3, groups=3, bias=False), nn.Conv2d(3, 64, 1, bias=False))


def test_23_decks_003_004_64_3x3_kernels_on_224x224x3_take_85162752_multiplications():
    assert analyse(VALID, (3, 224, 224)).multiplications == 85_162_752 == conv_multiply_adds((64, 222, 222), (3, 3), 3)
    assert analyse(nn.Conv2d(3, 64, 3, padding=1), (3, 224, 224)).multiplications == 86_704_128


def test_24_deck_003_the_separable_convolution_takes_10793196():
    analysis = analyse(SEPARABLE, (3, 224, 224))
    assert [layer.multiplications for layer in analysis.layers] == [1_330_668, 9_462_528]
    assert analysis.multiplications == 10_793_196
    assert analyse(VALID, (3, 224, 224)).multiplications / 10_793_196 == pytest.approx(7.8904, abs=5e-5)


def test_25_deck_003_the_body_of_mobilenet():
    with torch.device("meta"):
        net = networks["mobilenet_v1"]()
    analysis = analyse(net, (3, 224, 224))
    assert (analysis.parameters, analysis.multiply_adds) == (4_231_976, 568_740_352)
    maps = [layer.output for layer in analysis.layers if layer.kind == "Conv2d"]
    assert maps[:3] == [(32, 112, 112), (32, 112, 112), (64, 112, 112)]
    assert maps[-1] == (1024, 7, 7)


def test_26_deck_003_relu6_of_minus_1_3_and_7():
    assert nn.ReLU6()(torch.tensor([-1.0, 3, 7])).tolist() == [0, 3, 6]


# -------------------------------------------------------------------------------------------------------- deck 004


def test_27_deck_004_2x2_over_3x3_is_a_correlation():
    assert slide(SMALL, COUNTING) == [[19, 25], [37, 43]] == correlate2d(COUNTING, SMALL, "valid").tolist()
    assert convolve2d(COUNTING, SMALL, "valid").tolist() != [[19, 25], [37, 43]]


def test_28_deck_004_with_a_border_of_1():
    expected = [[0, 3, 8, 4], [9, 19, 25, 10], [21, 37, 43, 16], [6, 7, 8, 0]]
    assert slide(SMALL, COUNTING, padding=1) == expected


def test_29_deck_004_with_a_border_of_1_and_strides_of_3_and_2():
    assert slide(SMALL, COUNTING, padding=1, stride=(3, 2)) == [[0, 8], [6, 8]]


def test_30_deck_004_two_channels_are_added_up():
    assert slide(np.stack([SMALL, SMALL + 1]), np.stack([COUNTING, COUNTING + 1])) == [[56, 72], [104, 120]]


def test_31_deck_004_an_even_kernel_is_padded_on_one_side():
    top = np.pad(COUNTING, ((1, 0), (1, 0)))  # as the deck does it: the odd row and column on top and left
    assert slide(SMALL, top) == [[0, 3, 8], [9, 19, 25], [21, 37, 43]]
    assert same_padding(2, upper=True) == (1, 0)
    bottom = slide(SMALL, COUNTING, padding="same")  # as torch and TensorFlow do it
    assert bottom == slide(SMALL, np.pad(COUNTING, ((0, 1), (0, 1)))) == [[19, 25, 10], [37, 43, 16], [7, 8, 0]]


def test_32_deck_004_a_2x1_kernel_on_320x280_against_a_dense_layer():
    kernel = analyse(nn.Conv2d(1, 1, (2, 1), bias=False), (1, 320, 280))
    assert (kernel.layers[0].output, kernel.parameters) == ((1, 319, 280), 2)
    assert kernel.multiplications + kernel.additions == 319 * 280 * 3 == 267_960
    with torch.device("meta"):
        dense = nn.Sequential(nn.Flatten(), nn.Linear(320 * 280, 319 * 280, bias=False))
    analysis = analyse(dense, (1, 320, 280))
    assert (analysis.parameters, analysis.flops) == (8_003_072_000, 16_006_144_000)


def test_33_deck_004_12_megapixels_in_colour_into_100_units_are_3600000000_weights():
    with torch.device("meta"):
        net = stack((3, 3000, 4000), nn.Flatten(), linear(100))
    flatten, fc = analyse(net, (3, 3000, 4000)).layers
    assert (flatten.output, fc.weights) == ((36_000_000,), 3_600_000_000)


def test_34_deck_004_seven_5x5_layers_leave_4_of_32():
    sizes = shapes(*[conv(1, 5) for _ in range(7)], image=(1, 32, 32))
    assert (sizes[0], sizes[-1]) == ((1, 28, 28), (1, 4, 4))


def test_35_deck_004_question_1_7x7_kernel_3_stride_2_is_3x3():
    assert shapes(conv(1, 3, stride=2), image=(1, 7, 7)) == [(1, 3, 3)]


POOLED = torch.tensor([[12.0, 20, 30, 0], [20, 12, 2, 0], [0, 70, 5, 2], [8, 2, 90, 3]])[None, None]


def test_36_deck_004_question_2_average_pooling():
    assert nn.AvgPool2d(2)(POOLED)[0, 0].tolist() == [[16, 8], [20, 25]]


def test_37_deck_004_question_2_max_pooling():
    assert nn.MaxPool2d(2)(POOLED)[0, 0].tolist() == [[20, 30], [70, 90]]


def test_38_deck_004_question_3_only_the_last_answer_counts_maps_and_channels():
    wrong = {"A": 28_387_584, "B": 127_872, "C": 443_556}
    right = analyse(VALID, (3, 224, 224)).multiplications
    assert right == 85_162_752
    assert right not in wrong.values()
    assert right // 3 == wrong["A"]  # without the channels


def test_39_deck_004_question_3_1792_parameters_or_1728_without_biases():
    (layer,) = analyse(nn.Conv2d(3, 64, 3), (3, 224, 224)).layers
    assert (layer.parameters, layer.weights) == (1_792, 1_728)


def test_40_deck_004_2x2_max_pooling_with_stride_1():
    assert nn.MaxPool2d(2, 1)(torch.tensor(COUNTING)[None, None])[0, 0].tolist() == [[4, 5], [7, 8]]


def test_41_deck_004_lenet_has_61706_parameters_and_416520_multiply_adds():
    analysis = analyse(networks["lenet5"](), (1, 28, 28))
    assert (analysis.parameters, analysis.multiply_adds) == (61_706, 416_520)


def test_42_deck_004_the_identity_of_same_padding_with_a_stride():
    for n in range(1, 40):
        for k in range(1, 8):
            for s in range(1, 5):
                assert output_size(n, k, s, k - 1) == (n + s - 1) // s
                if n % s == 0:
                    assert output_size(n, k, s, k - 1) == n // s
