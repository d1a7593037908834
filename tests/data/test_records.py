import pytest
import torch

from striate.data.records import Pictures, data_set, pictures
from striate.errors import DataError


def test_pictures_know_their_number_and_shape(images, labels):
    record = pictures(images, labels)
    assert len(record) == 12
    assert record.shape == (1, 6, 7)


def test_take_gives_the_chosen_pictures_with_their_labels(images, labels):
    some = pictures(images, labels).take(torch.tensor([4, 2]))
    assert torch.equal(some.images, images[[4, 2]])
    assert some.labels.tolist() == [1, 2]


def test_whole_is_train_then_test(images, labels):
    record = pictures(images, labels)
    data = data_set("x", ("a", "b", "c"), train=record, test=record.take(torch.tensor([0])))
    assert torch.equal(data.whole().images, torch.cat([images, images[:1]]))
    assert data.whole().labels.tolist() == [*labels.tolist(), 0]
    assert [name for name, _ in data.parts] == ["train", "test"]


class TestFingerprint:
    def of(self, images, labels, classes=("a", "b", "c"), name="x", test=None):
        return data_set(name, classes, train=pictures(images, labels), test=test).fingerprint()

    def test_it_is_the_same_for_the_same_content_under_another_name(self, images, labels):
        assert self.of(images, labels) == self.of(images.clone(), labels.clone(), name="y")

    def test_it_changes_with_one_pixel_one_label_one_class_name_and_the_part(self, images, labels):
        pixel, label = images.clone(), labels.clone()
        pixel[3, 0, 2, 2] ^= 1
        label[5] = 0
        prints = {
            self.of(images, labels),
            self.of(pixel, labels),
            self.of(images, label),
            self.of(images, labels, classes=("a", "b", "d")),
            self.of(images, labels, test=pictures(images, labels)),
            data_set("x", ("a", "b", "c"), train=None, test=pictures(images, labels)).fingerprint(),
        }
        assert len(prints) == 6
        assert all(len(each) == 64 for each in prints)

    def test_it_does_not_depend_on_how_the_pixels_lie_in_memory(self, labels):
        images = torch.arange(12 * 3 * 4 * 4).view(12, 3, 4, 4).to(torch.uint8)
        assert self.of(images, labels) == self.of(images.contiguous(memory_format=torch.channels_last), labels)


def test_pictures_and_labels_of_different_counts_are_refused(images, labels):
    with pytest.raises(DataError, match=r"x\.idx: 12 pictures, but y\.idx: 11 labels\. Each picture needs one label"):
        pictures(images, labels[:11], names=("x.idx", "y.idx"))


def test_other_types_and_axes_are_refused(images, labels):
    with pytest.raises(DataError, match=r"images: need \(n, c, h, w\) of uint8, but are \(12, 1, 6, 7\) of float32"):
        pictures(images.float(), labels)
    with pytest.raises(DataError, match=r"images: need \(n, c, h, w\) of uint8, but are \(12, 6, 7\) of uint8"):
        pictures(images[:, 0], labels)
    with pytest.raises(DataError, match=r"labels: need \(n,\) of int64, but are \(12,\) of int32"):
        pictures(images, labels.int())


def test_no_pictures_and_pictures_without_pixels_are_refused(images, labels):
    with pytest.raises(DataError, match=r"images: no pixel is there, their shape is \(0, 1, 6, 7\)"):
        pictures(images[:0], labels[:0])
    with pytest.raises(DataError, match=r"no pixel is there, their shape is \(12, 1, 0, 7\)"):
        pictures(images[:, :, :0], labels)


def test_a_negative_label_is_refused_by_its_record(images, labels):
    labels[7] = -3
    with pytest.raises(DataError, match=r"labels: record 7 has label -3. Classes count from 0."):
        pictures(images, labels)


def test_a_label_beyond_the_classes_is_refused_by_part_and_record(images, labels):
    record = pictures(images, labels)
    with pytest.raises(DataError, match="x: test record 2 has label 2, but there are 2 classes, 0 to 1"):
        data_set("x", ("a", "b"), train=record.take(labels < 2), test=record)


def test_two_classes_of_one_name_are_refused(images, labels):
    with pytest.raises(DataError, match="x: two classes are called 'b'"):
        data_set("x", ("b", "a", "b"), train=pictures(images, labels), test=None)


def test_parts_of_different_sizes_are_refused(images, labels):
    with pytest.raises(DataError, match="x: pictures are 1x6x7 in train but 1x6x6 in test"):
        data_set("x", ("a", "b", "c"), train=pictures(images, labels), test=pictures(images[..., :6], labels))


def test_a_data_set_of_no_parts_is_refused():
    with pytest.raises(DataError, match="x: there is neither a train nor a test part"):
        data_set("x", ("a",), train=None, test=None)


def test_records_are_frozen(images, labels):
    with pytest.raises(AttributeError):
        Pictures(images, labels).images = images
