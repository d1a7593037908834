"""`striate predict` on folders: every picture answered, bad ones listed, and answers written in any format."""

import csv
import gc
import json
import os
import subprocess
import sys

import pytest
import torch
from PIL import Image
from test_commands import run, wrong

import striate
from striate.model import load
from striate.verbs.predict import Unreadable, answers


@pytest.fixture(scope="module")
def photographs(few_digits, tmp_path_factory):
    """90 pictures in folders within folders, two files that are no pictures, and one that nobody would take for one."""
    root = tmp_path_factory.mktemp("mixed") / "photographs"
    for i in range(90):
        place = root / ("a" if i < 30 else "b/deeper") / f"{i:02}.{('png', 'BMP', 'gif')[i % 3]}"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(few_digits.test.images[i, 0].numpy()).save(place)
    (root / "b" / "cut.png").write_bytes((root / "a" / "00.png").read_bytes()[:60])
    (root / "b" / "empty.jpg").write_bytes(b"")
    (root / "b" / "notes.txt").write_text("not a picture")
    (root / ".hidden.png").write_bytes(b"")
    return root


def of_folder(capsys, trained, photographs, *options):
    code, out, err = run(capsys, "predict", trained, photographs, "--json", *options)
    assert code == 0
    return json.loads(out), err


def test_every_picture_below_a_folder_is_answered_in_the_order_of_names(capsys, trained, photographs):
    found, _ = of_folder(capsys, trained, photographs)
    pictures = [p for p in photographs.rglob("*") if p.suffix in (".png", ".BMP", ".gif", ".jpg") and p.name[0] != "."]
    assert [each["file"] for each in found] == sorted(map(str, pictures))
    assert len(found) == 92


def test_what_cannot_be_read_is_in_the_output_with_its_reason_and_listed_at_the_end(capsys, trained, photographs):
    found, err = of_folder(capsys, trained, photographs)
    bad = [each for each in found if "reason" in each]
    assert [each["file"].rpartition("/")[2] for each in bad] == ["cut.png", "empty.jpg"]
    assert {each["label"] for each in bad} == {None}
    assert err.splitlines() == [f"left out: {each['reason']}" for each in bad]


@pytest.mark.parametrize(("precision", "apart"), [("auto", 0.01), ("float32", 1e-6)])
def test_a_picture_in_a_folder_has_the_answer_that_it_has_alone(trained, photographs, precision, apart):
    model = load(trained)
    together = [a for a in answers(model, [photographs], precision=precision) if not isinstance(a, Unreadable)]
    alone = model.predict([answer.file for answer in together])
    assert len(together) == 90  # enough for the quick way to be taken
    assert [answer.label for answer in together] == [answer.label for answer in alone]
    for a, b in zip(together, alone, strict=True):
        assert [p for _, p in a.top] == pytest.approx([p for _, p in b.top], abs=apart)
        assert a.probability == pytest.approx(dict(b.top)[a.label], abs=apart)


