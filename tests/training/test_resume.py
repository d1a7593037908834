"""A training that was stopped goes on as if it had never been: the weights are the same to the last bit."""

import signal

import pytest
import torch

import striate
from striate.data.records import DataSet, Pictures
from striate.errors import ConfigError, RunError
from striate.run import Run
from striate.training.checkpoints import newest
from striate.training.events import Resumed, Step

ALIKE = {"threads": 1, "precision": "float32", "memory_format": "channels_last"}  # what is faster is measured
SETTINGS = {
    "plain": {},
    "every kind of change": {"flip": True, "shift": 2, "rotate": 10.0, "jitter": 0.2, "mixup": 0.2, "erase": 0.3},
    "adam": {"optimizer": "adamw", "schedule": "cosine", "warm_up": 0.1},
    "rmsprop in parts": {"optimizer": "rmsprop", "accumulate": 3, "schedule": "step"},
    "averaged": {"ema": 0.99},
    "the best": {"keep": "best", "patience": 5},
    "balanced": {"balance": "sampling", "loss": "binary"},
}


def stop_at(step):
    """What asks to stop, once: a second signal would stop at once."""
    asked = []

    def tell(event):
        if isinstance(event, Step) and event.step >= step and not asked:
            asked.append(event)
            signal.raise_signal(signal.SIGTERM)

    return tell


def same_weights(one, other):
    ours, theirs = one.model.net.state_dict(), other.model.net.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_stopped_training_ends_with_the_weights_of_an_unbroken_one(name, few_digits, tmp_path):
    settings = {"epochs": 3, "batch_size": 64, **ALIKE, **SETTINGS[name]}
    whole = striate.train(few_digits, "simple_cnn", run=tmp_path / "whole", **settings)
    broken = striate.train(few_digits, "simple_cnn", run=tmp_path / "broken", tell=stop_at(11), **settings)
    assert 11 <= broken.steps < whole.steps
    assert broken.stopped_by == signal.SIGTERM
    resumed = striate.train(few_digits, "simple_cnn", resume=tmp_path / "broken")
    assert resumed.resumed_from == broken.steps
    assert resumed.steps == whole.steps
    assert same_weights(whole, resumed)
    assert resumed.accuracy == whole.accuracy


def test_dropout_and_batch_norm_go_on_exactly(few_digits, tmp_path):
    net = "conv-bn-relu-pool-dropout-fc"
    settings = {"epochs": 2, "batch_size": 50, **ALIKE}
    whole = striate.train(few_digits, net, run=tmp_path / "whole", **settings)
    striate.train(few_digits, net, run=tmp_path / "broken", tell=stop_at(7), **settings)
    assert same_weights(whole, striate.train(few_digits, net, resume=tmp_path / "broken"))


def test_the_log_tells_every_step_and_epoch_once(few_digits, tmp_path):
    settings = {"epochs": 3, "batch_size": 64, **ALIKE}
    whole = striate.train(few_digits, "simple_cnn", run=tmp_path / "whole", **settings)
    striate.train(few_digits, "simple_cnn", run=tmp_path / "broken", tell=stop_at(11), **settings)
    striate.train(few_digits, "simple_cnn", resume=tmp_path / "broken")
    told = {}
    for run in (whole.run, Run.open(tmp_path / "broken")):
        told[run.folder.name] = (
            [(e["event"], e["epoch"], e["loss"]) for e in run.events() if e["event"] == "epoch"],
            sorted({e["step"] for e in run.events() if e["event"] == "step"}),
        )
    assert told["whole"][0] == told["broken"][0]
    assert set(told["whole"][1]) <= set(told["broken"][1])


def test_a_finished_run_goes_on_with_more_epochs(few_digits, tmp_path):
    first = striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=1)
    more = striate.train(few_digits, "simple_cnn", resume=tmp_path / "run", epochs=3)
    assert more.resumed_from == first.steps
    assert more.steps == 3 * first.steps


def test_another_configuration_is_refused_with_the_difference(few_digits, tmp_path):
    striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=1)
    with pytest.raises(ConfigError, match=r"optimizer was 'sgd' and is 'adam'; rate was 0.15 and is 0.01"):
        striate.train(few_digits, "simple_cnn", resume=tmp_path / "run", optimizer="adam", rate=0.01)


def test_other_classes_are_refused_with_the_difference(few_digits, tmp_path):
    striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=1)
    renamed = DataSet("digits", ("zero", *few_digits.classes[1:]), few_digits.train, few_digits.test)
    with pytest.raises(ConfigError, match="classes are not those of the data any more: gone '0'; new 'zero'"):
        striate.train(renamed, "simple_cnn", resume=tmp_path / "run")


def test_other_pictures_are_refused(few_digits, tmp_path):
    striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=1)
    fewer = Pictures(few_digits.train.images[1:], few_digits.train.labels[1:])
    with pytest.raises(ConfigError, match="the training pictures are not those it was trained on"):
        striate.train(
            DataSet("digits", few_digits.classes, fewer, few_digits.test), "simple_cnn", resume=tmp_path / "run"
        )


def test_a_run_without_a_checkpoint_says_so(few_digits, tmp_path):
    run = striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=1).run
    for file in run.checkpoints.iterdir():
        file.unlink()
    with pytest.raises(RunError, match="has no checkpoint to go on from"):
        striate.train(few_digits, "simple_cnn", resume=run.folder)


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(few_digits, tmp_path):
    settings = {"epochs": 2, "batch_size": 64, **ALIKE, "save_every": 0.0}
    whole = striate.train(few_digits, "simple_cnn", run=tmp_path / "run", **settings)
    last = max(whole.run.checkpoints.glob("*.safetensors"))
    body = bytearray(last.read_bytes())
    body[len(body) // 2] ^= 1
    last.write_bytes(bytes(body))
    assert newest(whole.run.checkpoints).state.step < whole.steps
    events = []
    again = striate.train(few_digits, "simple_cnn", resume=tmp_path / "run", tell=events.append)
    (resumed,) = [event for event in events if isinstance(event, Resumed)]
    assert last.name in resumed.refused[0]
    assert same_weights(whole, again)
