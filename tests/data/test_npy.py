"""Pairs of .npy files."""

import io

import numpy as np
import pytest

from striate.data.read import read
from striate.errors import DataError


@pytest.fixture
def arrays():
    return {"images": np.arange(4 * 25, dtype=np.uint8).reshape(4, 5, 5), "labels": np.array([0, 1, 0, 1])}


def save(folder, **arrays):
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


@pytest.mark.parametrize("names", [("images", "labels"), ("X_train", "y_train"), ("train_images", "train_labels")])
def test_a_pair_is_read_by_the_names_of_numpy_archives(tmp_path, arrays, names):
    data = read(save(tmp_path, **dict(zip(names, arrays.values(), strict=True))))
    assert data.format == "npy"
    assert len(data.whole()) == 4
    assert sorted(image.sum() for image in data.whole().images.numpy()) == sorted(i.sum() for i in arrays["images"])


def test_two_pairs_are_train_and_test_and_classes_have_names(tmp_path, arrays):
    images, labels = arrays.values()
    data = read(
        save(
            tmp_path,
            x_train=images,
            y_train=labels,
            x_test=images[:1],
            y_test=labels[:1],
            classes=np.array(["no", "yes"]),
        )
    )
    assert (len(data.train), len(data.test), data.classes) == (4, 1, ("no", "yes"))


def test_one_of_the_files_stands_for_its_folder(tmp_path, arrays):
    assert len(read(save(tmp_path, **arrays) / "images.npy").whole()) == 4


def test_half_a_pair_is_refused(tmp_path, arrays):
    with pytest.raises(DataError, match="has only images. The arrays must be"):
        read(save(tmp_path, images=arrays["images"]))


def test_twins_are_refused(tmp_path, arrays):
    save(tmp_path, **arrays, Labels=arrays["labels"])
    with pytest.raises(DataError, match=r"Labels.npy and labels.npy are both labels"):
        read(tmp_path)


def test_objects_are_never_unpickled(tmp_path, arrays):
    save(tmp_path, **arrays)
    np.save(tmp_path / "labels.npy", np.array([{}, 1, 2, 3], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"labels.npy: holds Python objects, which could run code"):
        read(tmp_path)


def test_a_header_that_promises_more_than_there_is_is_refused(tmp_path, arrays):
    save(tmp_path, **arrays)
    made = io.BytesIO()
    np.lib.format.write_array_header_1_0(made, {"descr": "|u1", "fortran_order": False, "shape": (10**12,)})
    (tmp_path / "images.npy").write_bytes(made.getvalue())
    with pytest.raises(DataError, match=r"images.npy: says \(1000000000000,\) of uint8, but has 0 bytes"):
        read(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"PK\x03\x04" * 9, b"\x93NUMPY\x01\x00\x04\x00{{{{"])
def test_other_files_are_refused(tmp_path, arrays, damage):
    save(tmp_path, **arrays)
    (tmp_path / "images.npy").write_bytes(damage)
    with pytest.raises(DataError, match=r"images.npy: is not a sound .npy file"):
        read(tmp_path)