def test_one_file_is_answered_to_the_bit_as_the_model_answers_it(capsys, trained, photographs):
    file = photographs / "a" / "00.png"
    code, out, err = run(capsys, "predict", trained, file, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == [load(trained).predict([file])[0].as_json()]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl", ".parquet"])
def test_a_file_of_answers_holds_what_is_printed(capsys, trained, photographs, tmp_path, suffix):
    path = tmp_path / "new" / f"answers{suffix}"
    printed, _ = of_folder(capsys, trained, photographs, "-o", path)
    if suffix == ".json":
        assert json.loads(path.read_text()) == printed
        return
    if suffix == ".jsonl":
        assert [json.loads(line) for line in path.read_text().splitlines()] == printed
        return
    if suffix == ".csv":
        with path.open(newline="") as file:
            rows = [{k: v or None for k, v in row.items()} for row in csv.DictReader(file)]
    else:
        rows = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    assert [row["file"] for row in rows] == [each["file"] for each in printed]
    for row, each in zip(rows, printed, strict=True):
        assert row["reason"] == each.get("reason")
        assert row["label"] == each["label"]
        for place, best in enumerate(each["top"], 1):
            assert row[f"label_{place}"] == best["label"]
            assert float(row[f"probability_{place}"]) == best["probability"]


def test_with_a_file_of_answers_people_get_the_sums(capsys, trained, photographs, tmp_path):
    code, out, err = run(capsys, "predict", trained, photographs, "-o", tmp_path / "a.csv")
    assert code == 0
    assert out.startswith("90 pictures answered: ")
    assert out.endswith("; 2 could not be read\n")
    assert err.splitlines()[0] == str(tmp_path / "a.csv")


def test_what_is_less_probable_than_the_threshold_is_unknown(capsys, trained, photographs):
    plain, _ = of_folder(capsys, trained, photographs, "--precision", "float32")
    strict, _ = of_folder(capsys, trained, photographs, "--precision", "float32", "--threshold", "0.9")
    said = {"unknown" if a["label"] and a["probability"] < 0.9 else a["label"] for a in plain}
    assert "unknown" in said
    for a, b in zip(plain, strict, strict=True):
        assert b["top"] == a["top"]
        if a["label"] is not None:
            assert b["label"] == ("unknown" if a["probability"] < 0.9 else a["label"])


def test_what_float32_calls_unknown_is_unknown_as_it_comes(capsys, trained, photographs):
    plain, _ = of_folder(capsys, trained, photographs, "--precision", "float32")
    middle = sorted(each["probability"] for each in plain if each["label"])[45]
    for threshold in (0.9, middle - 1e-5, middle + 1e-5):
        exact, _ = of_folder(capsys, trained, photographs, "--threshold", str(threshold), "--precision", "float32")
        found, _ = of_folder(capsys, trained, photographs, "--threshold", str(threshold))
        assert [each["label"] for each in found] == [each["label"] for each in exact]
        assert len({each["label"] == "unknown" for each in exact}) == 2


def test_what_is_like_no_digit_is_unknown_and_most_digits_are_not(capsys, trained, photographs, tmp_path):
    noise = torch.randint(256, (40, 28, 28), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    (tmp_path / "noise").mkdir()
    for i, each in enumerate(noise):
        Image.fromarray(((each > 127) * 255).to(torch.uint8).numpy()).save(tmp_path / "noise" / f"{i}.png")
    digits, _ = of_folder(capsys, trained, photographs, "--unknown")
    assert sum(each["label"] == "unknown" for each in digits) <= 0.15 * len(digits)
    strange, _ = of_folder(capsys, trained, tmp_path / "noise", "--unknown")
    plain, _ = of_folder(capsys, trained, tmp_path / "noise")
    assert "unknown" not in {each["label"] for each in plain}
    model = load(trained)
    energies = [model.outputs(model.preprocess.open(each["file"])[None]).logsumexp(1).item() for each in strange]
    assert [e < model.facts["unknown_below"] for e in energies] == [each["label"] == "unknown" for each in strange]


def test_low_precision_gives_nearly_the_same(trained, photographs):
    model = load(trained)
    low = [a for a in answers(model, [photographs], precision="bfloat16") if not isinstance(a, Unreadable)]
    full = [a for a in answers(model, [photographs], precision="float32") if not isinstance(a, Unreadable)]
    assert sum(a.label == b.label for a, b in zip(low, full, strict=True)) >= 85
    assert [a.top for a in low] != [a.top for a in full]


class TestGallery:
    def test_pictures_stand_under_their_labels_and_nothing_else_is_needed(self, capsys, trained, photographs, tmp_path):
        found, _ = of_folder(capsys, trained, photographs, "--gallery", tmp_path / "page.html")
        page = (tmp_path / "page.html").read_text()
        for label in {each["label"] for each in found} - {None}:
            assert f"<h2>{label} <span>" in page
        assert page.count("<figure>") == 90
        assert "All 90 pictures are shown." in page
        assert "empty.jpg: is empty" in page
        assert 'src="data:' in page
        assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")

    def test_of_many_pictures_the_ends_are_shown_and_the_page_says_so(self, tmp_path):
        from striate.model import Prediction
        from striate.reports.answers_page import EACH, Gallery

        with Gallery(tmp_path / "page.html", "a network") as page:
            for i in range(1000):
                share = ((i * 7919) % 1000) / 1000
                page.add(Prediction(f"{i}.png", "one", share, (("one", share),)))
        (group,) = page._groups(list(page.labels.values()))
        assert [each.probability[:4] for each in group.sure][:2] == ["99.9", "99.8"]
        assert [each.probability[:3] for each in group.unsure][:2] == ["0.0", "0.1"]
        assert len(group.sure) == len(group.unsure) == EACH
        assert "Shown are 24 of 1\u202f000 pictures" in (tmp_path / "page.html").read_text()

    def test_a_label_whose_ends_do_not_fit_any_more_is_left_out(self, tmp_path, monkeypatch):
        from striate.model import Prediction
        from striate.reports.answers_page import Gallery

        monkeypatch.setattr("striate.reports.answers_page.MOST", 40)
        with Gallery(tmp_path / "page.html", "a network") as page:
            for i in range(200):
                page.add(Prediction(f"{i}.png", "ab"[i % 2], i / 200, ()))
        assert [group.name for group in page._groups(list(page.labels.values()))] == ["a"]


class TestMistakes:
    def test_a_single_bad_file_is_one_line(self, capsys, trained, photographs):
        assert "empty.jpg: is empty" in wrong(capsys, "predict", trained, photographs / "b" / "empty.jpg", "--json")

    @pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
    def test_a_mistake_on_the_way_leaves_no_file_of_answers(self, capsys, trained, photographs, tmp_path, suffix):
        if suffix == ".parquet":
            pytest.importorskip("pyarrow")
        assert "is empty" in wrong(
            capsys, "predict", trained, photographs / "b" / "empty.jpg", "-o", tmp_path / f"answers{suffix}"
        )
        gc.collect()  # whatever writes is not left to close itself, into a file that is no longer its own
        assert not list(tmp_path.iterdir())

    def test_where_nothing_can_be_read_the_exit_code_is_1(self, capsys, trained, photographs):
        files = [photographs / "b" / "empty.jpg", photographs / "b" / "cut.png", "nowhere.png"]
        code, out, err = run(capsys, "predict", trained, *files, "--json")
        assert code == 1
        assert len(json.loads(out)) == err.count("left out: ") == 3

    def test_a_folder_without_pictures_is_one_line(self, capsys, trained, tmp_path):
        (tmp_path / "notes.txt").write_text("nothing")
        assert "holds no picture" in wrong(capsys, "predict", trained, tmp_path)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["-o", "answers.xlsx"], "answers.xlsx: answers are written as .csv, .json, .jsonl, .parquet"),
            (["--threshold", "2"], "threshold is 2; it must be between 0 and 1"),
            (["--precision", "float8"], "precision is 'float8'; it must be one of auto, float32, bfloat16"),
        ],
    )
    def test_a_wrong_option_is_one_line(self, capsys, trained, photographs, options, words):
        assert words in wrong(capsys, "predict", trained, photographs, *options)

    def test_a_run_without_a_threshold_cannot_tell_what_is_unknown(self, trained, photographs):
        model = load(trained)
        model.facts["unknown_below"] = None
        with pytest.raises(striate.StriateError, match="lenet5 keeps no threshold for what is unknown"):
            next(answers(model, [photographs], unknown=True))

    def test_an_output_that_cannot_be_written_is_one_line(self, capsys, trained, photographs, tmp_path):
        (tmp_path / "file").write_text("in the way")
        out = tmp_path / "file" / "answers.csv"
        assert f"{out}: cannot be written" in wrong(capsys, "predict", trained, photographs, "-o", out)

    def test_a_page_that_cannot_be_written_is_one_line_and_the_answers_are_kept(
        self, capsys, trained, photographs, tmp_path
    ):
        (tmp_path / "file").write_text("in the way")
        page, out = tmp_path / "file" / "page.html", tmp_path / "answers.csv"
        said = wrong(capsys, "predict", trained, photographs / "a", "-o", out, "--gallery", page)
        assert f"{page}: cannot be written" in said
        assert "Give another --gallery." in said
        assert len(out.read_text().splitlines()) == 31

    def test_a_folder_alone_needs_a_run(self, capsys, photographs):
        assert "is one folder. Give the folder of a run before it" in wrong(capsys, "predict", photographs)


