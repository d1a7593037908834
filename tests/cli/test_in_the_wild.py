"""Folders, names and networks as people have them: bytes that are no text, pictures hardly sorted, own code."""

import csv
import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from PIL import Image
from test_commands import run, wrong

import striate
from striate.features.index import load_index
from striate.features.table import read_table

NETWORK = """
from torch import nn

def small(image, classes):
    return nn.Sequential(nn.Conv2d(image[0], 4, 4, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(196, classes))
"""


@pytest.fixture(scope="module")
def photographs(few_digits, tmp_path_factory):
    """24 digits in two folders of classes."""
    root = tmp_path_factory.mktemp("wild") / "photographs"
    for i in range(24):
        place = root / f"class {i % 2}" / f"{i:02}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(few_digits.test.images[i, 0].numpy()).save(place)
    return root


@pytest.fixture
def odd(photographs, tmp_path):
    """Pictures whose names are no text or no line, in classes of which one has such a name."""
    root = tmp_path / "odd"
    if sys.platform != "linux":
        pytest.skip("names of any bytes are Linux's")
    for i, name in enumerate((b"caf\xe9", b"two")):
        folder = root / os.fsdecode(name)
        shutil.copytree(photographs / f"class {i}", folder)
        (folder / f"{i:02}.png").rename(folder / os.fsdecode(b"\xff\n.png"))
    return root


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl", ".parquet"])
def test_answers_for_names_that_are_no_text_are_text_that_any_reader_takes(capsys, trained, odd, tmp_path, suffix):
    path = tmp_path / f"answers{suffix}"
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    code, out, _ = run(capsys, "predict", trained, odd, "-o", path, "--gallery", tmp_path / "page.html", "--json")
    assert code == 0
    printed = [each["file"] for each in json.loads(out)]
    if suffix == ".csv":
        with path.open(newline="") as file:
            found = [row["file"] for row in csv.DictReader(file)]
    elif suffix == ".parquet":
        found = sys.modules["pyarrow.parquet"].read_table(path).column("file").to_pylist()
    else:
        text = path.read_text()
        found = [
            each["file"] for each in (json.loads(text) if suffix == ".json" else map(json.loads, text.split("\n")[:-1]))
        ]
    assert found == printed
    assert sum("\\udcff\n.png" in name for name in found) == 2
    "".join(found).encode()  # no half of a character is left


