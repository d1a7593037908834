"""What a run is not gone on with, and in what words; and that going on costs the same at any step."""

import dataclasses
import json
import re
import time
from pathlib import Path

import pytest
import torch

import striate
from striate.cli import main
from striate.data.records import DataSet, Pictures
from striate.errors import ConfigError, RunError
from striate.run import Run
from striate.settings import kinds
from striate.training.checkpoints import State, newest, save
from striate.training.config import HARMLESS, TrainConfig
from striate.training.events import Step
from striate.training.resume import resumed_config
from striate.weights.files import load_tensors, save_tensors

NET = "conv 2-gap-fc"
ALIKE = {"threads": 1, "precision": "float32", "memory_format": "channels_last"}


def noise(n=64, size=8, classes=2):
    images = torch.randint(256, (n, 1, size, size), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return DataSet("noise", tuple("ab"[:classes]), Pictures(images, torch.arange(n) % classes), None)


@pytest.fixture
def finished(tmp_path):
    """A run of one epoch."""
    return striate.train(noise(), NET, run=tmp_path / "run", epochs=1, batch_size=8, **ALIKE).run


def another(field, kind, value):
    """A value of a setting that is allowed and is not `value`."""
    choices, low, high = (field.metadata[key] for key in ("choices", "low", "high"))
    if choices:
        return next(choice for choice in choices if choice != value)
    if kind.type is bool:
        return not value
    if kind.type in (int, float):
        wanted = (value or low or 0) + (1 if kind.type is int else 0.01)
        return kind.type(wanted if high is None or wanted <= high else (value - (1 if kind.type is int else 0.01)))
    return {"shape": (1, 9, 9), Path: Path("elsewhere")}.get(kind.type, "something else")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A run folder with every setting at its default."""
    run = Run(tmp_path_factory.mktemp("stored"))
    run.write_settings(TrainConfig("digits", epochs=1, rate=0.1))
    return run


@pytest.mark.parametrize("field", dataclasses.fields(TrainConfig), ids=lambda field: field.name)
def test_every_setting_is_harmless_or_refused_with_both_values(stored, field):
    before = getattr(resumed_config(stored, {}), field.name)
    value = another(field, kinds(TrainConfig)[field.name], before)
    if field.name in HARMLESS:
        found = resumed_config(stored, {field.name: value})
        assert getattr(found, field.name) == (stored.folder if field.name == "run" else value)
    else:
        words = f"{field.name} was {before!r} and is {value!r}. Leave it out, or start a new run."
        with pytest.raises(ConfigError, match=re.escape(words)):
            resumed_config(stored, {field.name: value})


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_is_a_setting(name):
    assert name in kinds(TrainConfig)


def test_fewer_epochs_than_are_over_are_refused(tmp_path):
    striate.train(noise(), NET, run=tmp_path / "run", epochs=3, batch_size=8, save_every=0.0, **ALIKE)
    with pytest.raises(ConfigError, match="run: has 2 epochs behind it already; --epochs must be at least 2"):
        striate.train(noise(), resume=tmp_path / "run", epochs=1)


def test_a_finished_run_is_complete_and_stays_as_it_is(finished):
    before = finished.weights.read_bytes()
    again = striate.train(noise(), resume=finished.folder)
    assert again.resumed_from == again.steps == 8
    assert finished.weights.read_bytes() == before


def test_the_command_says_that_a_run_is_complete(tmp_path, capsys):
    run = str(tmp_path / "run")
    assert main(["train", "digits", "--net", NET, "--epochs", "1", "--threads", "1", "--run", run]) == 0
    capsys.readouterr()
    assert main(["train", "--resume", run]) == 0
    assert "complete after step 32; with more --epochs it goes on" in capsys.readouterr().err


def test_epochs_that_were_added_are_remembered(finished):
    striate.train(noise(), resume=finished.folder, epochs=3)
    assert finished.settings()["epochs"] == 3
    assert striate.train(noise(), resume=finished.folder).steps == 24


def test_a_run_that_its_time_budget_ended_is_complete(tmp_path):
    run = tmp_path / "run"
    ended = striate.train(noise(), NET, run=run, epochs=10**5, batch_size=8, minutes=0.003, **ALIKE)
    assert striate.train(noise(), resume=run).steps == ended.steps


def test_a_run_folder_of_a_newer_version_is_refused_by_its_number(finished):
    text = finished.config.read_text()
    finished.config.write_text(text.replace("schema = 1 ", "schema = 2 "))
    words = r"config\.toml: was written by a newer Striate \(settings of schema 2, this one reads 1\)\. Update it\."
    with pytest.raises(ConfigError, match=words):
        striate.train(noise(), resume=finished.folder)
    finished.config.write_text(text.replace("schema = 1 ", 'schema = "new" '))
    with pytest.raises(ConfigError, match=r"config\.toml: schema is 'new'; it must be 1\."):
        striate.train(noise(), resume=finished.folder)


def test_a_checkpoint_of_a_newer_version_is_refused_and_no_older_one_is_taken(finished):
    last = max(finished.checkpoints.glob("*.safetensors"))
    tensors, card = load_tensors(last)
    known = {key: card[key] for key in ("step", "values")}
    save_tensors(last, tensors, {**known, "checkpoint": 2})
    with pytest.raises(
        RunError, match=r"step-000000008\.safetensors: was written by a newer Striate \(checkpoint schema 2"
    ):
        striate.train(noise(), resume=finished.folder)


def test_a_resume_without_a_checkpoint_names_the_run_and_what_was_refused(finished):
    for file in finished.checkpoints.glob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-1])
    words = r"run: has no checkpoint to go on from\. Train it anew with --overwrite\. Refused: .*000008.*; .*000000\."
    with pytest.raises(RunError, match=words):
        striate.train(noise(), resume=finished.folder)


def swapped(data):
    return dataclasses.replace(data, classes=data.classes[::-1])


def added(data):
    return dataclasses.replace(data, classes=(*data.classes, "c"))


def renamed(data):
    return dataclasses.replace(data, classes=("a", "z"))


@pytest.mark.parametrize(
    ("change", "words"), [(swapped, "another order"), (added, "new 'c'"), (renamed, "gone 'b'; new 'z'")]
)
def test_other_classes_are_refused_with_what_changed(finished, change, words):
    with pytest.raises(ConfigError, match=f"run: its classes are not those of the data any more: {words}"):
        striate.train(change(noise()), resume=finished.folder)


def test_a_network_in_a_file_is_not_started_because_a_run_folder_names_it(finished, tmp_path):
    canary = tmp_path / "canary"
    code = tmp_path / "evil.py"
    code.write_text(f"open({str(canary)!r}, 'w')\n")
    finished.config.write_text(re.sub("net = .*", f'net = "{code}:net"', finished.config.read_text()))
    finished.config.write_text(re.sub("data = .*", 'data = "digits"', finished.config.read_text()))
    with pytest.raises(
        ConfigError, match=r"its network is Python code .*evil\.py:net.*, which no file may start\. .*--net"
    ):
        striate.train(resume=finished.folder)
    assert main(["train", "--resume", str(finished.folder)]) == 2
    assert main(["reproduce", str(finished.folder)]) == 2
    assert not canary.exists()


@pytest.mark.parametrize(("what", "given"), [("data", {}), ("net", {})])
def test_what_was_a_python_object_is_asked_for(tmp_path, what, given):
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    striate.train(noise(), module, run=tmp_path / "run", epochs=1, batch_size=8, **ALIKE)
    given = {"data": None} if what == "data" else {"data": noise(), "net": None}
    with pytest.raises(ConfigError, match=f"its {what} was a Python object. Give it again from Python, as {what}="):
        striate.train(given.pop("data"), resume=tmp_path / "run", **given)


def test_a_damaged_log_does_not_keep_a_run_from_going_on(finished):
    lines = finished.log.read_bytes().splitlines(keepends=True)
    finished.log.write_bytes(b"".join(lines[:4]) + lines[4][:10])
    again = striate.train(noise(), resume=finished.folder, epochs=2)
    assert again.steps == 16
    assert all(json.loads(line) for line in finished.log.read_text().splitlines())


def moved_to(run, step, epochs, lines):
    """Put a run at a later step of a longer training, with a log as long as it would have."""
    state = newest(run.checkpoints).state
    values = {**state.values, "epochs_told": epochs, "lines": lines}
    values["loop"] = {**values["loop"], "step": step}
    save(run.checkpoints, State(step, state.tensors, values))
    told = json.dumps(
        {"event": "step", "step": 1, "epoch": 1, "loss": 1.0, "accuracy": 0.5, "rate": 0.1, "seconds": 1.0}
    )
    run.log.write_text((told + "\n") * lines)


@pytest.mark.parametrize("epochs", [1, 100_000])
def test_the_first_new_step_comes_at_once_after_one_step_and_after_a_million(tmp_path, epochs):
    """10,000 epochs leave some 200,000 lines in the log. Imports apart, which cost the same wherever it stood."""
    run = striate.train(noise(80), NET, run=tmp_path / "run", epochs=1, batch_size=8, **ALIKE).run
    moved_to(run, 10 * epochs, epochs, 2 * epochs)
    times = []
    begun = time.perf_counter()
    striate.train(
        noise(80),
        resume=run.folder,
        epochs=epochs + 1,
        tell=lambda event: times.append(time.perf_counter() - begun) if isinstance(event, Step) else None,
    )
    assert times[0] < 2.0
