import json

import numpy as np
import PIL.Image
import pytest
import torch

from striate.data.measure import for_training
from striate.data.preprocess import Preprocess, to_channels
from striate.data.read import read
from striate.data.records import Pictures
from striate.errors import DataError

PLAIN = Preprocess((1, 4, 4), (0.5,), (0.25,), "exact")


def noise(*shape):
    return torch.randint(256, shape, generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def of(images):
    return Pictures(images, torch.zeros(len(images), dtype=torch.int64))


class TestForTraining:
    @pytest.mark.parametrize(
        ("size", "fit"),
        [((28, 28), "exact"), ((32, 32), "pad"), ((28, 36), "pad"), ((37, 28), "resize"), ((27, 30), "resize")],
    )
    def test_the_rule_is_exact_then_at_most_eight_pixels_of_padding_then_resize(self, size, fit):
        assert for_training(of(noise(3, 1, 28, 28)), (1, *size)).fit == fit

    def test_mean_and_deviation_are_those_of_numpy(self):
        images = noise(50, 3, 9, 7)
        made = for_training(of(images), (3, 9, 7))
        scaled = images.numpy() / 255
        assert np.allclose(made.mean, scaled.mean((0, 2, 3)), atol=1e-6)
        assert np.allclose(made.std, scaled.std((0, 2, 3)), atol=1e-6)

    def test_mnist_has_the_mean_and_deviation_that_everyone_quotes(self, mnist_folder):
        made = for_training(read(mnist_folder).train, (1, 28, 28))
        assert round(made.mean[0], 4) == 0.1307
        assert round(made.std[0], 4) == 0.3081

    def test_they_are_of_what_the_network_sees_grey_or_rgb(self):
        images = noise(5, 3, 8, 8)
        grey = to_channels(images, 1).numpy() / 255
        assert for_training(of(images), (1, 8, 8)).mean == pytest.approx((grey.mean(),), abs=1e-6)
        assert len(set(for_training(of(images[:, :1]), (3, 8, 8)).std)) == 1

    def test_they_do_not_depend_on_the_order_of_the_pictures(self):
        images = noise(3000, 1, 28, 28)
        assert for_training(of(images), (1, 28, 28)) == for_training(of(images.flip(0)), (1, 28, 28))

    def test_a_channel_that_never_changes_has_deviation_1(self):
        assert for_training(of(torch.full((2, 1, 4, 4), 51, dtype=torch.uint8)), (1, 4, 4)).std == (1.0,)

    def test_what_is_no_picture_is_refused(self):
        with pytest.raises(DataError, match=r"the network takes \(784,\), which is no picture"):
            for_training(of(noise(2, 1, 28, 28)), (784,))

    def test_channels_that_do_not_fit_are_refused(self):
        with pytest.raises(
            DataError, match=r"the pictures have 4 channels, and the network takes 3. Only grey and RGB"
        ):
            for_training(of(noise(2, 4, 8, 8)), (3, 8, 8))


class TestPixels:
    def test_of_the_right_size_are_taken_as_they_are(self):
        images = noise(3, 1, 4, 4)
        assert torch.equal(PLAIN.pixels(images), images)

    def test_are_padded_with_0_on_all_sides_the_odd_one_at_the_end(self):
        images = noise(2, 1, 28, 28)
        padded = for_training(of(images), (1, 32, 33)).pixels(images)
        by_numpy = np.pad(images.numpy(), ((0, 0), (0, 0), (2, 2), (2, 3)))
        assert np.array_equal(padded.numpy(), by_numpy)

    def test_of_another_size_come_to_the_content_before_they_are_padded(self):
        made = Preprocess((1, 32, 32), (0.1,), (0.3,), "pad", content=(28, 28))
        white = made.pixels(torch.full((1, 1, 280, 280), 255, dtype=torch.uint8))
        assert torch.equal(white, made.pixels(torch.full((1, 1, 28, 28), 255, dtype=torch.uint8)))

    def test_that_are_padded_already_are_taken_as_they_are(self):
        made = Preprocess((1, 32, 32), (0.1,), (0.3,), "pad", content=(28, 28))
        once = made.pixels(noise(2, 1, 28, 28))
        assert torch.equal(made.pixels(once), once)

    @pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
    @pytest.mark.parametrize("size", [(20, 30), (100, 90)])
    def test_are_resized_with_antialiasing_as_pillow_does(self, interpolation, size):
        smooth = np.add.outer(np.arange(50) * 3, np.arange(60) * 1.5).astype(np.uint8)
        made = Preprocess((1, *size), (0.0,), (1.0,), "resize", interpolation)
        ours = made.pixels(torch.from_numpy(smooth)[None, None])[0, 0].numpy().astype(int)
        method = getattr(PIL.Image.Resampling, interpolation.upper())
        theirs = np.asarray(PIL.Image.fromarray(smooth).resize(size[::-1], method)).astype(int)
        assert abs(ours - theirs).max() <= 1

    def test_of_a_checkerboard_shrink_to_grey_not_to_stripes(self):
        board = (torch.arange(64)[:, None] + torch.arange(64)).remainder(2).mul(255).to(torch.uint8)
        small = Preprocess((1, 16, 16), (0.0,), (1.0,), "resize").pixels(board[None, None])
        assert (small.int() - 127).abs().max() <= 2

    def test_of_rgb_become_the_grey_of_pillow(self):
        images = noise(1, 3, 30, 30)
        pillow = PIL.Image.fromarray(images[0].permute(1, 2, 0).numpy()).convert("L")
        assert np.array_equal(to_channels(images, 1)[0, 0], pillow)

    def test_of_grey_are_repeated_for_rgb(self):
        images = noise(2, 1, 3, 3)
        assert torch.equal(to_channels(images, 3), torch.cat([images] * 3, 1))


def photograph(height, width):
    """Smooth RGB pictures (1, 3, h, w), another in each channel."""
    rows, columns = np.mgrid[:height, :width]
    planes = [128 + 100 * np.sin(rows / 17 + k) * np.cos(columns / (11 + k)) for k in range(3)]
    return torch.from_numpy(np.stack(planes).astype(np.uint8))[None]


class TestCentre:
    PHOTOGRAPHS = Preprocess((3, 24, 24), (0.5,) * 3, (0.5,) * 3, "centre", resize=28)

    @pytest.mark.parametrize(("interpolation", "levels"), [("bilinear", 1), ("bicubic", 2)])
    @pytest.mark.parametrize("size", [(60, 80), (80, 61), (75, 75), (20, 33), (31, 29), (97, 41)])
    def test_is_resize_of_the_shorter_side_and_the_middle_as_pillow_does_them(self, size, interpolation, levels):
        images = photograph(*size)
        ours = Preprocess((3, 24, 24), (0.5,) * 3, (0.5,) * 3, "centre", interpolation, resize=28).pixels(images)
        picture = PIL.Image.fromarray(images[0].permute(1, 2, 0).numpy())
        width, height = (28 * side // min(size) for side in picture.size)
        method = getattr(PIL.Image.Resampling, interpolation.upper())
        left, top = round((width - 24) / 2), round((height - 24) / 2)
        theirs = picture.resize((width, height), method).crop((left, top, left + 24, top + 24))
        assert abs(ours[0].permute(1, 2, 0).numpy().astype(int) - np.asarray(theirs).astype(int)).max() <= levels

    def test_takes_what_has_its_size_already_as_it_is(self):
        images = photograph(24, 24)
        assert torch.equal(self.PHOTOGRAPHS.pixels(images), images)
        once = self.PHOTOGRAPHS.pixels(photograph(50, 70))
        assert torch.equal(self.PHOTOGRAPHS.pixels(once), once)

    def test_of_an_image_that_is_no_square_covers_it_and_keeps_proportions(self):
        """A disc stays a disc: as wide as it is high, 28/24 of the way that a picture of exactly 24x48 would give."""
        rows, columns = np.mgrid[:240, :480]
        disc = ((rows - 120) ** 2 + (columns - 240) ** 2 < 60**2) * 255
        wide = Preprocess((1, 24, 48), (0.5,), (0.5,), "centre", resize=28)
        seen = wide.pixels(torch.from_numpy(disc.astype(np.uint8))[None, None])[0, 0] > 127
        assert (seen.any(1).sum(), seen.any(0).sum()) == (14, 14)
        assert wide.pixels(photograph(100, 30)[:, :1]).shape == (1, 1, 24, 48)

    @pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1), (1, 1)])
    def test_of_a_thread_of_pixels_takes_the_middle_in_little_memory(self, size):
        line = torch.zeros(1, 3, *size, dtype=torch.uint8)
        line[..., size[0] // 2, size[1] // 2] = 255
        assert self.PHOTOGRAPHS.pixels(line).max() > 0

    def test_is_written_with_its_resize_and_other_fits_without(self):
        again = Preprocess.from_json(json.loads(json.dumps(self.PHOTOGRAPHS.as_json())))
        assert again == self.PHOTOGRAPHS
        assert "resize" not in PLAIN.as_json()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"resize": 23}, r"preprocess.resize is 23; it must be at least 24 pixels"),
            ({"resize": 28.5}, r"preprocess.resize is 28.5; it must be at least 24"),
            ({"resize": None}, r"preprocess.resize is None; the fit 'centre' needs it, and no other has it"),
            ({"fit": "resize"}, r"preprocess.resize is 28; the fit 'centre' needs it, and no other has it"),
        ],
    )
    def test_of_a_wrong_resize_is_refused(self, change, message):
        with pytest.raises(DataError, match=message):
            Preprocess.from_json(self.PHOTOGRAPHS.as_json() | change)


