import json
import zipfile

import numpy as np
import pytest
import torch

from striate.errors import ConfigError, DataError
from striate.features import extras, table_files
from striate.features.card import Card
from striate.features.table import read_table, table, write_table

CARD = Card("lenet5", "a" * 64, "conv2", "b" * 64)
FILES = ("a/1.jpg", "a/2.jpg", "b/3 ü.jpg")


def content(**changes):
    features = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    columns = {"labels": ("a", "a", "b"), "splits": ("train", "test", "train"), "card": CARD}
    return table(features, FILES, **{**columns, **changes})


@pytest.fixture(params=[".parquet", ".npz"])
def path(request, tmp_path):
    if request.param == ".parquet":
        pytest.importorskip("pyarrow")
    return tmp_path / f"features{request.param}"


@pytest.mark.parametrize("changes", [{}, {"labels": None, "splits": None}, {"card": None}])
def test_a_table_comes_back_as_it_was_written(path, changes):
    written = content(**changes)
    write_table(path, written)
    read = read_table(path)
    assert read.features.equal(written.features)
    assert (read.files, read.labels, read.splits, read.card) == (
        written.files, written.labels, written.splits, written.card
    )  # fmt: skip


def test_a_parquet_file_is_read_by_pandas_with_one_column_a_feature(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    write_table(tmp_path / "f.parquet", content())
    frame = pandas.read_parquet(tmp_path / "f.parquet")
    assert list(frame) == ["file", "label", "split", "f0", "f1", "f2", "f3"]
    assert frame[["f0", "f1", "f2", "f3"]].to_numpy().tolist() == content().features.tolist()


def test_an_npz_file_is_read_by_numpy_without_pickle(tmp_path):
    write_table(tmp_path / "f.npz", content())
    with np.load(tmp_path / "f.npz", allow_pickle=False) as found:
        assert found["file"].tolist() == list(FILES)
        assert found["features"].tolist() == content().features.tolist()
        assert json.loads(str(found["card"])) == CARD.as_json()


def test_labels_become_numbers_in_the_order_of_their_names():
    found = content(labels=("b", "a", "b"))
    assert found.classes == ("a", "b")
    assert found.numbers().tolist() == [1, 0, 1]
    with pytest.raises(DataError, match="no column 'label'"):
        content(labels=None).numbers()


def test_a_file_that_is_cut_off_is_refused_wherever_it_is_cut(path):
    write_table(path, content())
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"features\.(parquet|npz): "):
            read_table(path)


def test_columns_that_are_not_of_features_are_named(tmp_path, monkeypatch):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "f.parquet"

    def refused(columns, match):
        parquet.write_table(arrow.table(columns), path)
        with pytest.raises(DataError, match=match):
            read_table(path)

    refused({"file": ["x"], "width": [1.0]}, "column 'width' is unknown")
    refused({"file": ["x"], "f0": [1.0], "f2": [1.0]}, "column f1 is missing")
    refused({"f0": [1.0]}, "column 'file' is missing")
    refused({"file": ["x"]}, "has 0 columns f0")
    monkeypatch.setattr(table_files, "MOST_VALUES", 6)
    refused({"file": ["x"] * 4, "f0": [1.0] * 4}, "holds 8 values, more than 6. Split it into several")
    refused({"file": ["x"], "f0": ["one"]}, "column f0 holds string, not numbers")
    refused({"file": ["x", "y"], "f0": [1.0, None]}, r"row 1 \(y\) has f0 = nan")
    refused({"file": ["x", None], "f0": [1.0, 1.0]}, "row 1 has no file")
    refused({"file": ["x", "y"], "label": ["a", None], "f0": [1.0, 1.0]}, "row 1 has no label")
    refused({"file": ["x", "y"], "label": [0, 1], "f0": [1.0, 1.0]}, "row 0 has label 0, which is no text")


def test_arrays_that_are_not_of_features_are_named(tmp_path):
    path, good, names = tmp_path / "f.npz", np.zeros((2, 3), np.float32), np.array(["x", "y"])

    def refused(match, **arrays):
        save(path, arrays)
        with pytest.raises(DataError, match=match):
            read_table(path)

    refused("has no 'features'", file=names)
    refused("has no 'file'", features=good)
    refused("holds an array 'x_train'", x_train=good)
    refused(r"features are \(2,\) of float32", features=good[:, 0], file=names)
    refused("2 rows of features, but 1 of 'file'", features=good, file=names[:1])
    refused("holds Python objects", features=np.array([[1], [2, 3]], dtype=object), file=names)
    refused("'file' is .* of float32; it must be a column of text", features=good, file=good[:, 0])
    refused(r"row 0 \(x\) has f1 = inf", features=np.array([[0, np.inf, 0], [0, 0, 0]]), file=names)
    refused("its card is not JSON", features=good, file=names, card=np.array("{"))
    refused("its card must have network", features=good, file=names, card=np.array("{}"))


def test_a_header_that_promises_more_than_there_is_takes_no_memory(tmp_path):
    path = tmp_path / "f.npz"
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("features.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DataError, match="which is not there"):
        read_table(path)


def test_other_mistakes_cost_one_line(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"features are kept as \.parquet or \.npz"):
        write_table(tmp_path / "f.csv", content())
    with pytest.raises(DataError, match="there is no such file"):
        read_table(tmp_path / "f.npz")
    with pytest.raises(DataError, match=r"features are \(0, 4\)"):
        table(torch.zeros(0, 4), [])
    monkeypatch.setattr(extras.importlib, "import_module", missing)
    with pytest.raises(ConfigError, match=r"needs pyarrow, .* pip install 'striate\[parquet\]'"):
        write_table(tmp_path / "f.parquet", content())


def save(path, arrays):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(array))


def missing(name):
    raise ImportError(name)
