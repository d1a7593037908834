import numpy as np
import pytest
import torch
from loops import applied, gradients_agree, numbers
from torch import nn

from striate.errors import ShapeError
from striate.layers.maxout import Maxout
from striate.rows import linear, output_shape, stack


@pytest.mark.parametrize("shape", [(12,), (6, 5), (6, 3, 4)])
@pytest.mark.parametrize("pieces", [2, 3])
def test_each_output_is_the_largest_of_its_pieces(shape, pieces):
    x = numbers(*shape)

    expected = [np.max([x[m * pieces + piece] for piece in range(pieces)], axis=0) for m in range(shape[0] // pieces)]

    np.testing.assert_array_equal(applied(Maxout(pieces), x), expected)


def test_of_two_linear_pieces_it_can_make_the_absolute_value():
    net = stack((1,), pieces=linear(2, bias=False), out=Maxout(2))
    with torch.no_grad():
        net.pieces.weight.copy_(torch.tensor([[1.0], [-1.0]]))

    x = torch.linspace(-2, 2, 9)[:, None]

    torch.testing.assert_close(net(x), x.abs())


def test_its_gradient_goes_to_the_largest_piece_alone():
    x = torch.tensor([[1.0, 4.0, -2.0, -3.0]], requires_grad=True)
    Maxout(2)(x).sum().backward()

    assert x.grad.tolist() == [[0, 1, 1, 0]]
    assert gradients_agree(Maxout(3), 6, 4)


def test_the_galaxy_network_has_2048_units_of_two_pieces():
    assert output_shape(nn.Sequential(nn.Linear(8192, 4096), Maxout(2)), (8192,)) == (2048,)


def test_maps_that_do_not_divide_are_refused_with_the_number_that_does():
    with pytest.raises(ShapeError, match=r"row 'm': Maxout\(2\) .* has 5 maps\. Let the row above it give 6\."):
        stack((5,), m=Maxout(2))