class TestForImage:
    def test_of_another_size_keeps_the_share_that_is_cut_off(self):
        made = Preprocess((3, 224, 224), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "centre", "bicubic", resize=256)
        assert made.for_image((3, 320, 320)) == Preprocess(
            (3, 320, 320), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "centre", "bicubic", resize=366
        )
        assert made.for_image((3, 224, 224)) is made

    def test_of_one_channel_has_the_averages_and_of_more_takes_them_in_turn(self):
        made = Preprocess((3, 8, 8), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "exact")
        assert made.for_image((1, 8, 8)).mean == pytest.approx((0.2,))
        assert made.for_image((4, 8, 8)).std == (0.4, 0.5, 0.6, 0.4)
        assert made.for_image((1, 9, 9)).fit == "resize"

    def test_of_what_is_no_picture_is_refused(self):
        with pytest.raises(DataError, match=r"the network takes \(784,\), which is no picture"):
            PLAIN.for_image((784,))


class TestNormalise:
    def test_is_pixel_over_255_less_the_mean_over_the_deviation(self):
        images = noise(4, 3, 5, 6)
        made = Preprocess((3, 5, 6), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "exact")
        by_hand = images.numpy() / 255
        for i in range(3):
            by_hand[:, i] = (by_hand[:, i] - made.mean[i]) / made.std[i]
        assert np.allclose(made.normalise(images).numpy(), by_hand, atol=1e-6)

    def test_gives_the_type_and_memory_format_asked_for(self):
        made = Preprocess((3, 5, 6), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "exact")
        batch = made.normalise(noise(4, 3, 5, 6), torch.bfloat16, torch.channels_last)
        assert batch.dtype == torch.bfloat16
        assert batch.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(batch, made.normalise(noise(4, 3, 5, 6)).bfloat16())

    def test_leaves_its_input_alone(self):
        for batch in (noise(2, 1, 4, 4), noise(2, 1, 4, 4).float()):
            before = batch.clone()
            PLAIN.normalise(batch)
            assert torch.equal(batch, before)

    def test_of_floating_pixels_is_that_of_whole_ones(self):
        images = noise(2, 1, 4, 4)
        assert torch.equal(PLAIN.normalise(images.float()), PLAIN.normalise(images))


