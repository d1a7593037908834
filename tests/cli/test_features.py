"""`striate features`, `classify-features`, `index` and `search`, as a person and as a program meet them."""

import io
import json
import shutil
import sys

import pytest
import torch
from PIL import Image
from test_commands import run, wrong

import striate
from striate.cli.counting import counting
from striate.features.card import Card
from striate.features.index import load_index
from striate.features.table import read_table, table, write_table
from striate.model import load


@pytest.fixture(scope="module")
def photographs(few_digits, tmp_path_factory):
    """Digits 0, 1 and 2 in folders of their names, and one file that is no picture."""
    root = tmp_path_factory.mktemp("labelled") / "photographs"
    for i in range(len(few_digits.train)):
        label = int(few_digits.train.labels[i])
        if label < 3:
            (root / f"digit {label}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(few_digits.train.images[i, 0].numpy()).save(root / f"digit {label}" / f"{i}.png")
    (root / "digit 1" / "empty.png").write_bytes(b"")
    return root


@pytest.fixture(scope="module")
def written(trained, photographs, tmp_path_factory):
    """The features of the digits, as a file."""
    from striate.verbs.features import features

    path = tmp_path_factory.mktemp("written") / "features.npz"
    features(photographs, trained, path)
    return path


@pytest.fixture(scope="module")
def indexed(trained, photographs, tmp_path_factory):
    """An index of the digits."""
    path = tmp_path_factory.mktemp("indexed") / "digits.index"
    striate.index(photographs, path, trained)
    return path


def test_on_a_terminal_pictures_are_counted(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with counting() as step:
        for _ in range(1234):
            step()
    assert "1,234 pictures" in sys.stderr.getvalue()


class TestFeatures:
    @pytest.mark.parametrize("suffix", [".npz", ".parquet"])
    def test_a_row_is_what_the_model_sees_in_the_file(self, capsys, trained, photographs, tmp_path, suffix):
        if suffix == ".parquet":
            pytest.importorskip("pyarrow")
        path = tmp_path / f"f{suffix}"
        code, out, err = run(capsys, "features", photographs, "--net", trained, "-o", path, "--json")
        result = json.loads(out)
        assert code == 0
        assert "left out: digit 1/empty.png: is empty" in err
        assert [each["file"].rpartition("/")[2] for each in result["unreadable"]] == ["empty.png"]
        found = read_table(path)
        pictures = [p for p in photographs.rglob("*.png") if p.stat().st_size]
        assert (result["examples"], result["features"]) == (len(pictures), 84)
        assert sorted(found.files) == sorted(map(str, pictures))
        model = load(trained)
        for row in (0, 50, len(found) - 1):
            alone = model.features(model.preprocess.open(found.files[row])[None])[0]
            assert torch.allclose(found.features[row], alone, atol=1e-5)
            assert found.labels[row] == found.files[row].split("/")[-2]
        assert set(found.splits) == {"train", "test"}
        assert found.card == Card.of(model)
        assert found.card.source == (str(trained),)

    def test_of_a_layer_maps_become_their_means(self, capsys, trained, photographs, tmp_path):
        options = ["--net", trained, "--layer", "conv1", "-o", tmp_path / "f.npz"]
        assert run(capsys, "features", photographs, *options)[0] == 0
        found = read_table(tmp_path / "f.npz")
        model = load(trained)
        maps = model.features(model.preprocess.open(found.files[3])[None], "conv1")
        assert torch.allclose(found.features[3], maps.mean((2, 3))[0], atol=1e-5)
        assert found.card.layer == "conv1"

    def test_a_folder_without_labels_has_none(self, capsys, trained, photographs, tmp_path):
        shutil.copytree(photographs / "digit 2", tmp_path / "loose")
        assert run(capsys, "features", tmp_path / "loose", "--net", trained, "-o", tmp_path / "f.npz")[0] == 0
        found = read_table(tmp_path / "f.npz")
        assert found.labels is None
        assert list(found.files) == sorted(str(p) for p in (tmp_path / "loose").iterdir())

    def test_pictures_in_memory_are_numbered(self, trained, few_digits, tmp_path):
        from striate.verbs.features import features

        found = features(few_digits, trained, tmp_path / "f.npz").table
        assert found.files[:2] == ("train 0", "train 1")
        model = load(trained)
        assert torch.allclose(found.features[:9], model.features(few_digits.train.images[:9]), atol=1e-5)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["-o", "f.csv"], "f.csv: features are kept as .parquet or .npz"),
            (["-o", "f.npz", "--layer", "conv9"], "there is no layer called 'conv9'. Did you mean conv"),
            ([], "features: output is missing"),
        ],
    )
    def test_a_mistake_is_one_line(self, capsys, trained, photographs, options, words):
        assert words in wrong(capsys, "features", photographs, "--net", trained, *options)

    def test_a_network_without_weights_says_which_have_some(self, capsys, photographs, tmp_path):
        said = wrong(capsys, "features", photographs, "--net", "lenet5", "-o", tmp_path / "f.npz")
        assert "no public weights are known for it" in said
        assert "resnet50" in said


