"""How a training computes: measured once, kept, and never slower than it must be for depthwise convolutions."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

import striate
from striate.data.preprocess import Preprocess
from striate.errors import ConfigError
from striate.settings import checked
from striate.training.config import TrainConfig
from striate.training.depthwise import is_slow, quick_depthwise
from striate.training.load import STAT, Others
from striate.training.machine import Machine, candidates, usual
from striate.training.measuring import choose

SMALL = Preprocess((1, 8, 8), (0.5,), (0.5,), "exact")


def config(**values):
    return checked(TrainConfig, {"data": "", "batch_size": 8, **values}, where="test")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(Others, "cores", lambda self: 0.0)
    return tmp_path


def net():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def test_what_is_set_is_not_measured(cache):
    found = choose(config(precision="float32", threads=1, memory_format="channels_first"), net(), SMALL, 3)
    assert found.speeds == {}
    assert (found.machine.precision, found.machine.threads, found.machine.layout) == ("float32", 1, "channels_first")


def test_what_is_open_is_measured_and_kept_so_that_the_next_training_computes_alike(cache):
    first = choose(config(threads=1), net(), SMALL, 3)
    assert len(first.speeds) == len(candidates(config(threads=1)))
    assert all(speed > 0 for speed in first.speeds.values())
    again = choose(config(threads=1), net(), SMALL, 3)
    assert again.machine == first.machine
    assert again.speeds == {}


def test_measuring_changes_neither_the_network_nor_the_random_numbers(cache):
    mine = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    before, drawn = copy.deepcopy(mine.state_dict()), torch.get_rng_state()
    choose(config(), mine, SMALL, 3)
    assert all(torch.equal(value, before[name]) for name, value in mine.state_dict().items())
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_damaged_measurement_is_made_again(cache):
    first = choose(config(threads=1), net(), SMALL, 3)
    (file,) = (cache / "machine").iterdir()
    file.write_text('{"fastest": "float64 sideways 99", "busy": false}')
    assert choose(config(threads=1), net(), SMALL, 3).speeds.keys() == first.speeds.keys()


def test_the_choice_is_written_into_the_run(few_digits, tmp_path):
    run = striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=1, threads=1).run
    settings = run.settings()
    assert settings["precision"] in ("float32", "bfloat16")
    assert settings["memory_format"] in ("channels_last", "channels_first")
    assert settings["threads"] == 1


def test_a_device_that_is_not_there_is_named():
    if torch.cuda.is_available():
        pytest.skip("a GPU is there")
    with pytest.raises(ConfigError, match="device is cuda, which torch does not find here. There is cpu"):
        usual(config(device="cuda"))


@pytest.mark.parametrize(("kernel", "stride", "slow"), [(3, 2, True), (5, 1, True), (3, 1, False)])
def test_depthwise_convolutions_with_strides_or_large_kernels_are_the_slow_ones(kernel, stride, slow):
    assert is_slow(nn.Conv2d(8, 8, kernel, stride, groups=8)) is slow
    assert not is_slow(nn.Conv2d(8, 8, kernel, stride, groups=4))
    assert not is_slow(nn.Conv2d(8, 8, kernel, stride))


@pytest.mark.parametrize("bias", [True, False])
def test_the_quick_way_gives_the_outputs_of_bfloat16_and_the_gradients_of_float32(bias):
    torch.manual_seed(0)
    layer = nn.Conv2d(6, 6, 5, 2, 2, groups=6, bias=bias)
    pictures = torch.randn(4, 6, 12, 12)
    exact, usual_way = copy.deepcopy(layer), copy.deepcopy(layer)
    given = [pictures.clone().requires_grad_() for _ in range(3)]
    exact(given[0]).sum().backward()
    with torch.autocast("cpu", torch.bfloat16):
        low = usual_way(given[1])
        low.float().sum().backward()
        with quick_depthwise(layer, Machine(torch.device("cpu"), "bfloat16")):
            quick = layer(given[2])
            quick.float().sum().backward()
    assert torch.equal(quick, low)
    for mine, theirs in ((given[2].grad, given[0].grad), (layer.weight.grad, exact.weight.grad)):
        assert torch.allclose(mine, theirs, rtol=0.02, atol=0.02 * float(theirs.abs().max()))
    assert "_conv_forward" not in vars(layer)


def test_what_was_measured_on_a_busy_machine_is_measured_again_on_a_quiet_one(cache, monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (99.0, 99.0, 99.0))
    assert choose(config(threads=1), net(), SMALL, 3).speeds
    assert not choose(config(threads=1), net(), SMALL, 3).speeds
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    assert choose(config(threads=1), net(), SMALL, 3).speeds


def test_what_was_measured_beside_other_work_is_measured_again_later(cache, monkeypatch):
    monkeypatch.setattr(Others, "cores", lambda self: 0.8)
    assert choose(config(threads=1), net(), SMALL, 3).speeds
    assert choose(config(threads=1), net(), SMALL, 3).speeds
    monkeypatch.setattr(Others, "cores", lambda self: 0.0)
    assert choose(config(threads=1), net(), SMALL, 3).speeds
    assert not choose(config(threads=1), net(), SMALL, 3).speeds


@pytest.mark.skipif(not STAT.exists(), reason="the system does not tell what its cores do")
def test_the_work_of_another_process_is_seen_and_the_own_is_not():
    others = Others()
    sum(i * i for i in range(3_000_000))
    own = others.cores()
    others = Others()
    subprocess.run([sys.executable, "-c", "sum(i * i for i in range(6_000_000))"], check=True)
    assert others.cores() > own + 0.3 or own > 0.5  # a machine that is full anyway shows no more
