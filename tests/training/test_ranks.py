"""What processes do for each other, without processes: shares of batches, norms over whole batches, who is where."""

import threading

import pytest
import torch
from torch import nn

from striate.data.transforms.augment import Augment
from striate.errors import ConfigError
from striate.training import launch
from striate.training.config import TrainConfig
from striate.training.launch import Place, fitted, place
from striate.training.ranks import NOBODY, Ranks
from striate.training.synced_norm import Share, synced

TORCHRUN = {
    "RANK": "1",
    "WORLD_SIZE": "6",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "3",
    "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "1",
}


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("parts", [1, 2, 4])
@pytest.mark.parametrize("pictures", [1, 2, 7, 64, 65])
def test_every_position_of_a_batch_is_in_one_share(pictures, parts, count):
    batch = torch.randperm(pictures)
    shares = [Ranks(rank, count).share(batch, parts) for rank in range(count)]
    assert torch.cat([share.positions for share in shares]).sort().values.equal(torch.arange(pictures))
    assert {share.partner for share in shares} == {NOBODY}


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize("pictures", [2, 11, 32])
def test_the_parts_of_the_shares_are_the_shares_of_the_parts(pictures, parts, count):
    batch = torch.arange(pictures)
    cut = [Ranks(rank, count).share(batch, parts).positions.tensor_split(parts) for rank in range(count)]
    for number, part in enumerate(batch.tensor_split(parts)):
        assert torch.cat([share[number] for share in cut]).equal(part)


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("pictures", [2, 3, 10])
def test_mixed_pictures_are_those_of_one_process(pictures, count):
    augment, draw = Augment(mixup=0.5, cutmix=1.0), torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (40, 3, 6, 6), dtype=torch.uint8, generator=draw)
    labels = torch.arange(40) % 5
    batch = torch.randperm(40, generator=draw)[:pictures]

    def mixed(index):
        return augment.apply(images[index], labels[index], index, seed=3, epoch=2, classes=5, size=(6, 6))

    pixels, targets = mixed(batch)
    whole = {int(i): (pixels[k], targets[k]) for k, i in enumerate(batch)}
    ring = augment.ring(batch, seed=3, epoch=2)
    met = []
    for rank in range(count):
        share = Ranks(rank, count).share_of_ring(ring)
        own = share.positions if share.partner == NOBODY else share.positions[:-1]
        pixels, targets = mixed(share.positions)
        for k, index in enumerate(own.tolist()):
            assert pixels[k].equal(whole[index][0])
            assert targets[k].equal(whole[index][1])
        met += own.tolist()
    assert sorted(met) == sorted(batch.tolist())


NORMS = {
    "maps": (nn.BatchNorm2d(4), (9, 4, 5, 3)),
    "rows": (nn.BatchNorm1d(4), (9, 4)),
    "sequences": (nn.BatchNorm1d(4), (9, 4, 6)),
    "volumes": (nn.BatchNorm3d(4), (9, 4, 2, 3, 2)),
    "without weights": (nn.BatchNorm2d(4, affine=False), (9, 4, 5, 3)),
    "a mean of all batches": (nn.BatchNorm2d(4, momentum=None), (9, 4, 5, 3)),
    "nothing remembered": (nn.BatchNorm2d(4, track_running_stats=False), (9, 4, 5, 3)),
}


class Meeting:
    """Sums over threads that stand for processes."""

    def __init__(self, count):
        self.barrier, self.held = threading.Barrier(count, timeout=30), [None] * count

    def sums(self, rank):
        def of(values):
            self.held[rank] = values
            self.barrier.wait()
            total = sum(self.held)
            self.barrier.wait()
            return total

        return of


