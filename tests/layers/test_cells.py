import numpy as np
import pytest
import torch
from loops import applied, arrays, correlated, gradients_agree, numbers
from torch import nn

from striate.layers.cells import Cell, FactorizedReduction, pooled, same_maps, separable_twice
from striate.layers.same_padding import SameMaxPool2d
from striate.rows import output_shape

DOUBLED = {"same": lambda width, stride: nn.Identity(), "max2": lambda width, stride: SameMaxPool2d(2, stride)}


def plain(layer: nn.Module) -> nn.Module:
    """The layer with batch normalisations that change nothing."""
    for part in layer.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps = 0.0
    return layer.eval()


@pytest.mark.parametrize("out", [6, 7])
@pytest.mark.parametrize("size", [(6, 6), (7, 9)])
def test_a_factorised_reduction_takes_every_second_pixel_and_those_to_their_lower_right(size, out):
    layer, x = plain(FactorizedReduction((3, *size), out, nn.ReLU())), numbers(3, *size)

    found = applied(layer, x)

    height, width = ((n + 1) // 2 for n in size)
    seen = np.pad(np.maximum(x, 0), [(0, 0), (0, 2), (0, 2)])
    first, second = (seen[:, s : s + 2 * height : 2, s : s + 2 * width : 2] for s in (0, 1))
    state = arrays(layer)
    weights = state["path_1.conv.weight"], state["path_2.conv.weight"]
    halves = [correlated(half, w, np.zeros(len(w))) for half, w in zip((first, second), weights, strict=True)]
    np.testing.assert_allclose(found, np.concatenate(halves), atol=1e-12)
    assert [len(w) for w in weights] == [out // 2, out - out // 2]


def test_a_cell_adds_its_pairs_and_joins_the_states_it_names():
    pairs = (("same", 0, "same", 1), ("same", 2, "same", 0), ("same", 3, "same", 3))
    cell = Cell((4, 5, 5), (4, 5, 5), width=4, pairs=pairs, join=(1, 3, 4), operations=DOUBLED).double().eval()
    last, before = torch.randn(2, 1, 4, 5, 5, dtype=torch.float64)

    h, p = cell.conv_1x1(last), before  # the one before has the width and the size already

    torch.testing.assert_close(cell(last, before), torch.cat([p, h + p + h, 2 * (h + p + h)], 1))


def test_a_striding_cell_strides_on_its_inputs_alone_and_reduces_an_input_that_it_joins():
    pairs = (("max2", 0, "max2", 1), ("same", 2, "max2", 0))
    cell = Cell((4, 6, 6), (3, 6, 6), width=4, pairs=pairs, join=(0, 2, 3), operations=DOUBLED, stride=2)

    assert output_shape(cell, (4, 6, 6), (3, 6, 6)) == cell.output == (12, 3, 3)
    assert isinstance(cell.reduction_0, FactorizedReduction)


def test_the_input_before_the_last_is_squeezed_reduced_or_left_as_it_is():
    def squeezing(before):
        cell = Cell((4, 6, 6), before, width=8, pairs=(("same", 0, "same", 0),), join=(2,), operations=DOUBLED)
        return type(cell.conv_prev_1x1)

    assert squeezing((5, 6, 6)) is nn.Sequential
    assert squeezing((5, 12, 12)) is FactorizedReduction
    assert squeezing((8, 6, 6)) is squeezing(None) is nn.Identity


def test_an_operation_that_cannot_keep_its_input_convolves_it():
    assert isinstance(same_maps(4, 1)((4, 6, 6)), nn.Identity)
    assert output_shape(same_maps(4, 2)((4, 7, 7)), (4, 7, 7)) == (4, 4, 4)
    assert [name for name, _ in pooled(nn.MaxPool2d(2), 4)((3, 6, 6)).named_children()] == ["max_pool", "conv", "bn"]


def test_a_separable_convolution_twice_has_the_weights_of_two():
    layer = separable_twice(5, 8, 2)((4, 9, 9))

    assert {name: tuple(p.shape) for name, p in layer.named_parameters() if p.ndim > 1} == {
        "separable_1.depthwise_conv2d.weight": (4, 1, 5, 5),
        "separable_1.pointwise_conv2d.weight": (8, 4, 1, 1),
        "separable_2.depthwise_conv2d.weight": (8, 1, 5, 5),
        "separable_2.pointwise_conv2d.weight": (8, 8, 1, 1),
    }
    assert output_shape(layer, (4, 9, 9)) == (8, 5, 5)


def test_the_gradients_of_a_factorised_reduction_are_those_of_small_differences():
    assert gradients_agree(FactorizedReduction((2, 5, 5), 3, nn.ReLU()).eval(), 2, 5, 5)
