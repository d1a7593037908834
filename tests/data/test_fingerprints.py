import hashlib

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from striate.data.fingerprints import FINGERPRINT, fingerprint, lowest_cosines
from striate.errors import DataError


def noise(*shape, seed=0):
    return torch.randint(256, shape, generator=torch.Generator().manual_seed(seed)).to(torch.uint8)


class TestCosines:
    @pytest.mark.parametrize("shape", [(1, 40, 57), (3, 16, 16), (1, 900, 1200)])
    def test_are_those_of_scipy(self, shape):
        pixels = noise(*shape).numpy()
        theirs = dctn(pixels.astype(float), axes=(1, 2), norm="ortho")[:, :16, :16] / np.sqrt(shape[1] * shape[2])
        assert np.allclose(lowest_cosines(pixels), theirs, atol=2e-3)

    def test_of_grey_are_of_the_luma_of_the_standard(self):
        colour = fingerprint(noise(3, 20, 30))
        theirs = dctn(np.tensordot([0.299, 0.587, 0.114], noise(3, 20, 30).numpy(), 1), norm="ortho")
        assert np.allclose(colour["grey"], theirs[:16, :16] / np.sqrt(600), atol=0.1)

    def test_across_change_but_their_sign_when_the_picture_is_mirrored(self):
        there, mirrored = fingerprint(noise(3, 20, 30)), fingerprint(noise(3, 20, 30).flip(2))
        signs = (-1.0) ** np.arange(16)
        assert np.allclose(there["grey"], mirrored["grey"] * signs, atol=0.05)
        assert np.allclose(there["colour"], mirrored["colour"] * signs[:4], atol=0.05)


class TestDigests:
    def test_are_of_the_bytes_of_the_file_and_of_the_pixels(self):
        made = fingerprint(noise(3, 8, 9), b"a file")
        assert made["file"].tobytes() == hashlib.blake2b(b"a file", digest_size=16).digest()
        assert np.array_equal(made["pixels"], fingerprint(noise(3, 8, 9), b"another")["pixels"])
        assert not np.array_equal(made["pixels"], fingerprint(noise(3, 8, 9, seed=1), b"a file")["pixels"])

    def test_tell_shapes_apart_whose_bytes_are_the_same(self):
        assert not np.array_equal(fingerprint(noise(1, 8, 9))["file"], fingerprint(noise(1, 9, 8))["file"])

    def test_of_grey_pixels_are_those_of_the_same_in_three_channels(self):
        grey = noise(1, 8, 9)
        assert fingerprint(grey) == fingerprint(grey.expand(3, -1, -1))

    def test_do_not_depend_on_how_the_pixels_lie_in_memory(self):
        pixels = noise(3, 8, 9)
        assert fingerprint(pixels) == fingerprint(pixels.permute(1, 2, 0).contiguous().permute(2, 0, 1))


def test_a_fingerprint_has_616_bytes_and_knows_the_size():
    made = fingerprint(noise(1, 8, 9))
    assert made.shape == ()
    assert made.dtype == FINGERPRINT
    assert made.nbytes == 616
    assert made["size"].tolist() == [8, 9]


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 5000)])
def test_a_picture_of_few_pixels_has_one(shape):
    assert fingerprint(noise(1, *shape))["size"].tolist() == list(shape)


def test_the_pixels_are_left_as_they_are():
    pixels = noise(3, 8, 9)
    fingerprint(pixels)
    assert torch.equal(pixels, noise(3, 8, 9))


@pytest.mark.parametrize("pixels", [noise(2, 5, 5), noise(5, 5), noise(3, 5, 5).float(), noise(1, 0, 5)])
def test_anything_but_grey_or_rgb_pixels_is_refused(pixels):
    with pytest.raises(DataError, match=r"a picture has .* pixels of (uint8|float32); a fingerprint needs"):
        fingerprint(pixels)
