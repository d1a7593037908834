"""`striate features` and `classify-features`, as a person and as a program meet them."""

import io
import json
import shutil
import sys

import pytest
import torch
from test_commands import run, wrong

import striate
from striate.cli.counting import counting
from striate.features.card import Card
from striate.features.table import read_table, table, write_table
from striate.model import load


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
