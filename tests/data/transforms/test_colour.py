import colorsys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.data.transforms.colour import jitter, random_factors
from striate.data.transforms.draws import uniform


def factors(bright=1.0, contrast=1.0, saturation=1.0, hue=0.0):
    return torch.tensor([[bright, contrast, saturation, hue]])


@pytest.mark.parametrize("factor", [0.0, 0.5, 0.9, 1.0, 1.3])
class TestEachIsThatOfTorchvision:
    def picture(self):
        return torch.rand(1, 3, 8, 9, generator=torch.Generator().manual_seed(0))

    def test_brightness(self, peer, factor):
        ours = jitter(self.picture(), factors(bright=factor), white=1)
        assert torch.allclose(ours, peer.adjust_brightness(self.picture(), factor), atol=1e-5)

    def test_contrast(self, peer, factor):
        ours = jitter(self.picture(), factors(contrast=factor), white=1)
        assert torch.allclose(ours, peer.adjust_contrast(self.picture(), factor), atol=1e-3)

    def test_contrast_of_grey(self, peer, factor):
        ours = jitter(self.picture()[:, :1], factors(contrast=factor), white=1)
        assert torch.allclose(ours, peer.adjust_contrast(self.picture()[:, :1], factor), atol=1e-5)

    def test_saturation(self, peer, factor):
        ours = jitter(self.picture(), factors(saturation=factor), white=1)
        assert torch.allclose(ours, peer.adjust_saturation(self.picture(), factor), atol=1e-3)


class TestHue:
    @pytest.mark.parametrize("turns", [-0.5, -0.1, 0.03, 0.25])
    def test_is_turned_in_the_plane_of_i_and_q(self, turns):
        pixels = 0.4 + 0.2 * np.random.default_rng(0).random((5, 3))  # so that nothing leaves the range
        ours = jitter(torch.tensor(pixels).T.reshape(1, 3, 1, 5).float(), factors(hue=turns), white=1)
        for pixel, changed in zip(pixels, ours[0, :, 0].T.tolist(), strict=True):
            y, i, q = colorsys.rgb_to_yiq(*pixel)
            there = complex(i, q) * np.exp(2j * np.pi * turns)
            assert changed == pytest.approx(colorsys.yiq_to_rgb(y, there.real, there.imag), abs=0.01)

    def test_leaves_grey_as_it_is(self, noise):
        grey = noise(1, 1, 8, 8).expand(-1, 3, -1, -1)
        changed = jitter(grey, factors(hue=0.3, saturation=1.5))
        assert (changed.int() - grey.int()).abs().max() <= 1


@given(st.lists(st.floats(0, 2), min_size=3, max_size=3), st.floats(-0.5, 0.5), st.sampled_from([1, 3]))
def test_all_at_once_are_one_after_the_other_where_nothing_leaves_the_range(three, hue, channels):
    picture = 0.5 + 0.01 * torch.rand(1, channels, 4, 4, generator=torch.Generator().manual_seed(0))
    bright, contrast, saturation = three
    steps = jitter(picture, factors(hue=hue), white=2)
    steps = jitter(steps, factors(saturation=saturation), white=2)
    steps = jitter(steps, factors(bright=bright), white=2)
    steps = jitter(steps, factors(contrast=contrast), white=2)
    assert torch.allclose(jitter(picture, factors(*three, hue), white=2), steps, atol=1e-5)


def test_a_picture_far_too_bright_is_white():
    assert jitter(torch.full((1, 3, 2, 2), 200, dtype=torch.uint8), factors(bright=2)).unique().tolist() == [255]


def test_random_factors_lie_about_1_and_hue_about_0():
    drawn = random_factors(uniform(0, 1, torch.arange(10_000), "jitter", 4), 0.4)
    assert drawn.min(0).values.tolist() == pytest.approx([0.6, 0.6, 0.6, -0.1], abs=1e-3)
    assert drawn.max(0).values.tolist() == pytest.approx([1.4, 1.4, 1.4, 0.1], abs=1e-3)
