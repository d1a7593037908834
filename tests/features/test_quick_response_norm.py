"""Response norm over channels that lie last is torch's."""

import pytest
import torch
from torch import nn

from striate.features.quick_response_norm import QuickResponseNorm


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
@pytest.mark.parametrize(("alpha", "beta", "k"), [(1e-4, 0.75, 1.0), (0.5, 0.75, 2.0), (0.3, 0.5, 1.5)])
def test_it_gives_what_torch_gives(size, alpha, beta, k):
    torch.manual_seed(0)
    norm = nn.LocalResponseNorm(size, alpha, beta, k)
    for shape in ((2, 7, 5, 6), (1, 3, 1, 1), (3, 16, 4, 9)):
        x = 4 * torch.randn(shape)
        wanted = norm(x)
        for given in (x, x.contiguous(memory_format=torch.channels_last)):
            found = QuickResponseNorm(norm)(given)
            assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-6)
        low = QuickResponseNorm(norm)(x.bfloat16())
        assert low.dtype == torch.bfloat16
        assert torch.allclose(low.float(), wanted, rtol=0.02, atol=0.02)
