import numpy as np
import pytest
import torch

from striate.data.arrays import from_arrays
from striate.data.read import read
from striate.data.records import pictures
from striate.errors import DataError

GREY = np.arange(6 * 5 * 7, dtype=np.uint8).reshape(6, 5, 7)
COLOUR = np.arange(6 * 3 * 5 * 7).astype(np.uint8).reshape(6, 3, 5, 7)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def images_of(images, labels=LABELS):
    return from_arrays((images, labels)).train.images


class TestForms:
    @pytest.mark.parametrize(
        "source",
        [
            (GREY, LABELS, GREY[:3], LABELS[:3]),
            ((GREY, LABELS), (GREY[:3], LABELS[:3])),
            {"train_images": GREY, "train_labels": LABELS, "test_images": GREY[:3], "test_labels": LABELS[:3]},
            {"x_train": GREY, "y_train": LABELS, "x_test": GREY[:3], "y_test": LABELS[:3]},
            tuple(torch.from_numpy(each) for each in (GREY, LABELS, GREY[:3], LABELS[:3])),
        ],
        ids=["four", "pairs", "mapping", "keras", "tensors"],
    )
    def test_of_train_and_test_are_all_the_same(self, source):
        data = read(source)
        assert np.array_equal(data.train.images.numpy(), GREY[:, None])
        assert data.train.labels.tolist() == LABELS.tolist()
        assert np.array_equal(data.test.images.numpy(), GREY[:3, None])
        assert (data.classes, data.name, data.parted) == (("0", "1", "2"), "arrays", False)

    def test_of_one_pair_have_no_test_part_until_they_are_read(self):
        assert from_arrays((GREY, LABELS)).test is None
        data = read((GREY, LABELS))
        assert data.parted
        assert sorted(data.test.labels.tolist()) == [0, 1, 2]

    def test_of_records_are_taken_as_they_are(self):
        record = pictures(torch.zeros(2, 3, 4, 3, dtype=torch.uint8), torch.tensor([0, 1]))
        assert read((record, record)).test is record
        assert from_arrays(record).train is record

    def test_may_name_the_classes(self):
        data = read({"images": GREY, "labels": LABELS, "classes": ["ant", "bee", "cat", "dog"]})
        assert data.classes == ("ant", "bee", "cat", "dog")

    def test_that_are_none_of_these_are_refused(self):
        with pytest.raises(DataError, match=r"arrays: cannot read int as pictures. Give "):
            read(3)
        with pytest.raises(DataError, match=r"arrays: 3 arrays are given. Give "):
            read((GREY, LABELS, GREY))
        with pytest.raises(DataError, match=r"images: is list. Give a numpy array or a torch tensor"):
            read(([1, 2], LABELS))
        with pytest.raises(DataError, match="arrays: has only nothing"):
            read({})
        with pytest.raises(DataError, match=r"does not know 'x_tran' \(did you mean x_train\?\)"):
            read({"x_tran": GREY, "y_train": LABELS})
        with pytest.raises(DataError, match="classes must be a list of names, one a class, but are 'abc'"):
            read({"images": GREY, "labels": LABELS, "classes": "abc"})


class TestAxes:
    def test_of_grey_pictures_get_one_channel(self):
        assert images_of(GREY).shape == (6, 1, 5, 7)

    def test_with_channels_first_stay(self):
        assert np.array_equal(images_of(COLOUR).numpy(), COLOUR)

    def test_with_channels_last_are_moved(self):
        assert np.array_equal(images_of(COLOUR.transpose(0, 2, 3, 1)).numpy(), COLOUR)
        assert np.array_equal(images_of(GREY[..., None]).numpy(), GREY[:, None])

    def test_that_can_be_read_in_two_ways_are_refused_and_can_be_settled(self):
        either = np.zeros((6, 3, 5, 4), np.uint8)
        with pytest.raises(
            DataError,
            match=r"shape \(6, 3, 5, 4\) can be 3 channels of 5x4 pixels or 3x5 pixels of 4 channels. "
            r"Give striate.data.records.pictures\(images, labels\), whose images are \(n, c, h, w\)",
        ):
            images_of(either)
        settled = pictures(torch.from_numpy(either), torch.from_numpy(LABELS))
        assert read(settled).shape == (3, 5, 4)

    def test_that_hold_no_channels_are_refused(self):
        with pytest.raises(DataError, match=r"shape \(6, 13, 9, 9\) has no axis of 1 to 4 channels"):
            images_of(np.zeros((6, 13, 9, 9), np.uint8))

    def test_of_another_number_are_refused(self):
        with pytest.raises(DataError, match=r"images: need \(n, h, w\), .* but have shape \(6, 35\)"):
            images_of(GREY.reshape(6, 35))