def test_a_folder_that_leads_back_to_itself_ends_and_is_told(trained, photographs, tmp_path):
    (tmp_path / "x").mkdir()
    os.link(photographs / "a" / "00.png", tmp_path / "x" / "0.png")
    (tmp_path / "x" / "again").symlink_to(tmp_path / "x")
    found = list(answers(load(trained), [tmp_path]))
    assert found[0].file == str(tmp_path / "x" / "0.png")
    assert "leads back to a folder above it" in found[1].reason
    assert len(found) == 2


@pytest.mark.slow
def test_a_stream_takes_little_memory_whatever_the_number_of_pictures():
    """Ten times as many large pictures take no more than a little more."""
    code = """
import resource, sys, torch
from striate.features.asked import Asked
from striate.features.stream import Stream
from striate.model import Model
from striate.data.preprocess import Preprocess
from striate.networks import refer
net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 2))
model = Model(net, ("a", "b"), Preprocess((3, 256, 256), (0.5,) * 3, (0.5,) * 3, "resize"), refer(net))
def run(count):
    pictures = (Asked(str(i), lambda p: torch.zeros(3, 256, 256, dtype=torch.uint8)) for i in range(count))
    assert sum(len(chunk.rows) for chunk in Stream(model, threads=2).of(pictures)) == count
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
first = run(300)
print(run(3000) - first)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 60  # MB; 2,700 pictures are 530 MB


def test_python_answers_a_folder_too(trained, photographs):
    found = striate.predict(trained, photographs / "a")
    assert [answer.file for answer in found] == sorted(str(p) for p in (photographs / "a").iterdir())
    with pytest.raises(striate.StriateError, match=r"cut\.png"):
        striate.predict(trained, photographs)
