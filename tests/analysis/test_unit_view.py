"""What single units see, against what changes them."""

import pytest
import torch
from torch import nn

from striate.analysis.unit_view import unit_view
from striate.errors import ConfigError


def changed_by(net, layer, size, place):
    """((first, last) row, (first, last) column) of the pixels that have a slope at the unit, summed over channels."""
    kept = []
    hook = net.get_submodule(layer).register_forward_hook(lambda module, given, output: kept.append(output))
    image = torch.rand(1, 1, *size, requires_grad=True)
    net(image)
    hook.remove()
    kept[-1][(0, slice(None), *place)].sum().backward()
    rows, columns = (image.grad[0, 0].abs().sum(1 - axis).nonzero()[:, 0].tolist() for axis in (0, 1))
    return (rows[0], rows[-1]), (columns[0], columns[-1])


@pytest.mark.parametrize("place", [(0, 0), (2, 5), (5, 0), (5, 6)])
def test_a_unit_sees_the_pixels_that_change_it_at_the_border_too(place):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 5, stride=2, padding=2), nn.Conv2d(3, 4, 3, padding=1), nn.AvgPool2d(2),
        nn.Upsample(scale_factor=1.5), nn.Conv2d(4, 2, 3),
    )  # fmt: skip
    size = (24, 28)
    (found,) = unit_view(net, (1, *size), "2", [place])
    assert found.seen == changed_by(net, "2", size, place)


def test_a_block_is_what_its_last_layer_is():
    net = nn.Sequential(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)), nn.Flatten(), nn.Linear(36, 2))
    (block,) = unit_view(net, (1, 10, 10), "0", [(0, 1)])
    assert (block.seen, block.size) == (((0, 4), (1, 5)), (5, 5))
    (vector,) = unit_view(net, (1, 10, 10), "2", [()])
    assert vector.seen == ((0, 9), (0, 9))


def test_a_layer_that_no_picture_meets_is_told():
    net = nn.Sequential(nn.Conv2d(1, 1, 3))
    net[0].spare = nn.Conv2d(1, 1, 1)
    with pytest.raises(ConfigError, match=r"what layer '0.spare' sees of the picture is not known"):
        unit_view(net, (1, 8, 8), "0.spare", [(0, 0)])
