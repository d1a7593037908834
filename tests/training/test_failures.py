"""What fails in a training ends with one line that names it, exit code 1, and a checkpoint of the last whole step."""

import re
import subprocess
import time

import pytest
import torch
from PIL import Image
from torch import nn

import striate
from striate.cli import main
from striate.errors import TrainingError
from striate.model import load
from striate.run import Run
from striate.training.checkpoints import newest
from striate.training.events import Started, Unreadable

ALIKE = ("--threads", 1, "--precision", "float32", "--memory-format", "channels_last")
LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_{what}, ({limit}, {limit}))
"""
LIMITED_ADDRESSES = """
import resource, re
now = int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (now + {more}, now + {more}))
"""

NETS = """
import torch
from torch import nn


class OwnPreprocessing(nn.Module):
    '''Stretches each picture to 0..1, which cannot be done with one of a single grey.'''

    def __init__(self, image, classes):
        super().__init__()
        self.fc = nn.Linear(image[0] * image[1] * image[2], classes)

    def forward(self, x):
        low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        return self.fc(((x - low) / (high - low)).flatten(1))


class SteepAtZero(nn.Module):
    '''Its loss is a number, and the slope of its weight is none where it is 0.'''

    def __init__(self, image, classes):
        super().__init__()
        self.fc = nn.Linear(image[0] * image[1] * image[2], classes)
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.fc(x.flatten(1)) + self.scale.abs().sqrt()
"""


def failed(commands, run, *arguments, before=""):
    """The one line that a command ends with that fails by itself."""
    code, said, errors = commands.finish(run, *arguments, before=before)
    assert (code, said) == (1, None), errors
    assert "Traceback" not in errors
    last = errors.splitlines()[-1]
    assert last.startswith("striate: ")
    return last


@pytest.fixture
def grey_one(picture_folder, tmp_path):
    """Pictures of two classes, and among them three of a single grey: one at least will not be held out."""
    folder = picture_folder(tmp_path / "shades", count=30)
    for grey in (90, 91, 92):
        Image.new("RGB", (12, 12), (grey,) * 3).save(folder / "light" / f"flat-{grey}.png")
    (tmp_path / "nets.py").write_text(NETS)
    return folder


def test_an_input_that_a_network_turns_into_no_number_is_named_by_file(commands, grey_one, tmp_path):
    net = ("--net", "nets.py:OwnPreprocessing")
    said = failed(commands, tmp_path / "run", grey_one, *net, "--epochs", 9, "--batch-size", 8, *ALIKE)
    found = re.search(
        r"step (\d+): the loss is nan; the weights were not changed by it\. .*The pictures were (.*)\.", said
    )
    assert "light/flat-" in found[2]
    assert len(found[2].split(", ")) == 8
    kept = newest(tmp_path / "run" / "checkpoints").state
    assert kept.step == int(found[1]) - 1
    assert all(bool(tensor.isfinite().all()) for tensor in kept.tensors.values())


def test_a_gradient_that_is_no_number_is_found_though_the_loss_is_one(commands, grey_one, tmp_path):
    net = ("--net", "nets.py:SteepAtZero")
    said = failed(commands, tmp_path / "run", grey_one, *net, "--epochs", 1, "--batch-size", 8, *ALIKE)
    assert re.search(r"step 1: the length of the gradient is nan; the weights were not changed", said)
    assert newest(tmp_path / "run" / "checkpoints").state.step == 0


LARGE = ("digits", "--net", "conv 64-relu-gap-fc", "--epochs", 1, "--batch-size", 3000, *ALIKE)


def test_memory_that_is_too_small_names_batch_and_size_and_fit_memory_takes_the_same_steps(commands, tmp_path):
    small = LIMITED_ADDRESSES.format(more=900 * 2**20)  # a step takes 3000 x 64 x 28 x 28 x 4 bytes a few times
    said = failed(commands, tmp_path / "run", *LARGE, before=small)
    words = r"the memory of cpu is too small for 3000 pictures of 1x28x28 at once\. .*--fit-memory.* step of 3000 in"
    assert re.search(words, said)
    code, said, errors = commands.finish(tmp_path / "run", "--resume", "--fit-memory", before=small)
    assert code == 0, errors
    assert (said["resumed_from"], said["steps"]) == (0, 2)


def test_pictures_that_vanish_during_the_training_are_told_and_left_out(picture_folder, tmp_path):
    folder = picture_folder(tmp_path / "shades", count=30)
    gone = ["dark/003.png", "dark/011.png", "light/007.png", "light/020.png", "light/021.png"]
    told = []

    def tell(event):
        if isinstance(event, Started):
            for name in gone:
                (folder / name).unlink()
        told.append(event)

    settings = {"epochs": 2, "batch_size": 2, "max_bad": 0.2, "threads": 1, "precision": "float32"}
    result = striate.train(folder, "conv 4-relu-gap-bn-fc", run=tmp_path / "run", tell=tell, **settings)
    named = {event.file for event in told if isinstance(event, Unreadable)}
    assert named == set(gone)  # of both parts; batch norm was never given one picture alone
    assert all("there is no such file" in event.reason for event in told if isinstance(event, Unreadable))
    assert result.model.facts["unreadable"] == len(gone)


def test_too_many_pictures_that_vanish_end_the_training_at_that_step_with_a_checkpoint(picture_folder, tmp_path):
    folder = picture_folder(tmp_path / "shades", count=30)

    def tell(event):
        if isinstance(event, Started):
            for path in sorted((folder / "dark").iterdir()):
                path.unlink()

    settings = {"epochs": 50, "batch_size": 8, "threads": 1, "precision": "float32"}
    with pytest.raises(
        TrainingError, match=r"\d+ of 60 pictures cannot be read, more than --max-bad 0.01 allows; the "
    ):
        striate.train(folder, "conv 4-relu-gap-fc", run=tmp_path / "run", tell=tell, **settings)
    assert newest(tmp_path / "run" / "checkpoints").state.step == 1


DIGITS = ("digits", "--net", "simple_cnn", "--epochs", 1, *ALIKE)


def test_a_disk_that_stays_full_is_warned_of_each_time_and_ends_with_1_and_the_model(commands, tmp_path):
    """No file may grow beyond 100,000 bytes: the model and the first checkpoint are smaller, later ones are not."""
    run = tmp_path / "run"
    said = failed(commands, run, *DIGITS, "--save-every", 0, before=LIMITED.format(what="FSIZE", limit=100_000))
    words = (
        r"step-000000032.safetensors: cannot be saved \(larger than this process may write, see `ulimit -f`\): it "
        r"needs [\d.]+ k\w*, [\d.]+ \w+ are free\. The checkpoints before it are kept\. .*--resume .*run goes on\."
    )
    assert re.search(words, said), said
    warnings = [event["text"] for event in Run(run).events() if event["event"] == "warning"]
    assert [int(re.search(r"step-(\d+)", text)[1]) for text in warnings] == [*range(1, 33), 32]  # the end tries again
    assert newest(run / "checkpoints").state.step == 0
    assert load(run).facts["steps"] == 32
    assert [event["epoch"] for event in Run(run).events() if event["event"] == "epoch"] == [1]
    code, again, errors = commands.finish(run, "--resume")
    assert code == 0, errors
    assert again["resumed_from"] == 0
    assert (run / "report.html").exists()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB of its own, where this process may have one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no disk of its own can be mounted here; that takes root")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(place):
    """Leave no byte."""
    with (place / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(b"0" * 4096):
                pass
        except OSError:
            return


def test_a_disk_that_was_full_for_a_while_costs_nothing(commands, small_disk, tmp_path):
    code, _, errors = commands.finish(tmp_path / "whole", *DIGITS)
    assert code == 0, errors
    command = commands.start(small_disk / "run", *DIGITS, "--save-every", 0)
    command.until(lambda: (command.steps() or [-1])[-1] >= 3)
    fill(small_disk)
    until_warned(command)
    (small_disk / "ballast").unlink()
    full = command.steps()[-1]
    command.until(lambda: (command.steps() or [-1])[-1] > full)
    assert command.wait() == 0, command.said()
    assert "No space left on device" in command.said()
    ours, theirs = (load(place / "run" if place is small_disk else place) for place in (small_disk, tmp_path / "whole"))
    assert ours.facts["accuracy"] == theirs.facts["accuracy"]
    steps = [event["step"] for event in Run(small_disk / "run").events() if event["event"] == "step"]
    assert steps == list(range(1, 33)), "a line of the log was lost"


def until_warned(command):
    end = time.monotonic() + 60
    while b"warning" not in command.err.read_bytes():
        assert time.monotonic() < end, command.said()
        time.sleep(0.01)


def test_a_run_folder_that_became_read_only_is_told_in_one_line(commands, small_disk, capsys):
    code, _, errors = commands.finish(small_disk / "run", "digits", "--net", "conv 2-gap-fc", "--epochs", 1, *ALIKE)
    assert code == 0, errors
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert main(["train", "--resume", str(small_disk / "run"), "--epochs", "2"]) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(r"striate: .*run: cannot be locked \(Read-only file system\)\. Give a folder .*\n", said)


NOBODY_READS = """
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 2)
"""


def test_a_terminal_that_goes_away_does_not_end_the_training(commands, tmp_path):
    """Progress is written to a pipe that nobody reads any more; the command ends as it would have."""
    code, said, errors = commands.finish(tmp_path / "run", *DIGITS, before=NOBODY_READS)
    assert (code, errors) == (0, "")
    assert said["steps"] == 32


class Failing(nn.Module):
    """Fails in its fifth step, after batch norm has counted its pictures."""

    def __init__(self, at):
        super().__init__()
        torch.manual_seed(0)
        self.norm, self.fc, self.at, self.steps = nn.BatchNorm1d(144), nn.Linear(144, 2), at, 0

    def forward(self, x):
        given = self.norm(x.flatten(1)[:, :144])
        self.steps += int(self.training and x.device.type != "meta")
        if self.steps == self.at:
            raise ZeroDivisionError("an error of the network's own")
        return self.fc(given)


def test_an_error_of_a_networks_own_code_is_not_hidden_and_costs_no_step(two_classes, tmp_path):
    settings = {"epochs": 2, "batch_size": 8, "threads": 1, "precision": "float32", "memory_format": "channels_last"}
    whole = striate.train(two_classes, Failing(-1), run=tmp_path / "whole", **settings)
    module = Failing(7)
    with pytest.raises(ZeroDivisionError, match="an error of the network's own"):
        striate.train(two_classes, module, run=tmp_path / "run", **settings)
    stood = newest(tmp_path / "run" / "checkpoints").state.step
    assert stood > 2
    resumed = striate.train(two_classes, Failing(-1), resume=tmp_path / "run")
    assert resumed.resumed_from == stood
    theirs = whole.model.net.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in resumed.model.net.state_dict().items())
