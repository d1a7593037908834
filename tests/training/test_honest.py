"""What a run says of itself beyond its accuracy."""

import json

import pytest
import torch

import striate
from striate.metrics.calibration import expected_calibration_error
from striate.model import Evaluation, load
from striate.tasks.classify import Classify
from striate.training.honest import calibrate, described, unknown_below
from striate.verbs.evaluate import evaluate


class Holder:
    """What `calibrate` needs of a model."""

    def __init__(self):
        self.task = Classify()


def overconfident(n=4000, classes=5, sharpness=4.0, seed=0):
    """Answers whose true probabilities are known, and scores that are `sharpness` times too large."""
    draw = torch.Generator().manual_seed(seed)
    logits = 1.5 * torch.randn(n, classes, generator=draw)
    labels = torch.multinomial(logits.softmax(1), 1, generator=draw)[:, 0]
    outputs = sharpness * logits
    return Evaluation(outputs.softmax(1), labels, outputs=outputs)


def test_the_temperature_that_made_answers_too_sure_is_found_and_mends_them():
    model, answers = Holder(), overconfident()
    found = calibrate(model, answers, None)
    assert found.temperature == pytest.approx(4.0, rel=0.1)
    assert model.task.temperature == found.temperature
    assert found.before > 0.15
    assert found.after < 0.03
    assert found.source == "held-out pictures, crosswise"


def test_it_is_fitted_on_validation_where_there_is_some():
    model = Holder()
    found = calibrate(model, overconfident(seed=1), overconfident(sharpness=4.0, seed=2))
    assert found.source == "validation"
    assert found.after < 0.03


def test_a_temperature_that_is_set_already_and_too_few_pictures_are_left_alone():
    model = Holder()
    assert calibrate(model, overconfident(n=10), None) is None
    model.task = Classify(temperature=2.0)
    assert calibrate(model, overconfident(), None) is None
    assert model.task.temperature == 2.0


def test_about_one_in_twenty_known_pictures_lies_below_the_threshold_for_unknown_ones():
    answers = overconfident()
    share = float((answers.outputs.logsumexp(1) < unknown_below(answers)).float().mean())
    assert share == pytest.approx(0.05, abs=0.005)


def test_a_description_counts_every_picture_once():
    answers = overconfident(n=300)
    told = described(answers, list("abcde"))
    assert sum(row["support"] for row in told["per_class"]) == 300
    assert sum(pair["count"] for pair in told["confused"]) <= round(300 * (1 - answers.accuracy))
    assert told["accuracy_interval"][0] < told["accuracy"] < told["accuracy_interval"][1]
    assert told["thresholds"][0]["share"] >= told["thresholds"][-1]["share"]


def test_a_run_keeps_its_temperature_and_answers_with_it(few_digits, tmp_path):
    result = striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=4, threads=1)
    card = json.loads((tmp_path / "run" / "model.json").read_text())
    assert card["temperature"] != 1.0
    assert card["facts"]["calibration"]["temperature"] == card["temperature"]
    again = load(tmp_path / "run")
    assert torch.equal(again.evaluate(few_digits.test).probabilities, result.evaluation.probabilities)
    found = striate.evaluate(tmp_path / "run", few_digits).as_json()
    assert found["ece"] == pytest.approx(
        expected_calibration_error(result.evaluation.probabilities, few_digits.test.labels)
    )
    assert [row["label"] for row in found["per_class"]] == list(few_digits.classes)
    assert found["accuracy_interval"] == card["facts"]["accuracy_interval"]


def test_the_data_of_a_run_are_known_again_whatever_was_kept_apart_or_left_out(picture_folder, tmp_path):
    folder = picture_folder(tmp_path / "shades", count=40)
    (folder / "dark" / "000.png").write_text("no picture")
    asked = {"epochs": 1, "threads": 1, "image": (3, 12, 12), "max_bad": 0.1, "keep": "best", "group": r"(\d\d)\.png"}
    trained = striate.train(folder, "conv4-relu-gap-fc", run=tmp_path / "run", **asked)
    found = evaluate(trained.run.folder, folder)
    assert (found.examples, found.accuracy) == (trained.evaluation.examples, trained.accuracy)
    others = picture_folder(tmp_path / "others", count=10)
    for file in list(others.rglob("*.png")):
        file.rename(file.with_name(f"a{file.stem}b.png"))  # the groups of the training are not found in such names
    assert evaluate(trained.run.folder, others).examples == 20
