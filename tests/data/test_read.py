import subprocess
import sys

import pytest

from striate.data.marks import data_format, data_formats
from striate.data.read import read
from striate.data.records import data_set, pictures
from striate.errors import ConfigError, DataError, UnknownName


def test_a_data_set_comes_back_as_it_is(images, labels):
    data = data_set("mine", ("a", "b", "c"), train=pictures(images, labels), test=None)
    assert read(data) is data


def test_an_unknown_name_is_offered_the_nearest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownName, match=r"no data set called 'fasion_mnist'. Did you mean fashion_mnist"):
        read("fasion_mnist")
    with pytest.raises(UnknownName, match="There is no folder of that name either"):
        read("zzz")


def test_a_missing_path_is_named_with_the_names_there_are(tmp_path):
    with pytest.raises(DataError, match=r"photos/cats: there is no such file or folder.* digits, fashion_mnist, mnist"):
        read(tmp_path / "photos" / "cats")


def test_a_name_goes_before_a_folder_and_a_path_means_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert len(read("digits").train) == 4000
    with pytest.raises(DataError, match="digits: is an empty folder"):
        read("./digits")


def test_a_folder_of_anything_else_is_refused(tmp_path):
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(
        DataError, match=r"holds no data of a layout known here. Give a folder with a folder of pictures for each class"
    ):
        read(tmp_path)
    with pytest.raises(DataError, match=r"readme.txt: holds no data of a layout known here"):
        read(tmp_path / "readme.txt")


def test_what_can_be_read_in_two_ways_is_refused(tmp_path, monkeypatch):
    @data_format(lambda path: True)
    def everything(path):
        raise AssertionError("must not be read")

    monkeypatch.setitem(data_formats._found, "everything", everything)
    monkeypatch.setitem(data_formats._by_plain, "everything", "everything")
    (tmp_path / "x.npz").write_bytes(b"")
    with pytest.raises(DataError, match=r"x\.npz: can be read as npz and as everything"):
        read(tmp_path / "x.npz")


def test_data_dir_is_for_names_only(tmp_path, images, labels):
    with pytest.raises(
        ConfigError, match="data_dir is only for a data set by name, one of cifar10, digits, fashion_mnist, mnist"
    ):
        read(tmp_path, data_dir=tmp_path)
    with pytest.raises(ConfigError, match="data_dir is only for"):
        read((images, labels), data_dir=tmp_path)


def test_reading_needs_neither_pillow_nor_mlxtend():
    code = (
        "import sys; from striate.data.read import read; read('digits');"
        "print([m for m in ('PIL', 'mlxtend', 'pandas', 'sklearn') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
