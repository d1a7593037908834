"""Fine-tuning: begins with the fitted classifier, leaves frozen parts as they are, and goes on exactly after a stop."""

import signal

import pytest
import torch
from digit_networks import EXACT, NET, digits_of
from torch import nn

import striate
from striate.training.config import TrainConfig
from striate.training.depthwise import quick_depthwise
from striate.training.events import Regime, Step
from striate.training.machine import Machine
from striate.training.prepare import prepare

FROZEN = ("conv1", "norm1", "conv2", "norm2")


@pytest.fixture(scope="module")
def others(own_cache):
    return digits_of([5, 6, 7, 8, 9], 40)


def config_of(earlier, **settings):
    return TrainConfig(data="", weights=str(earlier), **EXACT, **settings)


def test_it_begins_at_the_accuracy_of_the_classifier_of_features(earlier, others, tmp_path):
    head = striate.train(others, weights=str(earlier), regime="head", run=tmp_path / "head", **EXACT)
    for regime in ("last", "all"):
        model = prepare(others, NET, config_of(earlier, regime=regime)).model
        assert model.evaluate(others.test).accuracy == head.accuracy


def test_frozen_parts_stay_equal_to_the_last_bit(earlier, others, tmp_path):
    before = striate.load(earlier).net.state_dict()
    events = []
    trained = striate.train(
        others, weights=str(earlier), regime="last", run=tmp_path / "run", epochs=2, tell=events.append, **EXACT
    )
    after = trained.model.net.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    frozen = {name for name in before if name.partition(".")[0] in FROZEN}  # running means and counts as well
    assert same == frozen | {"norm3.running_mean", "norm3.running_var", "norm3.num_batches_tracked"}
    (told,) = [event for event in events if isinstance(event, Regime)]
    assert told.learns == "the last convolution stage and the classifier (conv3 to fc1)"
    learning = sum(
        p.numel() for name, p in trained.model.net.named_parameters() if name.partition(".")[0] not in FROZEN
    )
    assert told.parameters == learning


def test_all_layers_learn_in_the_regime_of_that_name(earlier, others, tmp_path):
    before = striate.load(earlier).net.state_dict()
    trained = striate.train(others, weights=str(earlier), regime="all", run=tmp_path / "run", epochs=1, **EXACT)
    after = trained.model.net.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {name for name in before if name.endswith(("running_mean", "running_var", "num_batches_tracked"))}


def test_fine_tuning_is_better_than_the_classifier_alone_where_the_features_do_not_fit(earlier, tmp_path):
    data = digits_of([5, 6, 7], 120, tested=80)
    accuracy = {
        regime: striate.train(data, weights=str(earlier), regime=regime, run=tmp_path / regime, **EXACT).accuracy
        for regime in ("head", "all")
    }
    assert accuracy["all"] > accuracy["head"]


def stop_at(step):
    asked = []

    def tell(event):
        if isinstance(event, Step) and event.step >= step and not asked:
            asked.append(event)
            signal.raise_signal(signal.SIGTERM)

    return tell


@pytest.mark.parametrize("regime", ["last", "all"])
def test_a_stopped_fine_tuning_ends_with_the_weights_of_an_unbroken_one(regime, earlier, others, tmp_path):
    settings = {"weights": str(earlier), "regime": regime, "epochs": 3, "batch_size": 20, "shift": 2, **EXACT}
    whole = striate.train(others, run=tmp_path / "whole", **settings)
    broken = striate.train(others, run=tmp_path / "broken", tell=stop_at(7), **settings)
    assert 7 <= broken.steps < whole.steps
    resumed = striate.train(others, resume=tmp_path / "broken")
    ours, theirs = resumed.model.net.state_dict(), whole.model.net.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert resumed.accuracy == whole.accuracy
    assert resumed.as_json()["reason"] == whole.as_json()["reason"] == "as asked"
    assert resumed.model.facts["weights"] == whole.model.facts["weights"]
    assert resumed.model.preprocess == whole.model.preprocess


def test_going_on_needs_neither_the_weights_nor_another_choice(earlier, others, tmp_path):
    from shutil import copytree

    elsewhere = tmp_path / "elsewhere"
    copytree(earlier, elsewhere)
    settings = {"weights": str(elsewhere), "regime": "best", "epochs": 2, "batch_size": 20, **EXACT}
    broken = striate.train(others, run=tmp_path / "broken", tell=stop_at(6), **settings)
    if broken.steps == 0:
        pytest.skip("the classifier alone was best, which takes no steps")
    (elsewhere / "model.safetensors").unlink()
    resumed = striate.train(others, NET, resume=tmp_path / "broken")
    assert resumed.model.facts["reason"] == broken.model.facts["reason"]
    assert resumed.model.facts["tried"] == broken.model.facts["tried"]
    assert resumed.steps > broken.steps


def test_the_written_configuration_starts_the_same_training_again(earlier, others, tmp_path):
    first = striate.train(others, weights=str(earlier), regime="last", run=tmp_path / "first", epochs=1, **EXACT)
    again = striate.train(others, recipe=first.run.config, run=tmp_path / "again")
    ours, theirs = again.model.net.state_dict(), first.model.net.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_rate_batch_and_length_are_those_of_fine_tuning_unless_they_are_given(earlier, others):
    chosen = prepare(others, NET, config_of(earlier, regime="all")).config
    assert (chosen.rate, chosen.batch_size, chosen.epochs, chosen.label_smoothing) == (0.01, 32, 12, 0.0)
    given = {"rate": 0.3, "batch_size": 10, "epochs": 2, "label_smoothing": 0.05}
    prepared = prepare(others, NET, config_of(earlier, regime="all", **given))
    assert {name: getattr(prepared.config, name) for name in given} == given
    assert prepared.model.task.label_smoothing == 0.05


def test_each_stage_follows_its_share_of_the_rate(earlier, others, tmp_path):
    """One step of plain descent: the last layer moves by rate times gradient, the stage before by half of it."""
    settings = {"regime": "all", "epochs": 1, "batch_size": 200, "momentum": 0.0, "nesterov": False, "rate": 0.01}
    settings |= {"weight_decay": 0.0, "clip": 0.0, "schedule": "constant", "shift": 0}
    prepared = prepare(others, NET, config_of(earlier, **settings))
    net = prepared.model.net
    prepared.learning.begin(net)
    x = prepared.model.preprocess.normalise(others.train.images)
    prepared.model.task.loss(net(x), others.train.labels).backward()
    run = tmp_path / "run"
    after = striate.train(others, weights=str(earlier), run=run, **settings, **EXACT).model.net.state_dict()
    for name, share in (("fc1.weight", 1.0), ("conv3.weight", 0.5)):
        parameter = net.get_parameter(name)
        expected = -0.01 * share * parameter.grad
        moved = after[name] - parameter.detach()
        assert float((moved - expected).norm() / expected.norm()) < 0.05


def test_a_module_with_weights_of_its_own_is_fine_tuned_as_it_is(others, tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
    )  # fmt: skip
    before = net[0].weight.detach().clone()
    trained = striate.train(others, net, regime="last", preparation="measured", run=tmp_path / "run", epochs=1, **EXACT)
    assert torch.equal(trained.model.net[0].weight, before)
    assert trained.model.facts["weights"] == {"own": True}


def test_between_epochs_depthwise_convolutions_answer_in_full_precision():
    net = nn.Sequential(nn.Conv2d(4, 4, 3, stride=2, groups=4))
    x = torch.randn(1, 4, 9, 9)
    expected = net(x)
    with quick_depthwise(net, Machine(torch.device("cpu"), "bfloat16")):
        assert torch.equal(net(x), expected)
