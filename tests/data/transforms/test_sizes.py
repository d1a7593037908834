"""Resize and crops."""

import io

import numpy as np
import PIL.Image
import pytest
import torch
from scipy import stats

from striate.data.transforms.boxes import TRIES
from striate.data.transforms.crop import centre, crop, random_crops
from striate.data.transforms.draws import uniform
from striate.data.transforms.resize import resize


def draws(count, seed=0):
    return uniform(seed, 1, torch.arange(count), "crop", 4 * TRIES)


class TestResize:
    @pytest.mark.parametrize("size", [(20, 30), (7, 5), (90, 11)])
    @pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
    def test_is_that_of_pillow_with_antialias(self, smooth, size, interpolation):
        batch = smooth(2, 3, 40, 50)
        filter = PIL.Image.Resampling[interpolation.upper()]
        for ours, picture in zip(resize(batch, size, interpolation), batch, strict=True):
            image = PIL.Image.fromarray(picture.permute(1, 2, 0).numpy())
            theirs = np.array(image.resize(size[::-1], filter)).astype(int)
            assert np.abs(ours.permute(1, 2, 0).numpy() - theirs).max() <= 1

    def test_of_stripes_finer_than_the_pixels_is_their_mean(self):
        stripes = (torch.arange(64) % 2 * 200).to(torch.uint8).expand(1, 1, 64, 64)
        assert (resize(stripes, (8, 8)).int() - 100).abs().max() <= 4


class TestCentre:
    @pytest.mark.parametrize("size", [(5, 5), (4, 6), (9, 7), (1, 1), (12, 3), (11, 12)])
    def test_is_that_of_torchvision(self, peer, noise, size):
        batch = noise(2, 3, 9, 7)
        assert torch.equal(centre(batch, size), peer.center_crop(batch, list(size)))

    def test_of_a_smaller_picture_has_the_fill_around_it(self):
        assert centre(torch.ones(1, 1, 1, 1), (3, 3), fill=5).flatten().tolist() == [5, 5, 5, 5, 1, 5, 5, 5, 5]


class TestCrop:
    def test_is_that_of_torchvision(self, peer, smooth):
        batch = smooth(6, 3, 40, 50)
        boxes = random_crops(draws(6), (40, 50), least=0.1)
        for ours, picture, box in zip(crop(batch, boxes, (24, 24)), batch, boxes.tolist(), strict=True):
            theirs = peer.resized_crop(picture, *box, [24, 24], antialias=True)
            assert (ours.int() - theirs.int()).abs().max() <= 1

    def test_of_the_size_wanted_is_cut_out_to_the_bit(self, noise):
        batch = noise(1, 3, 9, 9)
        assert torch.equal(crop(batch, torch.tensor([[2, 3, 5, 4]]), (5, 4)), batch[..., 2:7, 3:7])


class TestRandomCrops:
    @pytest.mark.parametrize("size", [(375, 500), (40, 40), (500, 100), (3, 200), (1, 1)])
    def test_lie_within_the_picture(self, size):
        top, left, height, width = random_crops(draws(5000), size, least=0.08).T
        assert (top >= 0).all()
        assert (left >= 0).all()
        assert (height >= 1).all()
        assert (width >= 1).all()
        assert (top + height <= size[0]).all()
        assert (left + width <= size[1]).all()

    def test_have_the_areas_and_ratios_of_torchvision(self, peer):
        from torchvision.transforms import RandomResizedCrop

        ours = random_crops(draws(4000), (300, 400), least=0.08).double()
        state = torch.get_rng_state()
        torch.manual_seed(0)
        picture = torch.empty(1, 300, 400)
        theirs = torch.tensor(
            [RandomResizedCrop.get_params(picture, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)]
        ).double()
        torch.set_rng_state(state)
        for measure in (lambda b: b[:, 2] * b[:, 3], lambda b: b[:, 3] / b[:, 2], lambda b: b[:, 0], lambda b: b[:, 1]):
            assert stats.ks_2samp(measure(ours).numpy(), measure(theirs).numpy()).pvalue > 1e-3

    def test_of_a_picture_much_too_wide_are_the_widest_allowed_in_the_middle(self):
        assert random_crops(draws(3), (30, 3000), least=0.9).tolist() == [[0, 1480, 30, 40]] * 3
        assert random_crops(draws(3), (3000, 30), least=0.9).tolist() == [[1480, 0, 40, 30]] * 3

    def test_of_the_whole_area_of_a_square_are_the_square(self):
        assert (
            random_crops(torch.full((2, 4 * TRIES), 0.5, dtype=torch.float64), (32, 32), least=1).tolist()
            == [[0, 0, 32, 32]] * 2
        )


def test_a_picture_out_of_a_jpeg_is_resized_in_its_own_layout():
    stream = io.BytesIO()
    PIL.Image.fromarray(np.full((40, 60, 3), 99, np.uint8)).save(stream, "JPEG")
    pixels = torch.from_numpy(np.array(PIL.Image.open(stream))).permute(2, 0, 1)[None]
    assert resize(pixels, (20, 30)).is_contiguous(memory_format=torch.channels_last)