def in_parts(layer, x, outer, sizes):
    """Outputs, gradients of the input and layers, for each part of `x` computed in a thread of its own."""
    meeting, found, failed = Meeting(len(sizes)), [None] * len(sizes), []

    def one(rank, part, given):
        own = type(layer)(
            4, affine=layer.affine, momentum=layer.momentum, track_running_stats=layer.running_mean is not None
        )
        own.load_state_dict(layer.state_dict())
        share = Share(meeting.sums(rank), counted=len(part) > 0)
        part = (part if share.counted else x.new_full((1, *x.shape[1:]), 50.0)).clone().requires_grad_()
        try:
            with synced(nn.Sequential(own), share):
                y = own(part)
                y.backward(given if share.counted else torch.zeros_like(y))
            found[rank] = y.detach(), part.grad, own
        except BaseException as error:
            failed.append(error)
            meeting.barrier.abort()

    threads = [
        threading.Thread(target=one, args=(rank, part, given))
        for rank, (part, given) in enumerate(zip(x.split(sizes), outer.split(sizes), strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    return found


@pytest.mark.parametrize("sizes", [[5, 4], [3, 3, 3], [8, 1], [9, 0], [2, 7, 0]])
@pytest.mark.parametrize("name", NORMS)
def test_a_norm_over_parts_is_the_norm_over_the_whole_batch(name, sizes):
    layer, shape = NORMS[name]
    draw = torch.Generator().manual_seed(1)
    x, outer = (torch.randn(shape, generator=draw) * 3 + 7 for _ in range(2))
    whole = x.clone().requires_grad_()
    alone = type(layer)(
        4, affine=layer.affine, momentum=layer.momentum, track_running_stats=layer.running_mean is not None
    )
    if alone.affine:
        with torch.no_grad():
            alone.weight.copy_(torch.tensor([0.5, 1.0, 1.5, -1.0]))
            alone.bias.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    before = type(layer)(
        4, affine=layer.affine, momentum=layer.momentum, track_running_stats=layer.running_mean is not None
    )
    before.load_state_dict(alone.state_dict())
    y = alone(whole)
    y.backward(outer)
    parts = in_parts(before, x, outer, sizes)
    counted = [part for part, size in zip(parts, sizes, strict=True) if size]
    assert torch.allclose(torch.cat([part[0] for part in counted]), y, atol=1e-5)
    assert torch.allclose(torch.cat([part[1] for part in counted]), whole.grad, atol=1e-5)
    if alone.affine:
        for weight in ("weight", "bias"):
            total = sum(getattr(part[2], weight).grad for part in parts)
            assert torch.allclose(total, getattr(alone, weight).grad, rtol=1e-4, atol=1e-4)
    for part in parts:
        for key, value in alone.state_dict().items():
            assert torch.allclose(part[2].state_dict()[key].double(), value.double(), atol=1e-5), key
    for part, size in zip(parts, sizes, strict=True):
        if not size:
            assert not part[1].any()  # what only computes along changes nothing before it


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_low_precision_is_summed_in_float32(layout):
    draw = torch.Generator().manual_seed(2)
    x = (torch.randn(16, 8, 20, 20, generator=draw) + 30).bfloat16().contiguous(memory_format=layout)
    outer = torch.randn(x.shape, generator=draw).bfloat16().contiguous(memory_format=layout)
    exact, ours = nn.BatchNorm2d(8).double(), nn.BatchNorm2d(8)
    given, held = x.double().requires_grad_(), x.clone().requires_grad_()
    exact(given).backward(outer.double())
    with synced(nn.Sequential(ours), Share(lambda values: values)):
        out = ours(held)
        out.backward(outer)
    assert out.dtype == held.grad.dtype == torch.bfloat16
    assert out.is_contiguous(memory_format=layout)
    assert torch.allclose(ours.running_mean.double(), exact.running_mean, rtol=1e-6)
    assert torch.allclose(ours.running_var.double(), exact.running_var, rtol=1e-5)
    assert torch.allclose(ours.bias.grad.double(), exact.bias.grad, atol=1e-2)
    assert torch.allclose(held.grad.double(), given.grad, atol=0.05)


def test_norms_compute_as_before_when_it_is_over():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    with synced(net, Share(lambda values: 2 * values)):
        assert "forward" in vars(net[1])
    assert "forward" not in vars(net[1])


def test_norms_that_answer_need_no_other_process():
    def nobody(values):
        raise AssertionError("a sum was asked for")

    net = nn.Sequential(nn.BatchNorm2d(4)).eval()
    x = torch.randn(2, 4, 3, 3)
    with synced(net, Share(nobody)):
        assert net(x).equal(nn.BatchNorm2d(4).eval()(x))


def test_a_norm_of_ones_own_is_left_alone():
    class Own(nn.BatchNorm2d):
        def forward(self, x):
            return x

    net = nn.Sequential(Own(4))
    with synced(net, Share(lambda values: values)):
        assert "forward" not in vars(net[0])


def test_torchrun_says_where_a_process_stands():
    assert place(TORCHRUN) == Place(1, 6, 1, 3)
    assert place({**TORCHRUN, "WORLD_SIZE": "1", "RANK": "0"}) is None
    assert place({"RANK": "1", "WORLD_SIZE": "6"}) is None


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(launch, "cores", lambda: 2)
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)


def test_threads_are_the_cores_shared_out(two_cores):
    config, warned = fitted(TrainConfig("digits", processes=2))
    assert (config.threads, config.device, warned) == (1, "cpu", [])


def test_more_processes_than_cores_are_warned_of(two_cores):
    _, (warned,) = fitted(TrainConfig("digits", processes=4))
    assert warned.text == "4 processes share 2 cores, and wait for each other"


def test_processes_far_beyond_the_machine_are_refused(two_cores):
    with pytest.raises(ConfigError, match="processes is 64; this machine has 2 cores"):
        fitted(TrainConfig("digits", processes=64))


def test_python_objects_are_refused_with_what_to_do(two_cores):
    with pytest.raises(ConfigError, match="data must then be a name or a path.*start your script with torchrun"):
        fitted(TrainConfig("python objects", processes=2))
    with pytest.raises(ConfigError, match="net must then be a name or a path"):
        fitted(TrainConfig("digits", net="python object", processes=2))


def test_one_process_keeps_all_weights(two_cores):
    _, (warned,) = fitted(TrainConfig("digits", shard=True))
    assert warned.text == "shard splits the weights over --processes; one process keeps them all"


def test_under_torchrun_its_number_of_processes_counts(two_cores, monkeypatch):
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    asked, _ = fitted(TrainConfig("digits", threads=7))
    going_on, _ = fitted(TrainConfig("digits", processes=2, threads=7), stored=True)
    assert (asked.processes, asked.threads) == (6, 7)
    assert (going_on.processes, going_on.threads) == (6, 1)
