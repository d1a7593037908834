"""The loop against loops written by hand, and what it does when numbers are no longer numbers."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

import striate
from striate.data.measure import for_training
from striate.data.records import DataSet, Pictures
from striate.run import Run
from striate.tasks.classify import Classify
from striate.training.average import Average
from striate.training.loop import Diverged, batches
from striate.training.memory import OutOfMemory
from striate.training.randomness import balanced_order, order
from striate.training.schedule import rate_of

STEPS = 20
EXACT = {"precision": "float32", "threads": 1, "memory_format": "channels_first", "batch_size": 16, "shift": 0}


def pictures(n=STEPS * 16, classes=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (n, 1, 8, 8), generator=draw).to(torch.uint8)
    return DataSet("noise", tuple("abc"[:classes]), Pictures(images, torch.arange(n) % classes), None)


def net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def plain():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def by_hand(module, data, step):
    """Twenty steps as anybody writes them; `step(module, outputs, labels, number)` is what differs."""
    preprocess = for_training(data.train, (1, 8, 8))
    module.train()
    whole = order(len(data.train), 0, 1)
    for number in range(STEPS):
        index = whole[number * 16 : number * 16 + 16]
        x = preprocess.normalise(data.train.images[index])
        step(module, module(x), data.train.labels[index], number)
    return module


def trained(tmp_path, module, data, **settings):
    striate.train(data, module, run=tmp_path / "run", epochs=1, **{**EXACT, **settings})
    return module


def close(one, other):
    return all(
        torch.allclose(a, b, rtol=1e-6, atol=1e-6) for a, b in zip(one.parameters(), other.parameters(), strict=True)
    )


def test_twenty_steps_of_sgd_are_those_of_a_loop_written_by_hand(tmp_path):
    data, theirs = pictures(), net()
    sgd = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, nesterov=True)

    def step(module, outputs, labels, number):
        sgd.param_groups[0]["lr"] = rate_of(number, STEPS, 0.1, "one-cycle")
        sgd.zero_grad()
        functional.cross_entropy(outputs, labels, label_smoothing=0.1).backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        sgd.step()

    by_hand(theirs, data, step)
    assert close(trained(tmp_path, net(), data, rate=0.1, weight_decay=0.0), theirs)


@pytest.mark.parametrize(
    ("optimizer", "theirs"),
    [
        ("adam", lambda p: torch.optim.Adam(p, lr=0.01)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.0)),
        ("rmsprop", lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9)),
    ],
)
def test_other_optimizers_are_torchs_own(optimizer, theirs, tmp_path):
    data, module = pictures(), plain()
    rule = theirs(module.parameters())

    def step(module, outputs, labels, number):
        rule.zero_grad()
        functional.cross_entropy(outputs, labels).backward()
        rule.step()

    by_hand(module, data, step)
    settings = {"rate": 0.01, "weight_decay": 0.0, "clip": 0.0, "label_smoothing": 0.0, "schedule": "constant"}
    assert close(trained(tmp_path, plain(), data, optimizer=optimizer, **settings), module)


def test_a_step_in_parts_is_the_same_step(tmp_path):
    """Without batch norm, which looks at each part alone."""
    data = pictures()
    whole = trained(tmp_path / "whole", plain(), data)
    assert close(trained(tmp_path / "parts", plain(), data, accumulate=3), whole)


def test_batch_descent_takes_one_step_an_epoch_and_single_descent_one_a_picture(tmp_path):
    data = pictures(24)
    for descent, steps in (("batch", 1), ("single", 24), ("mini-batch", 2)):
        run = tmp_path / descent
        module = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
        result = striate.train(data, module, run=run, epochs=1, descent=descent, **EXACT)
        assert result.steps == steps


def test_weight_decay_spares_biases_and_norms_unless_asked(tmp_path):
    """With a rate so small that the gradient does nothing, only decay could move a weight; here none may."""
    data = pictures()
    for asked in (False, True):
        module = net()
        nn.init.ones_(module[1].weight)
        settings = {"rate": 1e-3, "weight_decay": 1.0, "clip": 1e-6, "decay_all": asked, "momentum": 0.0}
        trained(tmp_path / str(asked), module, data, schedule="constant", **settings)
        shrunk = (1 - 1e-3) ** STEPS
        expected = shrunk if asked else 1.0
        assert torch.allclose(module[1].weight, torch.full((4,), expected), atol=1e-4)


@pytest.mark.parametrize("kind", ["cross-entropy", "binary", "mean-squared"])
def test_losses_are_those_of_the_textbook(kind):
    outputs = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, 3.0]])
    labels = torch.tensor([0, 1])
    wanted = torch.eye(3)[labels]
    by_hand = {
        "cross-entropy": sum(
            math.log(sum(math.exp(v) for v in row)) - row[label]
            for row, label in ((r.tolist(), int(c)) for r, c in zip(outputs, labels, strict=True))
        )
        / 2,
        "binary": float(-(wanted * outputs.sigmoid().log() + (1 - wanted) * (1 - outputs.sigmoid()).log()).sum() / 2),
        "mean-squared": float((outputs - wanted).pow(2).sum() / 2),
    }
    assert float(Classify(kind=kind).loss(outputs, labels)) == pytest.approx(by_hand[kind], rel=1e-5)
    assert float(Classify(kind=kind).loss(outputs, wanted)) == pytest.approx(by_hand[kind], rel=1e-5)


def test_weights_of_the_loss_count_a_rare_class_more():
    outputs, labels = torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 0, 0, 0, 0, 1])
    each = functional.cross_entropy(outputs, labels, reduction="none")
    weights = torch.tensor([0.5, 2.5])
    expected = float((each * weights[labels]).mean())
    assert float(Classify(weights=(0.5, 2.5)).loss(outputs, labels)) == pytest.approx(expected, rel=1e-5)


def test_sampling_shows_each_class_as_often():
    labels = torch.tensor([0] * 900 + [1] * 100)
    drawn = labels[balanced_order(labels, 0, 1)]
    assert 420 < int(drawn.sum()) < 580  # 500, five standard deviations


def test_the_average_follows_the_weights_with_a_growing_window():
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    average = Average(layer, 0.9)
    expected = 0.0
    for step in range(1, 40):
        nn.init.constant_(layer.weight, float(step))
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    with average.in_use():
        assert layer.weight.item() == pytest.approx(expected, rel=1e-5)
    assert layer.weight.item() == 39.0


class Poisoned(nn.Module):
    """Gives what is no number for a picture whose first pixel is 255, and says so through its norm's statistics too."""

    def __init__(self):
        super().__init__()
        self.norm, self.fc = nn.BatchNorm1d(64), nn.Linear(64, 3)

    def forward(self, x):
        bad = x[:, 0, 0, 0] > 1.6
        x = torch.where(bad[:, None], x.new_tensor(float("nan")), x.flatten(1))
        return self.fc(self.norm(x))