class TestClassifyFeatures:
    @pytest.mark.parametrize("kind", ["logistic", "linear_svm", "centroid", "nearest_neighbours"])
    def test_the_run_answers_pictures_as_the_classifier_answers_features(
        self, capsys, trained, written, photographs, tmp_path, kind
    ):
        folder = tmp_path / "run"
        code, out, _ = run(capsys, "classify-features", written, "--kind", kind, "--run", folder, "--json")
        result = json.loads(out)
        assert code == 0
        assert result["accuracy"] > 0.9
        low, high = result["accuracy_interval"]
        assert low < result["accuracy"] <= high <= 1
        assert [each["label"] for each in result["per_class"]] == ["digit 0", "digit 1", "digit 2"]
        assert (result["run"], len(result["folds"])) == (str(folder), 5)
        found = read_table(written)
        model = load(folder)
        shown = [i for i, split in enumerate(found.splits) if split == "test"]
        answers = model.predict([found.files[i] for i in shown])
        right = sum(answer.label == found.labels[i] for i, answer in zip(shown, answers, strict=True))
        assert result["test"]["accuracy"] == pytest.approx(right / len(shown))
        code, out, _ = run(capsys, "evaluate", folder, photographs, "--json")
        again = json.loads(out)
        assert (code, again["examples"]) == (0, len(shown))
        assert again["accuracy"] == pytest.approx(result["test"]["accuracy"])
        assert model.facts["unknown_below"] is not None
        assert run(capsys, "report", folder)[0] == 0
        assert f"--kind {kind}" in (folder / "report.html").read_text()

    def test_classes_that_are_missing_and_pictures_that_cannot_be_read_are_told(
        self, capsys, written, photographs, tmp_path
    ):
        striate.classify_features(written, run=tmp_path / "run")
        shutil.copytree(photographs / "digit 1", tmp_path / "some" / "digit 1")
        code, out, err = run(capsys, "evaluate", tmp_path / "run", tmp_path / "some")
        count = len(list((photographs / "digit 1").iterdir())) - 1
        assert code == 0
        assert f"on {count} pictures" in out
        assert "the data have no 'digit 0'" in err
        assert "left out: digit 1/empty.png: is empty" in err

    def test_the_held_out_part_is_not_learned_from(self, written, tmp_path):
        found = read_table(written)
        spoiled = [
            name if split != "test" else "digit 0" for name, split in zip(found.labels, found.splits, strict=True)
        ]
        other = table(found.features, found.files, labels=spoiled, splits=found.splits, card=found.card)
        write_table(tmp_path / "f.npz", other)
        a = striate.classify_features(written, run=tmp_path / "a")
        b = striate.classify_features(tmp_path / "f.npz", run=tmp_path / "b")
        assert torch.equal(a.fitted.tensors["weight"], b.fitted.tensors["weight"])
        assert b.tested["accuracy"] < a.tested["accuracy"]

    def test_features_of_somebody_else_are_judged_and_no_run_is_kept(self, capsys, written, tmp_path):
        found = read_table(written)
        write_table(tmp_path / "f.npz", table(found.features, found.files, labels=found.labels))
        code, out, err = run(capsys, "classify-features", tmp_path / "f.npz", "--json")
        assert code == 0
        assert json.loads(out)["run"] is None
        assert "no run is kept: " in err
        assert "does not say which network made it" in err
        said = wrong(capsys, "classify-features", tmp_path / "f.npz", "--run", tmp_path / "run")
        assert "no run can be kept" in said
        assert not (tmp_path / "run").exists()

    def test_features_without_labels_are_one_line(self, capsys, written, tmp_path):
        found = read_table(written)
        write_table(tmp_path / "f.npz", table(found.features, found.files))
        assert "have no column 'label'" in wrong(capsys, "classify-features", tmp_path / "f.npz")

    def test_a_class_of_one_picture_is_named(self, capsys, written, tmp_path):
        found = read_table(written)
        labels = ["alone", *found.labels[1:]]
        write_table(tmp_path / "f.npz", table(found.features, found.files, labels=labels))
        said = wrong(capsys, "classify-features", tmp_path / "f.npz")
        assert "class 'alone' has 1 picture; each needs at least two to learn from" in said

    def test_another_network_than_the_one_that_made_them_is_refused(self, capsys, written, few_digits, tmp_path):
        other = striate.train(few_digits, "lenet5", run=tmp_path / "other", epochs=1, seed=3).run.folder
        said = wrong(capsys, "classify-features", written, "--net", other)
        assert "was made by lenet5 (weights" in said
        assert "but you ask with lenet5 (weights" in said

    def test_a_network_that_is_gone_is_told(self, capsys, trained, written, tmp_path):
        found = read_table(written)
        card = Card(**{**vars(found.card), "source": (str(tmp_path / "gone"),)})
        write_table(tmp_path / "f.npz", table(found.features, found.files, labels=found.labels, card=card))
        said = wrong(capsys, "classify-features", tmp_path / "f.npz")
        assert f"was made by {tmp_path / 'gone'}. Give --net, where that is now" in said
        assert run(capsys, "classify-features", tmp_path / "f.npz", "--net", trained, "--run", tmp_path / "r")[0] == 0

    def test_a_card_that_asks_for_an_impossible_head_is_refused(self, written, tmp_path):
        from striate.weights.files import load_tensors, save_tensors

        made = striate.classify_features(written, "nearest_neighbours", run=tmp_path / "run").run
        tensors, card = load_tensors(made.weights)
        for head in (
            {"layer": "none"},
            {**card["network"]["head"], "k": -1},
            {**card["network"]["head"], "layer": "x.y"},
        ):
            save_tensors(made.weights, tensors, {**card, "network": {**card["network"], "head": head}})
            with pytest.raises(striate.StriateError, match="no classifier can stand where its card says"):
                load(made.folder)


