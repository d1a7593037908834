"""A run that is trained again from its stored configuration: the same to the last bit, or what is different."""

import json
import re
import shutil

import pytest
import torch

import striate
from striate.cli import main
from striate.errors import ConfigError, RunError
from striate.run import Run
from striate.verbs.reproduce import reproduce

SETTINGS = {"epochs": 2, "batch_size": 64, "threads": 1, "precision": "float32"}


@pytest.fixture(scope="module")
def trained(few_digits, tmp_path_factory):
    return striate.train(few_digits, "simple_cnn", run=tmp_path_factory.mktemp("runs") / "first", **SETTINGS).run


@pytest.fixture
def run(trained, tmp_path):
    """A copy of a trained run, to be changed."""
    return Run(shutil.copytree(trained.folder, tmp_path / "run"))


def test_a_training_gives_the_same_weights_again(trained, few_digits):
    before = sorted(path.name for path in trained.folder.parent.iterdir())
    found = reproduce(trained.folder, data=few_digits)
    assert found.identical
    assert found.differences == ()
    assert found.sha256[1] == json.loads((trained.folder / "model.json").read_text())["sha256"]
    assert found.accuracy[0] == found.accuracy[1] == striate.load(trained.folder).facts["accuracy"]
    assert sorted(path.name for path in trained.folder.parent.iterdir()) == before


def test_the_second_run_is_kept_where_it_is_wanted_and_its_file_is_the_same(trained, few_digits, tmp_path):
    found = reproduce(trained.folder, data=few_digits, keep=tmp_path / "again")
    assert found.again == str(tmp_path / "again")
    assert Run.open(tmp_path / "again").weights.read_bytes() == trained.weights.read_bytes()


def test_another_rate_in_the_configuration_gives_other_weights(run, few_digits):
    run.config.write_text(re.sub("rate = .*", "rate = 0.01", run.config.read_text()))
    found = reproduce(run.folder, data=few_digits)
    assert not found.identical
    assert found.sha256[0] != found.sha256[1]
    assert found.accuracy[0] != found.accuracy[1]


def test_other_data_are_named_as_the_difference(trained, few_digits):
    fewer = type(few_digits)(
        "few digits", few_digits.classes, few_digits.train.take(torch.arange(500)), few_digits.test
    )
    found = reproduce(trained.folder, data=fewer)
    said = {each.what: (each.before, each.now) for each in found.differences}
    assert not found.identical
    assert said["training examples"] == (str(len(few_digits.train)), "500")
    assert len(said["data sha256"][0]) == 64
    assert said["data sha256"][0] != said["data sha256"][1]


def test_a_run_that_was_given_more_epochs_is_told_apart(run, few_digits):
    striate.train(few_digits, resume=run.folder, epochs=3)
    found = reproduce(run.folder, data=few_digits)
    assert not found.identical
    assert [(each.before, each.now) for each in found.differences if each.what == "epochs planned in turn"] == [
        ("2, then 3", "3")
    ]


def test_a_run_that_is_not_finished_says_how_to_finish_it(run, few_digits):
    run.weights.unlink()
    with pytest.raises(RunError, match=r"run: has no model\.safetensors\. Finish it first: striate train --resume"):
        reproduce(run.folder, data=few_digits)


def test_data_from_python_are_asked_for(trained):
    with pytest.raises(ConfigError, match="first: its data was a Python object. Give it again from Python, as data="):
        reproduce(trained.folder)


@pytest.fixture(scope="module")
def from_command(tmp_path_factory):
    """A run of the command on the digits, and an older Striate's version in the card of a copy."""
    folder = tmp_path_factory.mktemp("commands") / "run"
    common = ("--epochs", "1", "--threads", "1", "--precision", "float32", "--json")
    assert main(["train", "digits", "--net", "conv 2-gap-fc", "--run", str(folder), *common]) == 0
    return folder


def test_the_command_says_identical_and_exits_with_0(from_command, capsys):
    capsys.readouterr()
    assert main(["reproduce", str(from_command)]) == 0
    assert re.fullmatch(r"identical  weights [0-9a-f]{16}, accuracy \d+\.\d\d %; .* s\n", capsys.readouterr().out)


def test_the_command_shows_what_differs_and_exits_with_1(from_command, tmp_path, capsys):
    folder = shutil.copytree(from_command, tmp_path / "run")
    config = folder / "config.toml"
    config.write_text(re.sub("seed = .*", "seed = 1", config.read_text()))
    tensors, card = striate.weights.files.load_tensors(folder / "model.safetensors")
    card["facts"]["versions"]["torch"] = "2.6.0"
    striate.weights.files.save_tensors(folder / "model.safetensors", tensors, card)
    capsys.readouterr()
    assert main(["reproduce", str(folder)]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[:2] == [["not", "identical"], ["before", "now"]]
    assert lines[2][0] == "weights"
    assert lines[2][1] != lines[2][2]
    assert ["version", "of", "torch", "2.6.0", torch.__version__] in lines
    assert main(["reproduce", str(folder), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["identical"] is False
    assert {"what": "version of torch", "before": "2.6.0", "now": str(torch.__version__)} in said["differences"]
