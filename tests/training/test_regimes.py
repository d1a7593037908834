"""Which regime is chosen, and why: by the pictures a class, by what the features say, by trying."""

import json
from dataclasses import replace

import pytest
import torch
from digit_networks import EXACT, NET, digits_of

import striate
from striate.cli import main
from striate.errors import ConfigError, DataError, RunError, WeightsError
from striate.training.events import Regime, Tried, Warned
from striate.training.regimes import by_count
from striate.training.tuning import FIRST, spread


def regime_of(count, classes=4):
    return by_count(torch.arange(classes).repeat(count)).regime


def test_the_rule_is_that_of_the_lectures():
    assert [regime_of(count) for count in (2, 499, 500, 1000, 1001, 5000)] == [
        "head", "head", "last", "last", "all", "all",
    ]  # fmt: skip


def test_a_few_large_classes_do_not_decide():
    labels = torch.tensor([0] * 5000 + [1] * 40 + [2] * 30)
    assert by_count(labels).reason == "40 training pictures a class, fewer than 500"


def test_features_that_suffice_leave_it_at_the_classifier(earlier, tmp_path):
    data = digits_of([0, 1], 60)  # which the weights have learned
    events = []
    trained = striate.train(data, weights=str(earlier), run=tmp_path / "run", tell=events.append, **EXACT)
    said = trained.as_json()
    assert said["regime"] == "head"
    assert said["reason"] == "60 training pictures a class, fewer than 500"
    (told,) = [event for event in events if isinstance(event, Regime)]
    assert (told.regime, told.reason) == (said["regime"], said["reason"])
    assert told.parameters == 16 * 2 + 2
    assert trained.accuracy > 0.97
    card = json.loads((tmp_path / "run" / "model.json").read_text())["facts"]
    assert (card["regime"], card["reason"]) == (said["regime"], said["reason"])


def test_features_that_do_not_suffice_have_the_regimes_tried(earlier, tmp_path):
    events = []
    data = digits_of([5, 6, 7, 8, 9], 24)
    trained = striate.train(data, weights=str(earlier), run=tmp_path / "run", epochs=3, tell=events.append, **EXACT)
    tried = [event for event in events if isinstance(event, Tried)]
    assert {event.regime for event in tried} == {"head", "last", "all"}
    assert {event.examples for event in tried} == {5 * 6}  # a quarter of each class
    assert trained.model.facts["regime"] == min(tried, key=lambda event: event.loss).regime
    assert "but a classifier of the features is right on" in trained.model.facts["reason"]
    assert [one["regime"] for one in trained.model.facts["tried"]] == [event.regime for event in tried]


def test_best_keeps_the_winner_whatever_the_rule_says(earlier, tmp_path):
    data = digits_of([5, 6, 7], 24)
    trained = striate.train(data, weights=str(earlier), run=tmp_path / "run", regime="best", epochs=2, **EXACT)
    best = min(trained.model.facts["tried"], key=lambda one: one["loss"])
    assert trained.model.facts["regime"] == best["regime"]
    assert trained.model.facts["reason"] == "the best of head, last, all on 18 pictures"
    logged = [event for event in trained.run.events() if event["event"] == "tried"]
    assert len(logged) == 3


def only_some(data, label, count):
    """`data` with `count` training pictures of the class `label`."""
    labels = data.train.labels
    kept = labels != label
    kept[(labels == label).nonzero()[:count, 0]] = True
    return replace(data, train=data.train.take(kept))


def test_of_a_class_with_two_pictures_none_is_kept_apart_to_try_the_regimes(earlier, tmp_path):
    data = only_some(digits_of([5, 6, 7], 24), 1, 2)
    trained = striate.train(data, weights=str(earlier), regime="best", epochs=1, run=tmp_path / "run", **EXACT)
    assert {one["examples"] for one in trained.model.facts["tried"]} == {6 + 6}


def test_with_two_pictures_of_each_class_the_rule_stands_though_features_do_not_suffice(earlier, tmp_path):
    data = digits_of([5, 6, 7, 8, 9], 2)
    trained = striate.train(data, weights=str(earlier), run=tmp_path / "run", **EXACT)
    assert (trained.model.facts["regime"], trained.model.facts.get("tried")) == ("head", None)
    assert trained.model.facts["reason"] == "2 training pictures a class, fewer than 500"
    with pytest.raises(ConfigError, match="too few pictures to try regimes on"):
        striate.train(data, weights=str(earlier), regime="best", run=tmp_path / "best", **EXACT)


def test_the_first_classifier_of_many_pictures_has_two_of_each_class():
    labels = torch.cat([torch.zeros(9000), torch.ones(2), torch.full((9000,), 2)]).long()
    chosen = labels[spread(labels)].bincount().tolist()
    assert chosen[1] == 2
    assert FIRST <= sum(chosen) <= FIRST + 4
    assert spread(labels[:100]).tolist() == list(range(100))