def test_an_answer_is_one_line_whatever_the_name(capsys, trained, odd):
    code, out, _ = run(capsys, "predict", trained, odd)
    assert code == 0
    assert len(out.splitlines()) == 24
    assert r"\udcff\n.png  " in out


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_classes_and_files_whose_names_are_no_text_become_a_run_with_a_report(capsys, trained, odd, tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"f{suffix}"
    assert run(capsys, "features", odd, "--net", trained, "-o", path)[0] == 0
    assert read_table(path).classes == (r"caf\udce9", "two")
    assert run(capsys, "classify-features", path, "--run", tmp_path / "run")[0] == 0
    assert run(capsys, "report", tmp_path / "run")[0] == 0
    assert r"caf\udce9" in (tmp_path / "run" / "report.html").read_text()


def test_a_folder_of_pictures_with_a_folder_among_them_is_taken_whole(capsys, trained, photographs, tmp_path):
    loose = tmp_path / "loose"
    shutil.copytree(photographs / "class 0", loose)
    (loose / "old").mkdir()
    shutil.copy(photographs / "class 1" / "01.png", loose / "old")
    assert run(capsys, "index", loose, "--net", trained, "-o", tmp_path / "i")[0] == 0
    found = load_index(tmp_path / "i")
    assert sorted(found.files) == sorted(str(p) for p in loose.rglob("*.png"))
    assert found.labels is None
    shutil.copy(photographs / "class 0" / "00.png", photographs.parent / "stray.png")
    shutil.copytree(photographs, tmp_path / "sorted")
    shutil.copy(photographs / "class 0" / "00.png", tmp_path / "sorted" / "stray.png")
    assert run(capsys, "index", tmp_path / "sorted", "--net", trained, "-o", tmp_path / "i")[0] == 0
    assert set(load_index(tmp_path / "i").labels) == {"class 0", "class 1"}


def test_a_class_that_has_too_few_once_some_are_held_out_says_so(capsys, trained, photographs, tmp_path):
    shutil.copytree(photographs, tmp_path / "data")
    for file in sorted((tmp_path / "data" / "class 0").iterdir())[2:]:
        file.unlink()
    for seed in range(9):  # the part of a picture is that of its content
        for i, file in enumerate((tmp_path / "data" / "class 0").iterdir()):
            Image.new("L", (28, 28), 20 * seed + i).save(file)
        assert run(capsys, "features", tmp_path / "data", "--net", trained, "-o", tmp_path / "f.npz")[0] == 0
        found = read_table(tmp_path / "f.npz")
        if [s for name, s in zip(found.labels, found.splits, strict=True) if name == "class 0"].count("test") == 1:
            break
    said = wrong(capsys, "classify-features", tmp_path / "f.npz")
    assert "f.npz: class 'class 0' has 2 pictures (1 to learn from, 1 held out)" in said


class TestCode:
    @pytest.fixture
    def coded(self, photographs, tmp_path):
        """A run whose network is Python code, and the code."""
        file = tmp_path / "mine.py"
        file.write_text(NETWORK)
        code = f"{file}:small"
        return striate.train(photographs, code, image=(1, 28, 28), epochs=1, run=tmp_path / "run").run.folder, code

    def test_a_run_of_code_serves_where_both_are_named(self, capsys, coded, photographs, tmp_path):
        folder, code = coded
        said = wrong(capsys, "index", photographs, "--net", folder, "-o", tmp_path / "i")
        assert f"Give --net {code}, and the run by --weights" in said
        options = ["--net", code, "--weights", folder]
        assert run(capsys, "index", photographs, *options, "-o", tmp_path / "i")[0] == 0
        picture = photographs / "class 1" / "01.png"
        model = striate.load(folder, net=code)
        seen = model.features(model.preprocess.open(picture)[None])[0]
        found = load_index(tmp_path / "i")
        row = found.features[found.files.index(str(picture))]
        assert torch.allclose(row, seen / seen.norm(), atol=1e-5)
        code_, out, _ = run(capsys, "search", tmp_path / "i", picture, "-k", "1", *options, "--json")
        assert (code_, json.loads(out)[0]["results"][0]["file"]) == (0, str(picture))

    def test_no_file_may_start_code(self, capsys, coded, photographs, tmp_path):
        folder, code = coded
        options = ["--net", code, "--weights", folder]
        assert run(capsys, "index", photographs, *options, "-o", tmp_path / "i")[0] == 0
        assert run(capsys, "features", photographs, *options, "-o", tmp_path / "f.npz")[0] == 0
        (tmp_path / "mine.py").write_text("raise SystemExit('it was started')")
        for command in (("search", tmp_path / "i", photographs), ("classify-features", tmp_path / "f.npz")):
            said = wrong(capsys, *command)
            assert "was made by Python code, which no file may start" in said
            assert f"give --net {code} --weights {folder}" in said


class TestWhereToWrite:
    @pytest.mark.parametrize("name", ["picture.png", "folder.html"])
    def test_a_page_takes_no_picture_and_no_folder_for_its_place(self, capsys, trained, photographs, tmp_path, name):
        place = tmp_path / name
        if name == "picture.png":
            shutil.copy(photographs / "class 0" / "00.png", place)
        else:
            place.mkdir()
        striate.index(photographs, tmp_path / "i", trained)
        for command in (("predict", trained), ("search", tmp_path / "i")):
            said = wrong(capsys, *command, photographs, "--gallery", place)
            assert f"{place}: a page is an .html file. Give --gallery another name." in said
        if name == "picture.png":
            assert place.read_bytes() == (photographs / "class 0" / "00.png").read_bytes()

    def test_a_folder_for_the_answers_is_told_before_the_work(self, capsys, trained, tmp_path):
        (tmp_path / "a.csv").mkdir()
        assert "a.csv: is a folder" in wrong(capsys, "predict", trained, "nowhere.png", "-o", tmp_path / "a.csv")

    def test_an_evaluation_has_no_page(self, capsys, tmp_path):
        said = wrong(capsys, "search", tmp_path / "i", "--evaluate", "--gallery", tmp_path / "page.html")
        assert "--evaluate finds no picture to show" in said

    def test_what_a_killed_process_left_is_removed_by_the_next(self, capsys, trained, photographs, tmp_path):
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        (tmp_path / f".a.csv.{gone.pid}.tmp").write_text("half a li")
        (tmp_path / f".b.csv.{gone.pid}.tmp").write_text("of another file")
        assert run(capsys, "predict", trained, photographs, "-o", tmp_path / "a.csv")[0] == 0
        assert sorted(p.name for p in tmp_path.iterdir()) == [f".b.csv.{gone.pid}.tmp", "a.csv"]
