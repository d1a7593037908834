"""How the pixels of a batch lie in memory changes how fast they are prepared, and nothing else."""

import pytest
import torch
from torch.nn import functional

from striate.data.preprocess import Preprocess

LAST, FIRST = torch.channels_last, torch.contiguous_format


def pictures(channels, height, width, count=2):
    """(n, c, h, w) uint8 that lie as (n, h, w, c), as a decoder writes them."""
    random = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, height, width, channels), generator=random).to(torch.uint8).permute(0, 3, 1, 2)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(30, 41), (7, 90), (100, 9), (20, 24)])
def test_resized_pixels_are_those_of_torch(interpolation, channels, size):
    preprocess = Preprocess((channels, 20, 24), (0.5,) * channels, (0.5,) * channels, "resize", interpolation)
    given = pictures(channels, *size)
    expected = functional.interpolate(given.contiguous(), (20, 24), mode=interpolation, antialias=True)
    assert torch.equal(preprocess.pixels(given), expected)
    assert torch.equal(preprocess.pixels(given.contiguous()), expected)


@pytest.mark.parametrize("mean", [(0.1, 0.2, 0.3), (0.2, 0.2, 0.2)])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("wanted", [LAST, FIRST], ids=["channels last", "contiguous"])
@pytest.mark.parametrize("given", [LAST, FIRST], ids=["from channels last", "from contiguous"])
def test_normalised_values_are_scaled_then_shifted_in_float32_for_every_layout(mean, kind, dtype, wanted, given):
    std = (0.25, 0.3, 0.35) if mean[0] != mean[1] else (0.25,) * 3
    batch = pictures(3, 20, 24).to(kind).contiguous(memory_format=given)
    before = batch.clone()
    scale = torch.tensor([1 / (255 * s) for s in std]).view(3, 1, 1)
    shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)]).view(3, 1, 1)
    found = Preprocess((3, 20, 24), mean, std, "exact").normalise(batch, dtype, wanted)
    assert torch.equal(found, (batch.float() * scale + shift).to(dtype))
    assert found.is_contiguous(memory_format=wanted)
    assert torch.equal(batch, before)


def test_a_gradient_passes_through_normalising():
    batch = pictures(3, 20, 24).float().requires_grad_()
    Preprocess((3, 20, 24), (0.1, 0.2, 0.3), (0.25, 0.5, 1.0), "exact").normalise(
        batch, memory_format=LAST
    ).sum().backward()
    expected = torch.tensor([1 / (255 * s) for s in (0.25, 0.5, 1.0)]).view(3, 1, 1).expand(2, 3, 20, 24)
    assert torch.allclose(batch.grad, expected)
