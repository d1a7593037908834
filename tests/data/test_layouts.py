"""docs/data.md read as a test, each tree made and read as its command says; and ordinary layouts read in one way."""

import builtins
import gzip
import os
import re
from pathlib import Path

import numpy as np
import pytest

from striate.data.formats import idx
from striate.data.marks import data_formats
from striate.data.read import read, recognised
from striate.errors import DataError
from tests.data.layouts import by_name, picture, picture_bytes, pictures, shard, table

DOCUMENT = Path(__file__).parents[2] / "docs/data.md"
FENCE = re.compile(r"```(tree|file|members|command) ?(\S*)\n(.*?)```", re.DOTALL)
SECTIONS = {section.split("\n", 1)[0]: FENCE.findall(section) for section in DOCUMENT.read_text().split("\n## ")[1:]}


def paths(tree):
    """The files of a tree drawn with two blanks a level."""
    above = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        above[depth:] = [line.strip()]
        if not line.endswith("/"):
            yield "".join(above)


def make(path, number):
    """A small sound file of the kind that the name means."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images, labels = (
        np.arange(number, number + 8 * 25).astype(np.uint8).reshape(8, 5, 5),
        np.arange(8, dtype=np.uint8) % 2,
    )
    if path.suffix in (".jpg", ".png"):
        picture(path, number)
    elif "ubyte" in path.name:
        array = images if "images" in path.name else labels
        path.write_bytes(gzip.compress(idx.header(array) + array.tobytes()))
    elif path.suffix == ".bin":
        path.write_bytes(np.random.default_rng(number).integers(0, 10, (4, 3073)).astype(np.uint8).tobytes())
    elif path.suffix == ".npz":
        np.savez(path, images=images, labels=labels)
    elif path.suffix == ".npy":
        np.save(path, images if "images" in path.name else labels)


@pytest.mark.parametrize("section", [name for name in SECTIONS if name != "By name"])
def test_each_example_of_the_document_is_read_as_its_layout(section, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = 0
    for number, (what, name, content) in enumerate(SECTIONS[section]):
        if what == "tree":
            for i, path in enumerate(paths(content)):
                make(Path(path), 100 * number + i)
        elif what == "file":
            Path(name).write_text(content)
        elif what == "members":
            lines = [line.partition(" ") for line in content.split("\n") if line]
            shard(
                Path(name),
                {each: label.encode() or picture_bytes(hash(each) % 1000, ".jpg") for each, _, label in lines},
            )
        else:
            commands += 1
            source = content.split()[2].strip('"')
            data = read(source)
            assert data.format == section
            assert "{" in source or recognised(Path(source)) == [section]
            assert len(data.whole()) >= 1
    assert commands


def test_every_layout_is_in_the_document():
    assert set(data_formats) == set(SECTIONS) - {"By name"}


class TestOneReading:
    def test_a_folder_of_pictures_and_a_table_is_a_table(self, tmp_path):
        pictures(tmp_path, "images/a.png", "images/b.png")
        table(tmp_path / "labels.csv", ("path", "label"), ("images/a.png", "x"), ("images/b.png", "y"))
        assert recognised(tmp_path) == ["table"]

    def test_and_with_a_mistaken_header_the_table_is_what_is_complained_of(self, tmp_path):
        pictures(tmp_path, "images/a.png", "images/b.png")
        table(tmp_path / "labels.csv", ("where", "what"), ("images/a.png", "x"))
        with pytest.raises(DataError, match=r"labels.csv: has no column of paths; it has where, what"):
            read(tmp_path)

    def test_class_folders_with_some_other_table_are_a_folder(self, tmp_path):
        pictures(tmp_path, "cat/a.png", "dog/b.png")
        table(tmp_path / "counts.csv", ("class", "count"), ("cat", "1"))
        assert recognised(tmp_path) == ["folder"]

    def test_class_folders_with_a_table_of_them_can_be_read_in_two_ways_until_one_is_said(self, tmp_path):
        pictures(tmp_path, "cat/a.png", "cat/c.png", "dog/b.png", "dog/d.png")
        table(tmp_path / "labels.csv", ("path", "label"), ("cat/a.png", "x"), ("dog/b.png", "y"))
        with pytest.raises(
            DataError, match="can be read as folder and as table. Say which: --format folder or --format table"
        ):
            read(tmp_path)
        assert read(tmp_path, format="folder").classes == ("cat", "dog")
        assert read(tmp_path, format="table").classes == ("x", "y")

    def test_class_folders_beside_their_archive_are_a_folder(self, tmp_path):
        pictures(tmp_path, "cat/a.png", "dog/b.png")
        shard(tmp_path / "all_001.tar", {"cat/a.png": b"x", "dog/b.png": b"x"})
        (tmp_path / "pictures.tar.gz").write_bytes(b"x")
        assert recognised(tmp_path) == ["folder"]

    def test_numbered_class_folders_with_shards_are_told_apart_by_what_the_tar_holds(self, tmp_path):
        pictures(tmp_path, "cat/a.png", "dog/b.png")
        shard(tmp_path / "x.tar", {"a.png": picture_bytes(0), "a.cls": b"0"})
        assert recognised(tmp_path) == ["folder", "webdataset"]

    def test_flat_parts_with_a_table_each_are_a_table(self, tmp_path):
        pictures(tmp_path, "train/a.png", "test/b.png")
        table(tmp_path / "train.csv", ("path", "label"), ("train/a.png", "x"))
        table(tmp_path / "test.csv", ("path", "label"), ("test/b.png", "x"))
        assert recognised(tmp_path) == ["table"]
        assert by_name(read(tmp_path)) == {"train/a.png": ("train", "x"), "test/b.png": ("test", "x")}

    def test_a_folder_of_other_data_with_a_log_is_not_a_table(self, tmp_path):
        np.save(tmp_path / "images.npy", np.zeros((4, 5, 5), np.uint8))
        np.save(tmp_path / "labels.npy", np.arange(4))
        table(tmp_path / "log.csv", ("epoch", "loss"), ("1", "0.5"))
        assert recognised(tmp_path) == ["npy"]

    def test_an_empty_folder_or_one_of_other_files_is_nothing(self, tmp_path):
        assert recognised(tmp_path) == []
        (tmp_path / "notes.txt").write_text("x")
        table(tmp_path / "log.csv", ("epoch", "loss"), ("1", "0.5"))
        assert recognised(tmp_path) == []


def test_looking_for_layouts_among_many_pictures_opens_none(tmp_path, monkeypatch):
    for name in ("", "cat/", "dog/"):
        (tmp_path / name).mkdir(exist_ok=True)
        for i in range(100):
            (tmp_path / name / f"{i:03d}.jpg").touch()

    def opened(*given, **more):
        raise AssertionError(f"{given} was opened")

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(builtins, "open", opened)
    assert recognised(tmp_path) == ["folder"]
