"""Hugging Face's folders of pictures with metadata."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from striate.data.read import read
from striate.errors import DataError
from tests.data.layouts import by_name, json_lines, pictures, table


def test_a_csv_at_the_top_names_the_classes_and_is_the_only_reading(tmp_path):
    pictures(tmp_path, "a.png", "cat/b.png", "dog/c.png")
    table(tmp_path / "metadata.csv", ("file_name", "label"), ("a.png", "x"), ("cat/b.png", "y"), ("dog/c.png", "y"))
    data = read(tmp_path)
    assert data.format == "metadata"
    assert {name: label for name, (_, label) in by_name(data).items()} == {
        "a.png": "x",
        "cat/b.png": "y",
        "dog/c.png": "y",
    }


def test_each_part_may_have_its_own(tmp_path):
    pictures(tmp_path, "train/1.png", "train/2.png", "test/1.png")
    json_lines(
        tmp_path / "train/metadata.jsonl", {"file_name": "1.png", "label": "a"}, {"file_name": "2.png", "label": "b"}
    )
    pq.write_table(pa.table({"file_name": ["1.png"], "label": ["a"]}), tmp_path / "test/metadata.parquet")
    assert by_name(read(tmp_path)) == {
        "train/1.png": ("train", "a"),
        "train/2.png": ("train", "b"),
        "test/1.png": ("test", "a"),
    }


def test_one_at_the_top_takes_the_parts_from_the_folders(tmp_path):
    pictures(tmp_path, "train/1.png", "test/2.png")
    table(tmp_path / "metadata.csv", ("file_name", "label"), ("train/1.png", "a"), ("test/2.png", "a"))
    assert by_name(read(tmp_path)) == {"train/1.png": ("train", "a"), "test/2.png": ("test", "a")}


def test_without_a_column_of_classes_the_folders_count_and_this_is_said(tmp_path):
    pictures(tmp_path, "cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png")
    table(tmp_path / "metadata.csv", ("file_name", "text"), ("cat/1.png", "a small cat"))
    data = read(tmp_path)
    assert data.classes == ("cat", "dog")
    assert len(data.whole()) == 4
    assert "metadata.csv: has no column of classes, so the folders name them" in data.notes


def test_without_classes_or_folders_it_is_refused(tmp_path):
    pictures(tmp_path, "1.png")
    table(tmp_path / "metadata.csv", ("file_name", "text"), ("1.png", "a small cat"))
    with pytest.raises(DataError, match=r"metadata.csv: has no column of classes; it has file_name, text"):
        read(tmp_path)


def test_a_path_that_leads_out_is_refused_by_line(tmp_path):
    pictures(tmp_path, "train/1.png")
    json_lines(tmp_path / "train/metadata.jsonl", {"file_name": "../../1.png", "label": "a"})
    with pytest.raises(DataError, match=r"metadata.jsonl: line 1: path '../../1.png' leads out"):
        read(tmp_path)


def test_one_with_other_columns_is_a_table(tmp_path):
    pictures(tmp_path, "1.png", "2.png")
    table(tmp_path / "metadata.csv", ("path", "label"), ("1.png", "a"), ("2.png", "b"))
    assert read(tmp_path).format == "table"
    assert read(tmp_path / "metadata.csv").format == "table"


def test_one_that_is_damaged_is_named(tmp_path):
    pictures(tmp_path, "cat/1.png", "dog/2.png")
    (tmp_path / "metadata.jsonl").write_text("{\n")
    with pytest.raises(DataError, match=r"metadata.jsonl: line 1 is not JSON"):
        read(tmp_path)