def test_a_network_in_which_no_classifier_of_features_can_stand_is_fine_tuned(own_cache, tmp_path):
    squeeze = "squeezenet1_1"  # a ReLU follows the convolution that gives its classes
    first = striate.train(digits_of([0, 1], 10), squeeze, image=(1, 32, 32), run=tmp_path / "first", epochs=1, **EXACT)
    events = []
    settings = {"weights": str(first.run.folder), "epochs": 1, "tell": events.append, **EXACT}
    trained = striate.train(digits_of([5, 6], 10), run=tmp_path / "run", **settings)
    assert trained.model.facts["regime"] == "last"
    assert trained.model.facts["reason"].endswith("but no classifier of features can stand in this network")
    with pytest.raises(ConfigError, match="more than a mean follows its last layer 'classifier.1'"):
        striate.train(digits_of([5, 6], 10), squeeze, regime="head", run=tmp_path / "head", **settings)


def test_without_weights_it_learns_from_scratch_and_says_so(few_digits, tmp_path):
    trained = striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=1)
    assert trained.as_json()["regime"] == "scratch"
    assert trained.as_json()["reason"] == "no weights were given to start from"


def test_scratch_overrules_weights(earlier, tmp_path):
    data = digits_of([5, 6], 20)
    trained = striate.train(data, weights=str(earlier), regime="scratch", run=tmp_path / "run", epochs=1, **EXACT)
    assert (trained.model.facts["regime"], trained.model.facts["reason"]) == ("scratch", "as asked")
    assert trained.model.reference.text == NET


def test_a_regime_without_weights_says_how_to_name_some(few_digits):
    with pytest.raises(ConfigError, match="regime is last, but there are no weights.*--pretrained.*--weights"):
        striate.train(few_digits, "lenet5", regime="last")


def test_a_network_without_public_weights_names_those_that_have(few_digits):
    with pytest.raises(
        WeightsError, match=r"lenet5: no public weights are known.*efficientnet_lite0.*resnet50"
    ) as told:
        striate.train(few_digits, "lenet5", pretrained=True)
    assert "\n" not in str(told.value)


def test_a_folder_without_a_finished_run_says_so(few_digits, tmp_path):
    with pytest.raises(RunError, match="holds no model.safetensors"):
        striate.train(few_digits, "lenet5", weights=str(tmp_path))


def test_a_class_with_one_picture_is_named(earlier):
    data = digits_of([5, 6, 7], 10)
    labels = data.train.labels.clone()
    labels[(labels == 1).nonzero()[1:, 0]] = 0
    few = replace(data, train=replace(data.train, labels=labels))
    with pytest.raises(DataError, match=r"class '6' has 41 pictures \(1 to learn from, 40 held out\).*at least two"):
        striate.train(few, weights=str(earlier))


def test_weights_that_do_not_say_how_pictures_are_prepared_ask(earlier, tmp_path):
    from safetensors.torch import save_file

    file = tmp_path / "bare.safetensors"
    save_file(striate.load(earlier).net.state_dict(), file)
    data = digits_of([5, 6], 20)
    with pytest.raises(ConfigError, match=r"bare.safetensors: how pictures are prepared.*--preparation torchvision"):
        striate.train(data, NET, weights=str(file), image=(1, 28, 28))
    told = []
    made = striate.train(
        data,
        NET,
        tell=told.append,
        weights=str(file),
        image=(1, 28, 28),
        preparation="half",
        regime="head",
        run=tmp_path / "run",
        **EXACT,
    )
    assert made.model.preprocess.mean == (0.5,)
    assert not [event for event in told if isinstance(event, Warned)]  # nothing is unknown any more


def test_weights_of_a_run_whose_network_is_code_ask_for_it(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(
        "from torch.nn import *\ndef net(image, classes):\n    return Sequential(Flatten(), Linear(784, classes))\n"
    )
    data = digits_of([5, 6], 20)
    striate.train(data, f"{file}:net", epochs=1, run=tmp_path / "run", **EXACT)
    with pytest.raises(ConfigError, match=r"run: its network is Python code \(.*own.py:net\).*Give it again, as --net"):
        striate.train(data, weights=str(tmp_path / "run"), **EXACT)


def test_the_command_tells_regime_and_reason(earlier, tmp_path, capsys):
    run = tmp_path / "run"
    code = main(["train", "digits", "--weights", str(earlier), "--regime", "head", "--run", str(run), "--json"])
    printed = capsys.readouterr()
    said = json.loads(printed.out.splitlines()[-1])
    assert code == 0
    assert (said["regime"], said["reason"], said["steps"]) == ("head", "as asked", 0)
    assert said["network"] == NET  # the earlier run's own
    assert "regime head (as asked): the classifier; 170 parameters learn" in printed.err
