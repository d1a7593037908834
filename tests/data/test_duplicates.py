import io
from collections import Counter
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from striate.data.duplicates import Pair, groups, pairs
from striate.data.fingerprints import FINGERPRINT, fingerprint
from striate.data.resemblance import alike

PHOTOGRAPHS = (Path(__file__).parents[2] / "../shared/data/caltech10").resolve()
DRAW = np.random.default_rng(0)


def print_of(image, contents=None):
    pixels = np.array(image)
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return fingerprint(torch.from_numpy(np.ascontiguousarray(pixels)), contents)


def prints_of(images):
    return np.stack([print_of(image) for image in images])


def jpeg(image, quality=50):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return PIL.Image.open(io.BytesIO(stream.getvalue()))


def half(image, filter=PIL.Image.Resampling.BILINEAR):
    return image.resize((image.width // 2, image.height // 2), filter)


def mirrored(image):
    return image.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT)


COPIES = {
    "quality 50": (jpeg, "re-encoded"),
    "half": (half, "resized"),
    "half by Lanczos": (lambda image: half(image, PIL.Image.Resampling.LANCZOS), "resized"),
    "mirrored": (mirrored, "mirrored"),
    "half at quality 50": (lambda image: jpeg(half(image)), "resized"),
    "mirrored at quality 50": (lambda image: jpeg(mirrored(image)), "mirrored"),
    "mirrored, half, quality 50": (lambda image: jpeg(half(mirrored(image))), "mirrored"),
}


def smooth(count, height=60, width=80, seed=0):
    """Pictures that vary as photographs do, each frequency by its inverse."""
    draw = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width
    falls = 1 / np.maximum(np.hypot(rows, columns), 1)
    waves = (
        draw.standard_normal((count, 3, *falls.shape)) + 1j * draw.standard_normal((count, 3, *falls.shape))
    ) * falls
    grown = np.fft.irfft2(waves, (height, width))
    levels = 128 + 45 * grown / grown.std((1, 2, 3), keepdims=True)
    return [PIL.Image.fromarray(x) for x in levels.clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)]


@pytest.fixture(scope="module")
def photographs():
    files = sorted(PHOTOGRAPHS.glob("*/*.jpg"))[::6]
    if not files:
        pytest.skip("the photographs of ../shared/data/caltech10 are not here")
    return [PIL.Image.open(file).convert("RGB") for file in files]


@pytest.fixture(scope="module")
def digits():
    from striate.data.sets.digits import digits

    return digits().whole().images


def recall(images, change):
    """How many of the changed copies are told, of what kind, beside what is told of the pictures themselves."""
    both = np.concatenate([prints_of(images), prints_of([change(image) for image in images])])
    found = pairs(both, [0] * len(images) + [1] * len(images))
    told = [pair.kind for pair in found if pair.b - pair.a == len(images)]
    return len(told) / len(images), Counter(told), len(found) - len(told)


class TestCopiesAreFound:
    @pytest.mark.parametrize("copy", COPIES)
    def test_of_photographs_nearly_all(self, photographs, copy):
        change, kind = COPIES[copy]
        share, kinds, others = recall(photographs, change)
        assert share >= 0.99
        assert set(kinds) == {kind}
        assert others <= 6  # the same piano twice, and its copy

    @pytest.mark.parametrize("copy", COPIES)
    def test_of_photographs_of_32_by_32_pixels_at_least_95_in_100(self, photographs, copy):
        share, _, _ = recall(
            [image.resize((32, 32), PIL.Image.Resampling.BILINEAR) for image in photographs], COPIES[copy][0]
        )
        assert share >= 0.95

    @pytest.mark.parametrize("copy", COPIES)
    def test_of_digits_at_least_95_in_100(self, digits, copy):
        images = [PIL.Image.fromarray(x[0].numpy()) for x in digits[::25]]
        assert recall(images, COPIES[copy][0])[0] >= 0.95

    @pytest.mark.parametrize("copy", COPIES)
    def test_of_made_up_pictures_all(self, copy):
        share, kinds, others = recall(smooth(60), COPIES[copy][0])
        assert share == 1
        assert set(kinds) == {COPIES[copy][1]}
        assert others == 0

    def test_at_twice_the_size_and_in_another_shape(self):
        assert recall(smooth(40), lambda image: image.resize((160, 120)))[0] == 1
        assert recall(smooth(40), lambda image: image.resize((64, 64)))[0] == 1


