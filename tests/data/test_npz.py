import io
import re
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.data.read import read
from striate.data.records import DataSet
from striate.errors import DataError

IMAGES = np.arange(6 * 4 * 4, dtype=np.uint8).reshape(6, 4, 4)
LABELS = np.array([0, 1, 0, 1, 0, 1])


def test_images_and_labels_are_read_and_split(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS)
    data = read(tmp_path / "x.npz")
    assert data.parted
    assert sorted(data.whole().images[:, 0, 0, 0].tolist()) == IMAGES[:, 0, 0].tolist()


def test_the_names_of_keras_are_read(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:2], y_test=LABELS[:2])
    data = read(str(tmp_path / "x.npz"))
    assert (len(data.train), len(data.test), data.parted) == (6, 2, False)
    assert np.array_equal(data.train.images[:, 0].numpy(), IMAGES)


def test_classes_may_be_named_in_the_file(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS, classes=np.array(["cat", "dog"]))
    assert read(tmp_path / "x.npz").classes == ("cat", "dog")


def test_an_unknown_name_is_offered_the_nearest(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, lables=LABELS)
    with pytest.raises(DataError, match=r"x\.npz: does not know 'lables' \(did you mean labels\?\)"):
        read(tmp_path / "x.npz")


def test_a_lonely_array_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES)
    with pytest.raises(DataError, match=r"x\.npz: has only images. The arrays must be "):
        read(tmp_path / "x.npz")


def test_errors_name_the_array(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS[:5])
    with pytest.raises(DataError, match=r"x\.npz: images: 6 pictures, but .*x\.npz: labels: 5 labels"):
        read(tmp_path / "x.npz")


def test_python_objects_are_refused_and_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "sprung"), "w")

    np.savez(tmp_path / "x.npz", images=IMAGES, labels=np.array([Trap()] * 6, object))
    with pytest.raises(DataError, match=r"labels\.npy holds Python objects, which could run code"):
        read(tmp_path / "x.npz")
    assert not (tmp_path / "sprung").exists()


def test_a_header_that_promises_more_than_there_is_is_refused_before_it_is_made(tmp_path):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"shape": (10**6, 10**6), "fortran_order": False, "descr": "|u1"})
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images.npy", stream.getvalue() + b"12")
        archive.writestr("labels.npy", stream.getvalue())
    with pytest.raises(DataError, match=r"images\.npy says \(1000000, 1000000\) of uint8, but has 2 bytes"):
        read(tmp_path / "x.npz")


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"not a zip")
    with pytest.raises(DataError, match=r"x\.npz: is not a sound \.npz file \(File is not a zip file\)"):
        read(tmp_path / "x.npz")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_a_damaged_archive_ends_as_data_or_one_line(tmp_path, outcome, data):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, images=IMAGES, labels=LABELS)
    contents = bytearray(path.read_bytes())
    contents[data.draw(st.integers(0, len(contents) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(contents[: data.draw(st.sampled_from([len(contents), len(contents) // 2, 30]))])
    end = outcome(read, path)
    assert isinstance(end, DataSet) or re.fullmatch(r".*x\.npz: .*", str(end))