class TestPixels:
    def test_of_0_to_1_become_the_nearest_of_0_to_255(self):
        every = np.arange(256, dtype=np.uint8).reshape(2, 8, 16)
        for dtype in (np.float32, np.float64):
            assert np.array_equal(images_of((every / 255).astype(dtype), [0, 1] @ np.eye(2, dtype=int))[:, 0], every)
        assert images_of(np.full((6, 5, 7), 0.5))[0, 0, 0, 0] == 128

    def test_of_bfloat16_are_read(self):
        assert images_of(torch.ones(6, 5, 7, dtype=torch.bfloat16)).unique().tolist() == [255]

    @pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.uint16, ">i4"])
    def test_of_0_to_255_in_another_type_stay(self, dtype):
        assert np.array_equal(images_of(GREY.astype(dtype))[:, 0], GREY)

    def test_of_bool_become_0_and_255(self):
        assert images_of(GREY > 100).unique().tolist() == [0, 255]

    def test_of_a_dark_test_part_keep_the_scale_of_the_train_part(self):
        data = from_arrays((GREY.astype(float), LABELS, np.ones((3, 5, 7)), LABELS[:3]))
        assert data.test.images.unique().tolist() == [1]

    def test_outside_0_to_255_are_refused_not_clipped(self):
        with pytest.raises(
            DataError, match=r"images: pixels go from -1 to 1, which is not 0..255. Give the pixels as they"
        ):
            images_of(GREY / 104.5 - 1)
        with pytest.raises(
            DataError, match=r"pixels go from 0 to 4095, which is not 0..255. Scale them, such as images // 16"
        ):
            images_of(np.full((6, 5, 7), 4095, np.uint16) * (GREY > 9))
        with pytest.raises(DataError, match="such as images // 256"):
            images_of(np.full((6, 5, 7), 65535, np.uint16))
        with pytest.raises(DataError, match="pixels go from -5 to -5"):
            images_of(np.full((6, 5, 7), -5))

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_that_are_no_numbers_are_refused(self, bad):
        images = GREY / 255.0
        images[3, 2, 1] = bad
        with pytest.raises(DataError, match=r"which is not 0\.\.255"):
            images_of(images)

    def test_of_0_to_255_with_fractions_are_refused(self):
        with pytest.raises(DataError, match=r"pixels go up to 200\.5 and have fractions, such as 200\.5. Round them"):
            images_of(np.full((6, 5, 7), 200.5))

    def test_of_complex_numbers_are_refused(self):
        with pytest.raises(DataError, match="pixels must be numbers, but are complex128"):
            images_of(GREY * 1j)

    def test_that_are_read_only_are_copied(self):
        frozen = GREY.copy()
        frozen.flags.writeable = False
        images_of(frozen)[0, 0, 0, 0] = 77
        assert frozen[0, 0, 0] == 0


class TestLabels:
    @pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64, ">i2"])
    def test_of_any_whole_type_are_class_numbers(self, dtype):
        assert from_arrays((GREY, LABELS.astype(dtype))).train.labels.tolist() == LABELS.tolist()

    def test_in_a_column_are_class_numbers(self):
        assert from_arrays((GREY, LABELS[:, None])).train.labels.tolist() == LABELS.tolist()

    def test_that_are_one_hot_are_refused_with_the_way_out(self):
        with pytest.raises(
            DataError, match=r"labels: need one class number a picture, \(n,\), but have shape \(6, 3\)"
        ):
            read((GREY, np.eye(3)[LABELS]))

    def test_that_are_fractions_are_refused(self):
        with pytest.raises(DataError, match="labels: need whole class numbers, but are float64"):
            read((GREY, LABELS / 2))

    def test_that_number_records_are_refused(self):
        with pytest.raises(DataError, match="arrays: the highest label is 5,000,000, which is not a class number"):
            read((GREY, LABELS + 4_999_998))
        with pytest.raises(DataError, match="labels: the highest label is 18,446,744,073,709,551,615"):
            read((GREY, np.full(6, 2**64 - 1, np.uint64)))

    def test_of_another_count_are_refused(self):
        with pytest.raises(DataError, match="test images: 3 pictures, but test labels: 6 labels"):
            read((GREY, LABELS, GREY[:3], LABELS))
