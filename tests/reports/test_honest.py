"""The numbers on confidence in a report, and what a training leaves for them."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

import striate
from striate.errors import RunError
from striate.metrics.suspicious import suspicious_labels
from striate.reports.honest import honest
from striate.reports.record import Answers, read

NONE = torch.zeros(0, dtype=torch.long)


def answers(right, probability, plain=None):
    labels = torch.zeros(len(right), dtype=torch.long)
    predicted = (~torch.tensor(right)).long()
    images = torch.zeros(0, 1, 2, 2, dtype=torch.uint8)
    sure = torch.tensor(probability)
    return Answers(labels, predicted, sure, sure, NONE, images, None if plain is None else torch.tensor(plain))


def plain_text(text):
    return text.replace("\u202f", " ")


def test_the_diagram_has_a_dot_where_pictures_are():
    found = honest(answers([True, True, False, True], [0.95, 0.95, 0.55, 0.57]), ("cat", "dog"), {})
    diagonal, line = found.diagram.lines
    assert diagonal.path == "M0.0 1000.0L1000.0 0.0"
    assert line.dots == ((pytest.approx(56), pytest.approx(50)), (pytest.approx(95), pytest.approx(0)))
    # in fifteenths: of 0.55 and 0.57 half are right, a gap of 0.06; of 0.95 and 0.95 all, a gap of 0.05
    assert [number for number, _ in found.sums] == ["0.055"]


def test_before_and_after_the_temperature_are_both_drawn_and_told():
    facts = {"calibration": {"before": 0.11, "after": 0.0137, "temperature": 0.549, "source": "validation"}, "top5": 1}
    found = honest(answers([True] * 4, [0.99] * 4, [0.7] * 4), ("cat", "dog"), facts)
    assert [line.name for line in found.diagram.lines] == ["as sure as right", "as trained", "with the temperature"]
    assert [number for number, _ in found.sums[:3]] == ["0.11", "0.0137", "0.549"]
    assert "fitted on validation" in found.sums[1][1]
    assert plain_text(found.sums[3][0]) == "100.0 %"


def test_thresholds_say_how_many_are_answered_and_how_many_of_those_rightly():
    found = honest(answers([True, True, False, True], [0.95, 0.92, 0.55, 0.85]), ("cat", "dog"), {})
    rows = {
        plain_text(row.least): (row.answered, plain_text(row.share), plain_text(row.right)) for row in found.thresholds
    }
    assert rows["answer all"] == ("4", "100.0 %", "75.0 %")
    assert rows["90 %"] == ("2", "50.0 %", "100.0 %")
    assert rows["99 %"] == ("0", "0.0 %", "–")


def test_a_card_of_anybody_s_own_cannot_break_the_page(make_run, make_page):
    facts = {"calibration": {"before": "x"}, "top5": "all", "unknown_below": None, "data": "animals"}
    page = make_page(make_run(facts=facts))
    assert "calibration error" in page.text


def test_the_page_shows_the_doubtful_labels_with_the_names_of_their_files(make_run, make_page, tmp_path):
    run = make_run()
    kept = load_file(run.evaluation)
    more = {
        "suspicious_index": torch.tensor([95, 96]), "suspicious_suggestion": torch.tensor([0, 1]),
        "suspicious_own": torch.tensor([0.01, 0.02]), "suspicious_probability": torch.tensor([0.97, 0.9]),
        "suspicious_images": kept["worst_images"][:2].clone(),
    }  # fmt: skip
    card = {"striate": json.dumps({"suspicious_names": ["eel/<b>3.png", "cat/4.png"]})}
    save_file({**kept, **more}, run.evaluation, metadata=card)
    page = make_page(run)
    assert "labelled eel , looks like cat" in page.text
    assert "97.0 % against 1.0 % eel/<b>3.png" in page.text
    assert "eel/&lt;b&gt;3.png" in page.html
    save_file({**kept, **more}, run.evaluation, metadata={"striate": "no json"})
    assert "picture 95" in make_page(run).text


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("suspicious_index", torch.tensor([95, 400]), "'suspicious_index' does not fit"),
        ("suspicious_suggestion", torch.tensor([0, 7]), "'suspicious_suggestion' goes beyond the 3 classes"),
        ("suspicious_own", torch.tensor([0.5]), "'suspicious_index' does not fit"),
        ("plain_probability", torch.tensor([0.5]), "'plain_probability' is not one number for each of 100 labels"),
    ],
)
def test_a_damaged_evaluation_is_refused(make_run, name, value, words):
    run = make_run()
    kept = load_file(run.evaluation)
    more = {
        "suspicious_index": torch.tensor([95, 96]), "suspicious_suggestion": torch.tensor([0, 1]),
        "suspicious_own": torch.rand(2), "suspicious_probability": torch.rand(2),
        "suspicious_images": kept["worst_images"][:2].clone(), name: value,
    }  # fmt: skip
    save_file({**kept, **more}, run.evaluation)
    with pytest.raises(RunError, match=words):
        read(run)


def test_a_planted_wrong_label_is_found_and_kept_with_its_picture(few_digits, tmp_path):
    labels = few_digits.test.labels.clone()
    planted = int((labels == 0).nonzero()[0])
    labels[planted] = 1
    data = type(few_digits)(
        few_digits.name, few_digits.classes, few_digits.train, type(few_digits.test)(few_digits.test.images, labels)
    )
    trained = striate.train(data, "simple_cnn", run=tmp_path / "run", epochs=6, threads=1)
    found = read(trained.run).answers
    assert planted in found.suspects.index.tolist()
    place = found.suspects.index.tolist().index(planted)
    assert int(found.suspects.suggestion[place]) == 0
    assert found.suspects.images[place].equal(few_digits.test.images[planted])
    assert found.suspects.names[place] == f"picture {planted}"
    expected = suspicious_labels(trained.evaluation.probabilities, labels)
    assert found.suspects.index.tolist() == [one.picture for one in expected if one.probability > one.own][:12]
    assert found.plain.shape == found.probability.shape
    assert f"picture {planted}" in trained.run.report.read_text()


def test_classes_can_be_sorted_without_a_script(make_run, make_page):
    page = make_page(make_run())
    ways = [a["id"] for a in page.all("input", type="radio")]
    assert ways == ["by-found", "by-trusted", "by-f1", "by-pictures", "by-name"]
    styles = [a["style"] for a in page.all("tr", role="row") if "style" in a]
    for name in ("trusted", "f1", "pictures", "name"):
        assert f"#by-{name}:checked) tr {{ order: var(--{name}); }}" in page.html
        orders = sorted(int(style.split(f"--{name}:")[1].split(";")[0]) for style in styles)
        assert orders == [0, 1, 2]