def test_a_loss_that_is_no_number_stops_at_its_step_names_the_pictures_and_changes_nothing(tmp_path):
    data = pictures(64)
    data.train.images[:, 0, 0, 0] = 0
    data.train.images[37, 0, 0, 0] = 255
    place = int((order(64, 0, 1) == 37).nonzero())
    module = Poisoned()
    with pytest.raises(Diverged, match=rf"step {place // 16 + 1}: the loss is nan; .*picture 37") as told:
        striate.train(data, module, run=tmp_path / "run", epochs=1, **EXACT)
    assert "the weights were not changed by it" in str(told.value)
    assert all(bool(value.isfinite().all()) for value in module.state_dict().values())


def test_a_diverged_run_never_calls_it_the_best(tmp_path):
    data = pictures(64)
    with pytest.raises(Diverged):
        striate.train(data, net(), run=tmp_path / "run", epochs=5, rate=100.0, clip=0.0, keep="best", **EXACT)
    for event in Run.open(tmp_path / "run").events():
        assert all(math.isfinite(v) for v in event.values() if isinstance(v, float))


class Hungry(nn.Module):
    """Says like torch that memory ran out, for more than four pictures at once."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, x):
        if self.training and len(x) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return self.fc(x.flatten(1))


def test_too_little_memory_names_batch_and_size_and_says_what_to_do(tmp_path):
    settings = {**EXACT, "batch_size": 16}
    with pytest.raises(OutOfMemory, match="too small for 16 pictures of 1x8x8 at once.*--fit-memory"):
        striate.train(pictures(32), Hungry(), run=tmp_path / "run", epochs=1, **settings)


def test_fit_memory_goes_on_with_the_same_step_in_parts(tmp_path):
    torch.manual_seed(0)
    hungry, modest = Hungry(), nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    modest[1].load_state_dict(hungry.fc.state_dict())
    trained(tmp_path / "hungry", hungry, pictures(), fit_memory=True)
    trained(tmp_path / "modest", modest, pictures())
    assert torch.allclose(hungry.fc.weight, modest[1].weight, atol=1e-6)


def test_a_time_budget_ends_a_training_and_its_schedule(few_digits, tmp_path):
    result = striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=10_000, minutes=0.03, threads=1)
    assert result.seconds < 6
    assert list(result.run.events())[-1]["why"] == "minutes"
    assert result.accuracy is not None


def test_evaluations_take_little_of_a_time_budget_but_the_last_is_made(few_digits, tmp_path):
    data = DataSet("few", few_digits.classes, few_digits.train.take(slice(0, None, 30)), few_digits.test)
    result = striate.train(data, "simple_cnn", run=tmp_path / "run", epochs=10_000, minutes=0.03, threads=1)
    tested = [event["test_accuracy"] for event in result.run.events() if event["event"] == "epoch"]
    assert tested[0] is not None
    assert tested[-1] == result.accuracy
    assert tested.count(None) > len(tested) / 2  # an epoch is 20 pictures, an evaluation is 200


def test_patience_stops_when_validation_no_longer_gets_better(tmp_path):
    """Noise cannot be learned: validation gets worse as the training pictures are learned by heart."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    settings = {**EXACT, "rate": 0.05, "patience": 2, "keep": "best", "validation": 0.3, "schedule": "constant"}
    result = striate.train(pictures(120), module, run=tmp_path / "run", epochs=200, **settings)
    losses = [e["validation_loss"] for e in result.run.events() if e["event"] == "epoch"]
    assert len(losses) < 200
    assert losses.index(min(losses)) == len(losses) - 3
    assert batches(5, 1) == [slice(i, i + 1) for i in range(5)]