class TestPicturesThatDifferAreLeftAlone:
    def found(self, images):
        """Pairs told for 10,000 that there are."""
        count = len(images)
        return len(alike(prints_of(images)).first) / (count * (count - 1) / 2) * 10_000

    def test_photographs(self, photographs):
        assert self.found(photographs) <= 1

    def test_the_5000_digits(self, digits):
        assert len(pairs(np.stack([fingerprint(x) for x in digits]))) <= 2

    def test_digits_of_8_by_8_pixels(self):
        from sklearn.datasets import load_digits

        images = (load_digits().images * 255 / 16).round().astype(np.uint8)
        assert len(pairs(np.stack([fingerprint(torch.from_numpy(x)[None]) for x in images]))) <= 4

    def test_made_up_pictures(self):
        assert self.found(smooth(400)) == 0

    def test_nearly_uniform_pictures(self):
        levels = DRAW.integers(10, 245, 300)[:, None, None] + DRAW.normal(0, 2, (300, 60, 80))
        assert self.found([PIL.Image.fromarray(x.round().astype(np.uint8)) for x in levels]) == 0

    def test_ramps_from_a_grey_to_another(self):
        ends = DRAW.integers(0, 256, (300, 2))
        ramps = np.linspace(ends[:, 0], ends[:, 1], 60, axis=1)[:, :, None].repeat(80, 2)
        assert self.found([PIL.Image.fromarray(x.round().astype(np.uint8)) for x in ramps]) <= 1

    def test_line_drawings(self):
        from PIL import ImageDraw

        images = [PIL.Image.new("L", (100, 100), 255) for _ in range(400)]
        for image in images:
            for ends in DRAW.integers(10, 90, (3, 4)):
                ImageDraw.Draw(image).line(tuple(ends.tolist()), 0, 1)
        assert self.found(images) <= 1

    def test_the_same_picture_in_another_colour(self):
        (image,) = smooth(1)
        other = PIL.Image.merge("RGB", image.split()[::-1])
        darker = image.point(lambda level: level - 20 if level > 20 else 0)
        assert pairs(prints_of([image, other, darker])) == []


class TestKinds:
    def test_a_file_saved_again_without_loss_has_the_same_pixels(self):
        (image,) = smooth(1)
        prints = np.stack([print_of(image, b"one file"), print_of(image, b"another"), print_of(image, b"one file")])
        assert pairs(prints) == [Pair(0, 1, "same pixels"), Pair(0, 2, "exact")]

    def test_a_copy_of_a_copy_is_told_as_a_copy_of_the_first(self):
        (image,) = smooth(1)
        prints = prints_of([image, jpeg(image), half(image), mirrored(image), image])
        kinds = ["re-encoded", "resized", "mirrored", "exact"]
        assert pairs(prints) == [Pair(0, at, kind) for at, kind in enumerate(kinds, 1)]

    def test_uniform_pictures_are_exact_or_nothing(self):
        uniform = [PIL.Image.new("L", (30, 20), level) for level in (0, 0, 1, 255)]
        assert pairs(prints_of(uniform)) == [Pair(0, 1, "exact")]

    def test_no_picture_and_one_have_none(self):
        assert pairs(np.zeros(0, FINGERPRINT)) == []
        assert pairs(prints_of(smooth(1))) == []


class TestManyCopies:
    def test_of_one_file_are_told_once_each(self):
        prints = np.repeat(prints_of(smooth(2)), 1000)
        assert pairs(prints) == [Pair(first, first + at, "exact") for first in (0, 1000) for at in range(1, 1000)]

    def test_that_only_look_alike_are_told_once_each_too(self):
        prints = np.repeat(prints_of(smooth(1)), 2000)
        prints["file"] = prints["pixels"] = np.arange(4000).reshape(2000, 2)
        assert pairs(prints) == [Pair(0, at, "re-encoded") for at in range(1, 2000)]

    def test_are_each_told_with_the_first_of_every_part(self):
        prints = np.repeat(prints_of(smooth(1)), 6)
        assert {(p.a, p.b) for p in pairs(prints, [7, 7, 7, 9, 9, 7])} == {
            (0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 3), (2, 3), (3, 4), (3, 5),
        }  # fmt: skip

    @pytest.mark.parametrize("seed", range(5))
    def test_whatever_leaks_from_one_part_to_another_is_told_with_a_picture_of_it(self, seed):
        draw = np.random.default_rng(seed)
        images = smooth(5)
        changes = [lambda image: image, jpeg, half, mirrored, lambda image: jpeg(image, 80)]
        which, how, parts = draw.integers(5, size=40), draw.integers(5, size=40), draw.integers(3, size=40)
        prints = prints_of([changes[h](images[w]) for w, h in zip(which, how, strict=True)])
        found = pairs(prints, parts)
        told = {(x, parts[y]) for pair in found for x, y in ((pair.a, pair.b), (pair.b, pair.a))}
        for at in range(40):
            for part in range(3):
                has_copy = any(which[o] == which[at] and parts[o] == part for o in range(40) if o != at)
                assert ((at, part) in told) == has_copy
        assert np.array_equal(groups(found, 40)[:, None] == groups(found, 40), which[:, None] == which)


def test_pictures_connected_by_steps_are_in_one_group():
    found = [Pair(0, 2, "exact"), Pair(2, 5, "mirrored"), Pair(1, 3, "resized")]
    numbers = groups(found, 6)
    assert len(set(numbers.tolist())) == 3
    assert numbers[0] == numbers[2] == numbers[5]
    assert numbers[1] == numbers[3] != numbers[4]
