"""A stop at the moments that are not a step: in an evaluation, and where the terminal is meant to go away."""

import signal

import pytest
import torch
from torch import nn

import striate
from striate.data.records import DataSet, Pictures
from striate.training.checkpoints import newest
from striate.training.stopping import Interrupted, Stops

SETTINGS = {"batch_size": 8, "threads": 1, "precision": "float32", "ema": 0.9, "epochs": 3}


class Asking(nn.Module):
    """A network that gets a SIGTERM at its evaluation number `at`, and answers like any other."""

    def __init__(self, at):
        super().__init__()
        torch.manual_seed(1)
        self.fc, self.at, self.evaluations = nn.Linear(64, 2), at, 0

    def forward(self, x):
        if not self.training and not x.is_meta:
            self.evaluations += 1
            if self.evaluations == self.at:
                signal.raise_signal(signal.SIGTERM)
        return self.fc(x.flatten(1))


@pytest.fixture(scope="module")
def noise():
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(256, (120, 1, 8, 8), generator=draw).to(torch.uint8)
    labels = torch.arange(120) % 2
    train, test = Pictures(images[:80], labels[:80]), Pictures(images[80:], labels[80:])
    return DataSet("noise", ("a", "b"), train, test)


def evaluations_before(noise, tmp_path):
    """The number of times the network is evaluated before the first epoch is over."""
    module = Asking(0)
    counts = []
    striate.train(
        noise, module, run=tmp_path / "count", tell=lambda e: counts.append((e.event, module.evaluations)), **SETTINGS
    )
    return next(count for event, count in counts if event == "started"), [c for event, c in counts if event == "epoch"]


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_stop_in_an_evaluation_ends_it_at_once_and_the_run_goes_on_exactly(noise, tmp_path, epoch):
    """In the last epoch the network holds the averaged weights by then; the checkpoint must not."""
    before, after = evaluations_before(noise, tmp_path)
    whole = striate.train(noise, Asking(0), run=tmp_path / "whole", **SETTINGS)
    at = ([before, *after])[epoch - 1] + 1
    stopped = striate.train(noise, Asking(at), run=tmp_path / "run", **SETTINGS)
    assert (stopped.stopped_by, stopped.steps) == (signal.SIGTERM, epoch * 10)
    assert newest(tmp_path / "run" / "checkpoints").state.step == epoch * 10
    resumed = striate.train(noise, Asking(0), resume=tmp_path / "run")
    assert torch.equal(resumed.model.net.fc.weight, whole.model.net.fc.weight)
    assert resumed.accuracy == whole.accuracy
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (
        tmp_path / "whole" / "model.safetensors"
    ).read_bytes()


def test_a_training_that_does_not_mind_its_terminal_goes_on_without_it(commands, tmp_path):
    settings = ("digits", "--net", "conv 2-gap-fc", "--epochs", 3, "--threads", 1, "--precision", "float32")
    ignored = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    command = commands.start(tmp_path / "run", *settings, before=ignored)
    command.until(lambda: command.told() >= 3)
    command.signal(signal.SIGHUP)
    assert command.wait() == 0


def test_what_is_to_end_at_once_does_and_the_handlers_from_before_are_back():
    before = signal.getsignal(signal.SIGTERM)
    with Stops() as stops:
        with pytest.raises(Interrupted), stops.at_once():
            signal.raise_signal(signal.SIGTERM)
        assert stops.asked == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is before  # the next signal is not caught here any more
        with pytest.raises(Interrupted), stops.at_once():
            pytest.fail("it was asked to stop before")
    assert signal.getsignal(signal.SIGTERM) is before
