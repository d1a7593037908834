"""`striate index` and `search`, as a person and as a program meet them."""

import json
import shutil

import pytest
import torch
from test_commands import run, wrong

import striate
from striate.features.index import load_index
from striate.model import load


@pytest.fixture(scope="module")
def indexed(trained, photographs, tmp_path_factory):
    """An index of the digits."""
    path = tmp_path_factory.mktemp("indexed") / "digits.index"
    striate.index(photographs, path, trained)
    return path


def test_a_picture_finds_itself_first_and_then_those_of_highest_cosine(capsys, trained, indexed, photographs):
    file = next(p for p in sorted((photographs / "digit 2").iterdir()))
    code, out, _ = run(capsys, "search", indexed, file, "-k", "5", "--json")
    (answer,) = json.loads(out)
    assert code == 0
    assert answer["query"] == str(file)
    first = answer["results"][0]
    assert (first["file"], first["label"]) == (str(file), "digit 2")
    assert first["similarity"] == pytest.approx(1, abs=1e-5)
    model = load(trained)

    def seen(path):
        return model.features(model.preprocess.open(path)[None])[0]

    cosines = {
        str(p): torch.cosine_similarity(seen(file), seen(p), dim=0).item()
        for p in photographs.rglob("*.png")
        if p.stat().st_size
    }
    best = sorted(cosines.values(), reverse=True)[:5]
    assert [each["similarity"] for each in answer["results"]] == pytest.approx(best, abs=1e-5)
    for each in answer["results"]:
        assert each["similarity"] == pytest.approx(cosines[each["file"]], abs=1e-5)


def test_the_evaluation_agrees_with_a_loop(capsys, indexed):
    code, out, _ = run(capsys, "search", indexed, "--evaluate", "--json")
    told = json.loads(out)
    opened = load_index(indexed)
    precisions, firsts = [], []
    for i, label in enumerate(opened.labels):
        order = sorted(range(len(opened)), key=lambda j: -float(opened.features[i] @ opened.features[j]))
        hits = [opened.labels[j] == label for j in order if j != i]
        at = [sum(hits[: r + 1]) / (r + 1) for r in range(len(hits)) if hits[r]]
        precisions.append(sum(at) / len(at))
        firsts.append(hits[0])
    assert code == 0
    assert told["mean_average_precision"] == pytest.approx(sum(precisions) / len(precisions), abs=1e-3)
    assert told["recall_at"]["1"] == pytest.approx(sum(firsts) / len(firsts))
    assert told["queries"] == len(opened)


def test_the_page_shows_each_query_and_what_was_found(capsys, indexed, photographs, tmp_path):
    page = tmp_path / "found.html"
    code, out, err = run(capsys, "search", indexed, photographs / "digit 1", "-k", "3", "--gallery", page)
    assert code == 0
    queries = len(list((photographs / "digit 1").glob("*.png"))) - 1
    text = page.read_text()
    assert text.count("<b>Query</b>") == queries
    assert text.count("<figure>") == 4 * queries
    assert "empty.png: is empty" in text
    assert "left out: " in err
    assert out.count("\n") == 4 * queries


def test_a_page_is_full_at_some_number_and_says_what_is_missing(capsys, indexed, photographs, tmp_path, monkeypatch):
    monkeypatch.setattr("striate.reports.search_page.MOST_PICTURES", 5)
    page = tmp_path / "found.html"
    files = sorted((photographs / "digit 2").iterdir())[:3]
    assert run(capsys, "search", indexed, *files, "-k", "4", "--gallery", page)[0] == 0
    assert page.read_text().count("<figure>") == 2 + 5  # two queries
    assert "7 more of them are not shown" in page.read_text()


def test_pictures_without_labels_are_found_but_cannot_be_ranked(capsys, trained, photographs, tmp_path):
    shutil.copytree(photographs / "digit 2", tmp_path / "loose")
    assert run(capsys, "index", tmp_path / "loose", "-o", tmp_path / "index", "--net", trained)[0] == 0
    file = next((tmp_path / "loose").iterdir())
    _, out, _ = run(capsys, "search", tmp_path / "index", file, "--json", "-k", "2")
    assert [each["label"] for each in json.loads(out)[0]["results"]] == [None, None]
    assert "have no labels" in wrong(capsys, "search", tmp_path / "index", "--evaluate")


def test_a_run_with_another_classifier_upon_the_same_features_may_ask(written, indexed, photographs, tmp_path):
    made = striate.classify_features(written, "nearest_neighbours", run=tmp_path / "run").run
    file = next(iter(sorted((photographs / "digit 0").iterdir())))
    a, b = (striate.search(indexed, file, 3, net=net) for net in (None, made.folder))
    assert [hit.file for hit in a.found[0].results] == [hit.file for hit in b.found[0].results]


def test_a_run_that_remembers_its_pictures_has_the_features_of_its_network(trained, written, tmp_path):
    made = striate.classify_features(written, "nearest_neighbours", run=tmp_path / "run").run
    pictures = torch.randint(256, (3, 1, 28, 28), dtype=torch.uint8)
    assert torch.equal(load(made.folder).features(pictures), load(trained).features(pictures))


def test_an_index_of_other_weights_is_refused_and_both_are_named(capsys, indexed, photographs, few_digits, tmp_path):
    other = striate.train(few_digits, "simple_cnn", run=tmp_path / "other", epochs=1).run.folder
    said = wrong(capsys, "search", indexed, photographs / "digit 1", "--net", other)
    assert f"{indexed}: was made by lenet5 (weights" in said
    assert "but you ask with simple_cnn (weights" in said


def test_mistakes_are_one_line(capsys, indexed, photographs, written):
    empty = photographs / "digit 1" / "empty.png"
    for arguments, words in (
        ([indexed], "name a picture to look for, or give --evaluate"),
        ([indexed, empty], "empty.png: is empty"),
        ([indexed, "nowhere.png"], "nowhere.png: there is no such file"),
        ([indexed, empty, "--evaluate"], "takes the pictures of the index itself"),
        ([indexed, empty, "-k", "0"], "k is 0; it must be between 1"),
        (["nowhere.index", empty], "nowhere.index: there is no index. Make one with striate index"),
        ([written, empty], "features.npz"),
        ([indexed, empty, "--weights", "x.pth"], "--weights belongs to --net"),
    ):
        assert words in wrong(capsys, "search", *arguments)
