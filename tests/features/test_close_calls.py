"""What bfloat16 might change is computed again: labels, probabilities and rejections stay those of float32."""

import pytest
import torch
from torch import nn

from striate.data.preprocess import Preprocess
from striate.features.asked import Asked
from striate.features.close_calls import ALIKE, PROBES, CloseCalls, doubt_of, where_it_pays
from striate.features.stream import QUICK_PAYS, Stream
from striate.metrics.rejection import energy
from striate.model import Model
from striate.networks import build, refer
from striate.tasks.classify import LOSSES, Classify

IMAGE = (3, 32, 32)
PREPARE = Preprocess(IMAGE, (0.5,) * 3, (0.25,) * 3, "resize")


def learned(net):
    """`net` whose batch norms have seen something."""
    net.train()
    with torch.no_grad():
        for _ in range(5):
            net(torch.randn(8, *IMAGE))
    return net.eval()


@pytest.fixture(autouse=True)
def same_weights():
    torch.manual_seed(0)


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_no_answer_changes_without_doubt(kind, temperature):
    draw = torch.Generator().manual_seed(3)
    task, threshold, below = Classify(kind=kind, temperature=temperature), 0.6, 2.0
    error = {"cross-entropy": 0.05, "binary": 0.01, "mean-squared": 0.9 * ALIKE * temperature}[kind]
    doubt = doubt_of(task, threshold=threshold, below=below)
    for classes in (1, 2, 5, 12):
        outputs = 3 * torch.randn(20_000, classes, generator=draw)
        nudged = outputs + error / 2 * torch.randn(outputs.shape, generator=draw).sign()  # as far as it may be
        sure = ~doubt(outputs, error)
        assert 0.0001 < float(sure.float().mean()) < 1
        before, after = task.decode(outputs[sure]), task.decode(nudged[sure])
        assert torch.equal(outputs[sure].argmax(1), nudged[sure].argmax(1))
        assert float((before - after).abs().max()) <= ALIKE + 1e-6
        assert torch.equal(before.amax(1) < threshold, after.amax(1) < threshold)
        assert torch.equal(energy(outputs[sure]) < below, energy(nudged[sure]) < below)


def test_a_smaller_error_leaves_less_in_doubt_and_none_leaves_nothing():
    outputs = 5 * torch.randn(5000, 10, generator=torch.Generator().manual_seed(0))
    shares = [float(doubt_of(Classify())(outputs, error).float().mean()) for error in (1.0, 0.1, 0.01, 0.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.5
    assert shares[-1] == 0


class Off(nn.Module):
    """What `net` gives, with an error that has the sign of a coin."""

    def __init__(self, net, error):
        super().__init__()
        self.net, self.error = net, error

    def forward(self, x):
        found = self.net(x.float())
        return found + self.error * torch.randn(found.shape, generator=torch.Generator().manual_seed(1)).sign()


def test_only_what_is_in_doubt_is_computed_again():
    exact, seen = nn.Sequential(nn.Flatten(), nn.Linear(12, 5)), []
    exact.register_forward_pre_hook(lambda module, given: seen.append(len(given[0])))
    x = 3 * torch.randn(200, 3, 2, 2)
    with torch.inference_mode():
        wanted = exact(x)
        seen.clear()
        net = CloseCalls(exact, Off(nn.Sequential(nn.Flatten(), exact[1]), 0.01), doubt_of(Classify()), 0.02)
        assert torch.equal(net(x).argmax(1), wanted.argmax(1))
    assert len(seen) == 1
    assert 0 < seen[0] < 100


def test_where_much_is_in_doubt_or_bfloat16_is_not_known_float32_computes():
    exact, probes = nn.Sequential(nn.Flatten(), nn.Linear(12, 5)), torch.randn(PROBES, 3, 2, 2)
    doubt, more = doubt_of(Classify()), torch.randn(4, 3, 2, 2)
    assert isinstance(where_it_pays(exact, Off(exact, 1e-5), doubt, probes, more), CloseCalls)
    assert where_it_pays(exact, Off(exact, 5.0), doubt, probes, more) is exact
    assert where_it_pays(exact, Off(exact, float("nan")), doubt, probes, more) is exact
    assert where_it_pays(exact, exact, doubt, probes, more) is exact  # its weights are float32: torch refuses bfloat16


def test_what_is_no_number_in_bfloat16_is_computed_again():
    outputs = torch.tensor([[9.0, 0, 0], [9, float("nan"), 0], [float("inf"), 0, 0]])
    assert doubt_of(Classify())(outputs, 0.01).tolist() == [False, True, True]


def test_black_pictures_first_do_not_hide_what_bfloat16_does_to_others():
    net = learned(build("[(conv-bn-relu)*2-pool]*2-fc", IMAGE, 10))
    net[-1].bias.data.zero_()
    model = Model(net, tuple("abcdefghij"), PREPARE, refer("lenet5"))
    black = [Asked("black", lambda preprocess: torch.zeros(IMAGE, dtype=torch.uint8))] * QUICK_PAYS
    some = torch.randint(256, (60, *IMAGE), generator=torch.Generator().manual_seed(2)).to(torch.uint8)
    asked = [*black, *(Asked(str(i), lambda preprocess, each=each: each) for i, each in enumerate(some))]
    exact = torch.cat([chunk.rows for chunk in Stream(model, threads=2).of(asked)])
    found = torch.cat([chunk.rows for chunk in Stream(model, threads=2, doubt=doubt_of(model.task)).of(asked)])
    assert torch.equal(found.argmax(1), exact.argmax(1))
    assert float((found.softmax(1) - exact.softmax(1)).abs().max()) <= ALIKE


def test_a_stream_in_doubt_gives_the_labels_of_float32():
    net = learned(build("[(conv-bn-relu)*2-pool]*2-fc", IMAGE, 10))
    model = Model(net, tuple("abcdefghij"), PREPARE, refer("lenet5"))
    some = torch.randint(256, (QUICK_PAYS + 60, *IMAGE)).to(torch.uint8)
    asked = [Asked(str(i), lambda preprocess, each=each: each) for i, each in enumerate(some)]
    exact = torch.cat([chunk.rows for chunk in Stream(model, threads=2).of(asked)])
    found = torch.cat([chunk.rows for chunk in Stream(model, threads=2, doubt=doubt_of(model.task)).of(asked)])
    assert torch.equal(found.argmax(1), exact.argmax(1))
    assert float((found.softmax(1) - exact.softmax(1)).abs().max()) <= ALIKE
    assert not torch.equal(found, exact)  # bfloat16 was used


def test_where_no_picture_can_be_read_there_is_nothing_to_doubt():
    def damaged(preprocess):
        raise ValueError("cut")

    model = Model(build("conv-relu-gap-fc", IMAGE, 3).eval(), ("a", "b", "c"), PREPARE, refer("lenet5"))
    asked = [Asked(str(i), damaged) for i in range(QUICK_PAYS)]
    chunks = list(Stream(model, doubt=doubt_of(model.task)).of(asked))
    assert sum(len(chunk.reasons) for chunk in chunks) == QUICK_PAYS
    assert all(len(chunk.rows) == 0 for chunk in chunks)
