"""Where the five lecture decks (000 to 004) are wrong, and what is right, where a number can decide it."""

import pytest
import torch
from scipy.signal import correlate2d
from torch import nn

from striate.analysis.analyse import analyse
from striate.arithmetic import conv_parameters, output_fraction, output_size, same_padding
from striate.zoo import networks


def numbers(name: str, side: int | None = None) -> tuple[int, int]:
    """Parameters and multiply-adds of a network of the zoo."""
    image = networks[name].facts.image if side is None else (3, side, side)
    with torch.device("meta"):
        analysis = analyse(networks[name](image=image), image)
    return analysis.parameters, analysis.multiply_adds


def test_deck_003_calls_amoebanet_c_and_a_amoebanet_b():
    """Its 155.3 M and 41.1 G are C, its 86.7 M and 23.1 G are A; B at 228 filters has 112.9 M."""
    assert numbers("amoebanet_c") == (155_272_667, 41_129_488_875)
    assert numbers("amoebanet_a") == (86_718_797, 23_133_663_507)
    assert numbers("amoebanet_b_228")[0] == 112_908_531


def test_deck_003_gives_senet_154_too_many_parameters_and_the_right_multiply_adds():
    parameters, multiply_adds = numbers("senet154", 320)
    assert parameters == 115_088_984  # the deck: 145.8 M
    assert round(multiply_adds / 1e9, 1) == 42.2


def test_deck_003_counts_the_multiply_adds_of_inception_resnet_v2_too_low():
    assert numbers("inception_resnet_v2")[1] == 13_155_794_016  # the deck: 11.75 G


def test_deck_003_calls_multiply_adds_flops():
    """Its columns "Mult-Adds" and "FLOPS(G)" are one quantity; ours are 1 to 2."""
    analysis = analyse(nn.Conv2d(3, 64, 3), (3, 224, 224))
    assert analysis.flops == 2 * analysis.multiply_adds


def test_deck_003_prints_stride_2_for_the_last_depthwise_layer_of_mobilenet():
    """With it the 7x7 map of its own next line would be 4x4."""
    assert output_size(7, 3, 2, 2) == 4
    assert output_size(7, 3, 1, 2) == 7


def test_deck_003_shows_the_horizontal_edges_of_another_image():
    vertical, across = [[10, 10, 10, 0, 0, 0]] * 6, [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]
    assert not correlate2d(vertical, across, "valid").any()


def test_deck_000_adds_the_bias_to_760_again():
    assert conv_parameters((5, 5), 3, 10) == 10 * (5 * 5 * 3 + 1) == 760


def test_deck_000_leaks_ten_times_as_much_as_torch():
    assert nn.LeakyReLU().negative_slope == 0.01
    assert nn.LeakyReLU(0.1)(torch.tensor(-1.0)).item() == pytest.approx(-0.1)


@pytest.mark.parametrize(("padding", "exact"), [(0, 14.5), (1, 15.5), (2, 16.5)])
def test_deck_000_asks_for_a_padding_that_does_not_exist(padding, exact):
    assert output_fraction(32, 5, 2, 2 * padding) == exact


def test_deck_001_halves_the_kernel_for_same_padding_which_only_odd_ones_allow():
    for kernel in (1, 3, 5, 7, 9, 11):
        assert same_padding(kernel) == (kernel // 2, kernel // 2)
        assert output_size(20, kernel, padding=2 * (kernel // 2)) == 20
    for kernel in (2, 4, 6):
        before, after = same_padding(kernel)
        assert before != after
        assert output_size(20, kernel, padding=2 * (kernel // 2)) == 21


def test_deck_001_leaves_the_biases_out_once():
    assert conv_parameters((5, 5), 3, 6, bias=False) == 450
    assert conv_parameters((5, 5), 3, 6) == 456


def test_deck_004_pads_by_rows_in_all_and_torch_by_rows_on_a_side():
    assert output_size(3, 2, padding=2) == 4 == nn.Conv2d(1, 1, 2, padding=1)(torch.zeros(1, 1, 3, 3)).shape[-1]
    assert output_size(3, 2, padding=1) == 3
