"""Branches side by side: what they give, their keys, and what they refuse."""

import pytest
import torch
from torch import nn

from striate.errors import ShapeError
from striate.layers.branches import Branches, branches, chain
from striate.rows import conv, stack


def test_branches_join_what_each_gives_for_the_same_input_in_the_order_written():
    net = Branches(
        (3, 6, 5), small=conv(2, 1), pool=nn.MaxPool2d(3, 1, 1), wide=chain(conv(4, 1), conv(5, 3, padding=1))
    )
    x = torch.randn(2, 3, 6, 5)

    expected = torch.cat([net.small(x), x, net.wide[1](net.wide[0](x))], 1)
    expected[:, 2:5] = nn.functional.max_pool2d(x, 3, 1, 1)

    torch.testing.assert_close(net(x), expected, rtol=0, atol=0)
    assert net.maps == 10


def test_the_layers_of_a_mapping_run_in_turn_and_have_their_keys_side_by_side():
    net = Branches((3, 6, 6), {"one": conv(2, 1)}, {"long_1": conv(4, 1), "long_2": conv(5, 3, padding=1)})
    x = torch.randn(2, 3, 6, 6)

    assert {key.split(".")[0] for key in net.state_dict()} == {"one", "long_1", "long_2"}
    torch.testing.assert_close(net(x), torch.cat([net.one(x), net.long_2(net.long_1(x))], 1), rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(3, 9), (3, 6, 7), (3, 4, 5, 6)], ids=["1-D", "2-D", "3-D"])
def test_branches_take_signals_pictures_and_volumes(shape):
    net = Branches(shape, one=conv(2, 1), three=conv(4, 3, padding=1))

    assert net(torch.randn(2, *shape)).shape == (2, 6, *shape[1:])


def test_branches_of_different_sizes_are_refused_with_their_shapes_and_the_row():
    with pytest.raises(ShapeError, match=r"row 'mixed': its branches give 2x8x8, 4x6x6, .*padding that keeps its size"):
        stack((3, 8, 8), mixed=branches(one=conv(2, 1), three=conv(4, 3)))


def test_a_row_that_does_not_fit_inside_a_branch_is_named_with_its_path():
    with pytest.raises(ShapeError, match=r"row 'mixed\.wide\.1': .*looks through a window of 9"):
        stack((3, 8, 8), mixed=branches(one=conv(2, 1), wide=chain(conv(2, 1), conv(4, 9))))