class TestOpen:
    def test_brings_a_file_to_the_network(self, tmp_path):
        image = PIL.Image.new("RGB", (40, 20), "white")
        image.save(tmp_path / "x.png")
        assert PLAIN.open(tmp_path / "x.png").tolist() == [[[255] * 4] * 4]
        assert PLAIN.open(str(tmp_path / "x.png")).dtype == torch.uint8

    def test_gives_the_pixels_that_training_saw(self, tmp_path):
        images = noise(1, 1, 4, 4)
        PIL.Image.fromarray(images[0, 0].numpy()).save(tmp_path / "x.png")
        assert torch.equal(PLAIN.open(tmp_path / "x.png"), PLAIN.pixels(images)[0])

    def test_refuses_a_bad_file_by_name(self, tmp_path):
        (tmp_path / "x.png").write_text("no picture")
        with pytest.raises(DataError, match=r"x\.png: is not a JPEG"):
            PLAIN.open(tmp_path / "x.png")


class TestJson:
    def test_comes_back_through_text_as_the_same_value(self):
        for made in (
            PLAIN,
            for_training(of(noise(3, 3, 9, 9)), (3, 12, 12)),
            Preprocess((1, 8, 8), (0.1,), (0.2,), "resize", "bicubic"),
        ):
            again = Preprocess.from_json(json.loads(json.dumps(made.as_json())))
            assert again == made
            assert again.fingerprint() == made.fingerprint()

    def test_fingerprints_differ_with_every_field(self):
        others = [
            Preprocess((1, 4, 5), (0.5,), (0.25,), "exact"),
            Preprocess((1, 4, 4), (0.4,), (0.25,), "exact"),
            Preprocess((1, 4, 4), (0.5,), (0.26,), "exact"),
            Preprocess((1, 4, 4), (0.5,), (0.25,), "pad"),
            Preprocess((1, 4, 4), (0.5,), (0.25,), "exact", "bicubic"),
            Preprocess((1, 4, 4), (0.5,), (0.25,), "exact", content=(3, 3)),
        ]
        assert len({made.fingerprint() for made in (PLAIN, *others)}) == 7

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"image": [1, 4]}, r"preprocess.image is \(1, 4\); it must be \(channels, height, width\)"),
            ({"image": [1, 4, 4.0]}, r"preprocess.image is \(1, 4, 4.0\)"),
            ({"image": [1, 0, 4]}, r"preprocess.image is \(1, 0, 4\)"),
            ({"image": [1, 4, 10**9]}, r"preprocess.image is"),
            ({"image": [True, 4, 4]}, r"preprocess.image is"),
            ({"image": "144"}, r"preprocess.image is '144'; it must be a list of numbers"),
            ({"mean": [0.1, 0.2]}, r"preprocess.mean is \(0.1, 0.2\); it must be 1 numbers, one a channel"),
            ({"mean": [float("nan")]}, r"preprocess.mean is \(nan,\)"),
            ({"mean": ["0.1"]}, r"preprocess.mean is"),
            ({"std": [0.0]}, r"preprocess.std is \(0.0,\); each must be above 0"),
            ({"std": [float("inf")]}, r"preprocess.std is"),
            ({"fit": "crop"}, r"preprocess.fit is 'crop'; it must be one of exact, pad, resize"),
            ({"fit": ["exact"]}, r"preprocess.fit is"),
            (
                {"interpolation": "nearest"},
                r"preprocess.interpolation is 'nearest'; it must be one of bilinear, bicubic",
            ),
            ({"content": [5, 4]}, r"preprocess.content is \(5, 4\); it must be \(height, width\) within \(1, 4, 4\)"),
            ({"content": [4]}, r"preprocess.content is \(4,\)"),
            ({"content": 4}, r"preprocess.content is 4; it must be a list"),
            ({"meen": [0.1]}, r"preprocess.meen is unknown. Did you mean mean\?"),
            ({"zzzzzz": 1}, r"preprocess.zzzzzz is unknown. Remove it"),
        ],
    )
    def test_of_a_wrong_value_is_refused_by_its_key(self, change, message):
        with pytest.raises(DataError, match=message):
            Preprocess.from_json(PLAIN.as_json() | change)

    def test_of_a_missing_key_or_no_object_is_refused(self):
        given = PLAIN.as_json()
        del given["std"]
        with pytest.raises(DataError, match=r"preprocess.std is missing"):
            Preprocess.from_json(given)
        with pytest.raises(DataError, match=r"preprocess is list; it must be an object with image, mean, std"):
            Preprocess.from_json([1])