class TestSearch:
    def test_a_picture_finds_itself_first_and_then_those_of_highest_cosine(self, capsys, trained, indexed, photographs):
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

    def test_the_evaluation_agrees_with_a_loop(self, capsys, indexed):
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

    def test_the_page_shows_each_query_and_what_was_found(self, capsys, indexed, photographs, tmp_path):
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

    def test_a_page_is_full_at_some_number_and_says_what_is_missing(
        self, capsys, indexed, photographs, tmp_path, monkeypatch
    ):
        monkeypatch.setattr("striate.reports.search_page.MOST_PICTURES", 5)
        page = tmp_path / "found.html"
        files = sorted((photographs / "digit 2").iterdir())[:3]
        assert run(capsys, "search", indexed, *files, "-k", "4", "--gallery", page)[0] == 0
        assert page.read_text().count("<figure>") == 2 + 5  # two queries
        assert "7 more of them are not shown" in page.read_text()

    def test_pictures_without_labels_are_found_but_cannot_be_ranked(self, capsys, trained, photographs, tmp_path):
        shutil.copytree(photographs / "digit 2", tmp_path / "loose")
        assert run(capsys, "index", tmp_path / "loose", "-o", tmp_path / "index", "--net", trained)[0] == 0
        file = next((tmp_path / "loose").iterdir())
        _, out, _ = run(capsys, "search", tmp_path / "index", file, "--json", "-k", "2")
        assert [each["label"] for each in json.loads(out)[0]["results"]] == [None, None]
        assert "have no labels" in wrong(capsys, "search", tmp_path / "index", "--evaluate")

    def test_a_run_with_another_classifier_upon_the_same_features_may_ask(
        self, written, indexed, photographs, tmp_path
    ):
        made = striate.classify_features(written, "nearest_neighbours", run=tmp_path / "run").run
        file = next(iter(sorted((photographs / "digit 0").iterdir())))
        a, b = (striate.search(indexed, file, 3, net=net) for net in (None, made.folder))
        assert [hit.file for hit in a.found[0].results] == [hit.file for hit in b.found[0].results]

    def test_a_run_that_remembers_its_pictures_has_the_features_of_its_network(self, trained, written, tmp_path):
        made = striate.classify_features(written, "nearest_neighbours", run=tmp_path / "run").run
        pictures = torch.randint(256, (3, 1, 28, 28), dtype=torch.uint8)
        assert torch.equal(load(made.folder).features(pictures), load(trained).features(pictures))

    def test_an_index_of_other_weights_is_refused_and_both_are_named(
        self, capsys, indexed, photographs, few_digits, tmp_path
    ):
        other = striate.train(few_digits, "simple_cnn", run=tmp_path / "other", epochs=1).run.folder
        said = wrong(capsys, "search", indexed, photographs / "digit 1", "--net", other)
        assert f"{indexed}: was made by lenet5 (weights" in said
        assert "but you ask with simple_cnn (weights" in said

    def test_mistakes_are_one_line(self, capsys, indexed, photographs, written):
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
