"""The fast 2x2 max-pool against torch's own, to the bit."""

import pytest
import torch
from torch import nn

from striate.training.fast_pool import fast_pools, fits, pool

FORMATS = (torch.contiguous_format, torch.channels_last)


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("number", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("size", [(2, 2), (28, 28), (7, 9), (10, 3)])
def test_values_and_gradients_equal_torchs_even_where_pixels_tie(size, number, layout):
    coin = torch.Generator().manual_seed(0)
    image = torch.randint(-2, 3, (3, 5, *size), generator=coin).to(number).contiguous(memory_format=layout)
    ours, theirs = (image.clone(memory_format=torch.preserve_format).requires_grad_() for _ in range(2))
    gradient = torch.randn(3, 5, size[0] // 2, size[1] // 2, generator=coin).to(number)
    a, b = pool(ours), nn.functional.max_pool2d(theirs, 2)
    a.backward(gradient)
    b.backward(gradient)
    assert torch.equal(a, b)
    assert torch.equal(ours.grad, theirs.grad)


def test_only_plain_two_by_two_pools_are_replaced():
    assert fits(nn.MaxPool2d(2))
    assert fits(nn.MaxPool2d((2, 2), stride=2))
    for other in (
        nn.MaxPool2d(3, 2),
        nn.MaxPool2d(2, 1),
        nn.MaxPool2d(2, padding=1),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.MaxPool2d(2, return_indices=True),
        nn.AvgPool2d(2),
    ):
        assert not fits(other)


def test_the_modules_are_torchs_again_afterwards():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2))
    x = torch.randn(1, 1, 8, 8)
    before = net(x)
    with fast_pools(net):
        assert net[1].forward is pool
        assert torch.equal(net(x), before)
    assert "forward" not in vars(net[1])
