"""The classifier that is fitted in one go: a run like any other, features computed once, honest probabilities."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from digit_networks import EXACT, digits_of
from torch import nn

import striate
from striate.data.records import DataSet, Pictures
from striate.errors import ConfigError, WeightsError
from striate.features import frozen
from striate.metrics.calibration import expected_calibration_error
from striate.training.events import Fitted, Warned

PHOTOGRAPHS = Path(__file__).parents[2] / ".." / "shared" / "data" / "caltech10"


@pytest.fixture(scope="module")
def fitted(earlier, tmp_path_factory):
    """A classifier for the digits 5 to 9, of features of a network that learned 0 to 4."""
    folder = tmp_path_factory.mktemp("head") / "run"
    data = digits_of([5, 6, 7, 8, 9], 60)
    return striate.train(data, weights=str(earlier), regime="head", run=folder, **EXACT), data


def test_it_is_a_run_like_any_other(fitted):
    trained, _ = fitted
    assert sorted(path.name for path in trained.run.folder.iterdir()) == [
        "config.toml", "evaluation.safetensors", "log.jsonl", "model.json", "model.safetensors", "report.html",
    ]  # fmt: skip
    assert trained.steps == 0
    assert trained.accuracy > 0.8  # five classes, chance is 0.2
    assert [event["event"] for event in trained.run.events()] == ["started", "regime", "fitted", "done"]


def test_only_the_classifier_is_another(fitted, earlier):
    trained, _ = fitted
    before, after = striate.load(earlier).net.state_dict(), trained.model.net.state_dict()
    assert {name for name in after if not torch.equal(before[name], after[name])} == {"fc1.weight", "fc1.bias"}


def test_the_saved_model_gives_the_answers_that_were_evaluated(fitted):
    trained, data = fitted
    again = striate.load(trained.run.folder)
    assert torch.allclose(again.probabilities(data.test.images), trained.evaluation.probabilities, atol=1e-5)
    assert again.classes == ("5", "6", "7", "8", "9")
    assert again.evaluate(data.test).accuracy == trained.accuracy


def test_the_temperature_is_of_the_cross_validation_and_stored(fitted):
    trained, _ = fitted
    (told,) = [event for event in trained.run.events() if event["event"] == "fitted"]
    card = json.loads((trained.run.folder / "model.json").read_text())
    assert card["temperature"] == told["temperature"] == striate.load(trained.run.folder).task.temperature
    assert card["facts"]["calibration"]["source"] == "cross-validation of the training pictures"
    ece = expected_calibration_error(trained.evaluation.probabilities, trained.evaluation.labels)
    assert card["facts"]["ece"] == pytest.approx(ece)


def test_the_run_is_evaluated_and_used_by_the_other_verbs(fitted, tmp_path):
    from PIL import Image

    from striate.verbs.evaluate import evaluate

    trained, data = fitted
    assert evaluate(trained.run.folder, data).accuracy == trained.accuracy
    Image.fromarray(data.test.images[0, 0].numpy()).save(tmp_path / "five.png")
    (said,) = striate.load(trained.run.folder).predict([tmp_path / "five.png"])
    assert said.label == trained.model.classes[trained.evaluation.predicted[0]]


def test_it_is_the_same_to_the_last_bit_when_it_is_done_again(fitted, earlier, tmp_path):
    trained, data = fitted
    again = striate.train(data, weights=str(earlier), regime="head", run=tmp_path / "again", **EXACT)
    assert torch.equal(again.model.net.fc1.weight, trained.model.net.fc1.weight)
    assert again.model.task.temperature == trained.model.task.temperature


def test_features_are_computed_once(fitted, earlier, tmp_path, monkeypatch):
    _, data = fitted

    def never(*given):
        raise AssertionError("features were computed again")

    monkeypatch.setattr(frozen.Frozen, "of", never)
    striate.train(data, weights=str(earlier), regime="head", run=tmp_path / "again", **EXACT)
    other = replace(data, train=data.train.take(torch.arange(10, 300)))
    with pytest.raises(AssertionError, match="computed again"):
        striate.train(other, weights=str(earlier), regime="head", run=tmp_path / "other", **EXACT)


class Bent(nn.Module):
    """A network whose features are bent by `bend`, which is no part of its weights."""

    def __init__(self, bend):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc, self.bend = nn.Conv2d(1, 12, 9, stride=4), nn.Linear(12, 3), bend

    def forward(self, x):
        return self.fc(self.bend(self.conv(x)).mean((2, 3)))


def test_other_code_with_the_same_weights_has_its_own_features(own_cache, tmp_path):
    data, settings = digits_of([5, 6, 7], 20), {"regime": "head", "preparation": "half", **EXACT}
    striate.train(data, Bent(torch.relu), run=tmp_path / "first", **settings)
    trained = striate.train(data, Bent(torch.cos), run=tmp_path / "second", **settings)
    answers = trained.model.probabilities(data.test.images)
    assert torch.allclose(answers, trained.evaluation.probabilities, atol=1e-5)


def test_weights_that_give_no_numbers_are_named(own_cache):
    net = Bent(torch.log)  # of negative numbers
    with pytest.raises(
        WeightsError, match=r"Bent: its features are not numbers \(NaN or infinite\).*Give other weights"
    ):
        striate.train(digits_of([5, 6, 7], 5), net, regime="last", preparation="half", **EXACT)


def test_a_resumed_run_says_that_it_is_complete(fitted):
    trained, data = fitted
    told = []
    again = striate.train(data, resume=trained.run.folder, tell=told.append)
    assert [type(event) for event in told] == [Warned]
    assert "is complete" in told[0].text
    assert (again.accuracy, again.steps) == (trained.accuracy, 0)


def test_a_run_that_was_killed_before_its_end_is_made_again(earlier, tmp_path):
    data = digits_of([5, 6], 20)
    first = striate.train(data, weights=str(earlier), regime="head", run=tmp_path / "run", **EXACT)
    before = first.run.weights.read_bytes()
    first.run.weights.unlink()
    striate.train(data, resume=tmp_path / "run", weights=str(earlier))
    assert first.run.weights.read_bytes() == before


def test_variants_are_more_rows_of_the_same_pictures(earlier, tmp_path):
    data, events = digits_of([5, 6, 7], 10), []
    settings = {"weights": str(earlier), "regime": "head", "shift": 2, **EXACT}
    trained = striate.train(data, variants=2, run=tmp_path / "run", tell=events.append, **settings)
    (told,) = [event for event in events if isinstance(event, Fitted)]
    assert told.pictures == 30
    plain = striate.train(data, run=tmp_path / "plain", **settings)
    assert not torch.equal(trained.model.net.fc1.weight, plain.model.net.fc1.weight)
    right = 30 * told.accuracy  # of the pictures as they are
    assert right == pytest.approx(round(right))


def test_settings_of_trainings_in_steps_are_told_where_the_classifier_is_fitted(earlier, tmp_path):
    told, data = [], digits_of([5, 6], 20)
    settings = {"weights": str(earlier), "regime": "head", "tell": told.append, **EXACT}
    striate.train(data, run=tmp_path / "run", loss="binary", flip=True, **settings)
    striate.train(data, run=tmp_path / "changed", flip=True, variants=1, **settings)
    warned = [event.text for event in told if isinstance(event, Warned)]
    assert warned == ["the classifier is fitted in one go, without loss, flip"]


def test_a_convolution_as_classifier_is_given_the_same_weights(earlier, tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 12, 5), nn.ReLU(), nn.Conv2d(12, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    data = digits_of([5, 6, 7], 20)
    trained = striate.train(data, net, regime="head", preparation="half", run=tmp_path / "run", **EXACT)
    answers = trained.model.probabilities(data.test.images)
    assert torch.allclose(answers, trained.evaluation.probabilities, atol=1e-5)


def test_a_network_that_does_more_after_its_classifier_is_refused(tmp_path):
    net = nn.Sequential(nn.Conv2d(1, 12, 5), nn.Flatten(), nn.Linear(12 * 24 * 24, 3), nn.Softmax(1))
    data = digits_of([5, 6, 7], 10)
    with pytest.raises(ConfigError, match="more than a mean follows its last layer '2'.*--regime last or all"):
        striate.train(data, net, regime="head", preparation="half", run=tmp_path / "run", **EXACT)


def test_batch_norms_are_folded_and_bfloat16_gives_nearly_the_same_features(earlier):
    from striate.analysis.analyse import analyse

    model, data = striate.load(earlier), digits_of([5, 6], 30).train
    layers = analyse(model.net, (1, 28, 28)).layers
    exact = model.features(data.images)
    for precision, close in (("float32", 1e-5), ("bfloat16", 2e-2)):
        made = frozen.Frozen(model, layers, device=torch.device("cpu"), precision=precision, threads=2)
        found = made.of(data)
        assert made.precision == precision
        assert not any(isinstance(module, nn.BatchNorm2d) for module in made._net.modules())
        assert float((found.features - exact).norm() / exact.norm()) < close
        elsewhere = made._on_device(data, made.preprocess, None)  # the way of a GPU
        assert torch.equal(elsewhere.index, found.index)
        assert float((elsewhere.features - exact).norm() / exact.norm()) < close
    assert any(isinstance(module, nn.BatchNorm2d) for module in model.net.modules())


@pytest.fixture(scope="module")
def photographs():
    """Ten training and five test photographs of each of three classes."""
    from striate.data.read import read

    if not PHOTOGRAPHS.is_dir():
        pytest.skip("the photographs are not beside this checkout (../shared/data/caltech10)")
    try:
        striate.load("efficientnet_lite0")
    except WeightsError as error:
        pytest.skip(f"the weights of efficientnet_lite0 are not installed ({error})")
    whole = read(PHOTOGRAPHS)
    chosen, part = [whole.classes.index(name) for name in ("butterfly", "helicopter", "ketch")], whole.whole()
    parts = []
    for first, last in ((0, 10), (10, 15)):
        which = torch.cat([(part.labels == label).nonzero()[first:last, 0] for label in chosen])
        some = part.take(which)
        parts.append(replace(some, labels=torch.tensor([chosen.index(label) for label in some.labels.tolist()])))
    return DataSet("photographs", ("butterfly", "helicopter", "ketch"), parts[0], parts[1])


def test_ten_photographs_a_class_are_learned_with_public_weights(own_cache, photographs, tmp_path):
    trained = striate.train(photographs, "efficientnet_lite0", pretrained=True, run=tmp_path / "run", threads=1)
    assert trained.accuracy >= 14 / 15
    assert trained.model.facts["regime"] == "head"
    assert trained.model.facts["weights"]["name"] == "imagenet"
    assert trained.model.preprocess == striate.load("efficientnet_lite0").preprocess


def test_another_size_of_picture_is_prepared_in_the_same_way(own_cache, photographs, tmp_path):
    trained = striate.train(
        photographs, "efficientnet_lite0", pretrained=True, regime="head", image=(3, 96, 96), run=tmp_path / "run"
    )
    usual = striate.load("efficientnet_lite0").preprocess
    assert trained.model.preprocess.image == (3, 96, 96)
    assert trained.model.preprocess == usual.for_image((3, 96, 96))
    assert trained.accuracy > 0.6


def test_grey_pictures_become_what_the_weights_take(own_cache, photographs, tmp_path):
    part = digits_of([5, 6], 10)
    images = part.train.images
    assert isinstance(part.train, Pictures)
    assert images.shape[1] == 1
    trained = striate.train(
        part, "efficientnet_lite0", pretrained=True, regime="head", image=(32, 32), run=tmp_path / "run", threads=1
    )
    assert trained.model.preprocess.image == (3, 32, 32)
