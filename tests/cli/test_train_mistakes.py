"""Mistakes in what a training is asked for: one line that names the file or the option, before anything is written."""

import re

import pytest
import torch
from PIL import Image

from striate.cli import main

NET = ("--net", "conv 2-relu-gap-fc", "--epochs", "1", "--threads", "1", "--precision", "float32")


@pytest.fixture
def pictures(tmp_path):
    """Makes folders of noise: pictures({"train/a": 4, ...})."""
    draw = torch.Generator().manual_seed(0)

    def make(counts):
        for folder, count in counts.items():
            (tmp_path / "set" / folder).mkdir(parents=True)
            for number in range(count):
                noise = torch.randint(256, (9, 9, 3), generator=draw).to(torch.uint8)
                Image.fromarray(noise.numpy()).save(tmp_path / "set" / folder / f"{number}.png")
        return str(tmp_path / "set")

    return make


def refused(capsys, tmp_path, *arguments):
    run = tmp_path / "run"
    assert main(["train", *arguments, "--run", str(run)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("striate: ")
    assert said.err.count("\n") == 1
    assert len(said.err) < 400
    assert not run.exists()
    return said.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rate", "1000"), "train: rate is 1000; it must be between 0 and 100."),
        (("--rate", "nan"), "train: rate is nan; it must be between 0 and 100."),
        (("--rate", "fast"), "train: rate is 'fast'; it must be a number."),
        (("--batch-size", "0"), "train: batch_size is 0; it must be between 1 and 1e+07."),
        (("--batch-size", "2.5"), "train: batch_size is '2.5'; it must be a whole number."),
        (("--epochs", "0"), "train: epochs is 0; it must be between 1 and 1e+06."),
        (("--epochs", "1" + 400 * "0"), "train: epochs is 1000"),
        (("--epochs", "1" + 5000 * "0"), "0...; it must be a whole number."),
        (("--workers", "1000"), "train: workers is 1000; it must be between 0 and 256."),
        (("--workers", "-1"), "train: workers is -1; it must be between 0 and 256."),
        (("--image", "0x3"), "train: image is '0x3'; it must be sizes of 1 to 65,536, as 3x224x224."),
        (("--image", "1x1000000x1000000"), "it must be sizes of 1 to 65,536, as 3x224x224."),
        (("--minutes", "-1"), "train: minutes is -1; it must be at least 0."),
        (("--minutes", "inf"), "train: minutes is inf; it must be at least 0."),
        (("--threads", "100000"), "train: threads is 100000; it must be between 0 and 1024."),
        (("--save-every", "-1"), "train: save_every is -1; it must be at least 0."),
    ],
)
def test_an_option_out_of_range_is_named_with_its_bounds(capsys, tmp_path, options, words):
    assert words in refused(capsys, tmp_path, "digits", *options)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rate = 1000", "r.toml: rate is 1000; it must be between 0 and 100."),
        ("batch_size = 2.5", "r.toml: batch_size is 2.5; it must be a whole number."),
        ("epochs = 1" + 400 * "0", "r.toml: epochs is 1000"),
        ("epochs = 1" + 5000 * "0", "r.toml: cannot be read as TOML (Exceeds the limit"),
        ("image = [1, -5, 3]", "r.toml: image is 1x-5x3; it must be sizes of 1 to 65,536, as 3x224x224."),
        ("schema = 9", "r.toml: was written by a newer Striate (settings of schema 9, this one reads 1). Update it."),
    ],
)
def test_a_value_out_of_range_in_a_recipe_is_named_with_its_file(capsys, tmp_path, line, words):
    (tmp_path / "r.toml").write_text(f"{line}\ndata = 'digits'\n")
    assert words in refused(capsys, tmp_path, "--recipe", str(tmp_path / "r.toml"))


def test_a_single_class_is_nothing_to_tell_apart(capsys, tmp_path, pictures):
    said = refused(capsys, tmp_path, pictures({"only": 9}), *NET)
    assert (
        "set: all training pictures are of one class, 'only'. There is nothing to tell apart: give pictures of" in said
    )


def test_no_training_pictures_are_told_with_the_empty_folder(capsys, tmp_path, pictures):
    said = refused(capsys, tmp_path, pictures({"train/a": 0, "train/b": 0, "test/a": 4, "test/b": 4}), *NET)
    assert "set: has no training pictures: the folder 'train' holds no picture in a folder of a class." in said


def test_an_empty_test_folder_is_told_and_pictures_are_held_out_instead(capsys, tmp_path, pictures):
    data = pictures({"train/a": 9, "train/b": 9, "test/a": 0, "test/b": 0})
    assert main(["train", data, *NET, "--run", str(tmp_path / "run")]) == 0
    said = capsys.readouterr()
    assert "warning: set: the folder 'test' holds no picture in a folder of a class" in said.err
    assert re.search(r"accuracy .* on \d held-out pictures", said.out)


def test_fewer_pictures_than_a_batch_are_one_batch(capsys, tmp_path, pictures):
    data = pictures({"a": 4, "b": 4})
    assert main(["train", data, *NET, "--batch-size", "512", "--run", str(tmp_path / "run")]) == 0
    assert ", 1 steps" in capsys.readouterr().out


def test_a_resume_of_nothing_is_named(capsys, tmp_path):
    for folder, words in ((tmp_path / "none", "there is no such folder"), (tmp_path, "is not the folder of a run")):
        assert main(["train", "--resume", str(folder)]) == 2
        assert f"{folder}: {words}" in capsys.readouterr().err


def test_a_folder_that_is_taken_is_told_before_any_picture_is_read(capsys, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.jsonl").write_text("")
    assert main(["train", str(tmp_path / "no pictures at all"), "--run", str(tmp_path / "run")]) == 2
    assert "run: holds a run already. Give another folder, or --overwrite" in capsys.readouterr().err
