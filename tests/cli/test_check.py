"""`striate check` as a person and as a program meet it."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from striate.cli import main
from tests.data.planted import clean, jpeg, scene

KEYS = {"format", "splits", "classes", "examples", "unreadable", "converted", "duplicates", "findings"}


def run(capsys, *arguments):
    """Exit code, standard output and standard error of one command."""
    code = main(["check", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def planted(tmp_path):
    """A clean folder, a leak, a wrong label, two files that cannot be read, one that is odd."""
    root = clean(tmp_path / "pets")
    shutil.copy(root / "train/cat/0.jpg", root / "test/cat/leaked.jpg")
    shutil.copy(root / "train/cat/1.jpg", root / "train/dog/wrong.jpg")
    (root / "train/dog/empty.jpg").write_bytes(b"")
    (root / "train/dog/cut.jpg").write_bytes((root / "train/dog/3.jpg").read_bytes()[:1500])
    Image.fromarray(np.asarray(scene(90).convert("L")).astype(np.uint16) * 257).save(root / "train/cat/deep.png")
    return root


def test_a_clean_folder_ends_with_0_and_says_that_it_is_sound(capsys, tmp_path):
    code, out, err = run(capsys, clean(tmp_path / "pets"))
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == ["pets (folder)", "pictures  32: train 16, test 16"]
    assert "Sound: nothing is to be mended." in out


def test_planted_faults_end_with_1_and_are_told_by_name(capsys, planted):
    code, out, _ = run(capsys, planted)
    assert code == 1
    for name in ("test/cat/leaked.jpg", "train/dog/wrong.jpg", "train/dog/empty.jpg", "train/dog/cut.jpg", "deep.png"):
        assert name in out
    kinds = [kind for kind in ("leak", "two labels", "unreadable") if f"\n {kind}" in out]
    assert kinds == ["leak", "two labels", "unreadable"]
    assert out.index("\n leak") < out.index("\n two labels") < out.index("\n unreadable")


def test_json_has_the_promised_keys(capsys, planted):
    code, out, err = run(capsys, planted, "--json")
    assert (code, err) == (1, "")
    told = json.loads(out)
    assert told.keys() >= KEYS
    assert told["format"] == "folder"
    assert told["splits"] == {"train": 20, "test": 17}
    assert told["classes"] == {"cat": 18, "dog": 19}
    assert told["examples"] == 37
    assert [each["file"] for each in told["unreadable"]] == ["train/dog/cut.jpg", "train/dog/empty.jpg"]
    assert told["unreadable"][1]["reason"] == "is empty. Copy or download it again."
    assert told["converted"] == [{"file": "train/cat/deep.png", "what": "16 bits a channel are scaled to 8"}]
    assert [(each["a"], each["b"], each["kind"], each["across"]) for each in told["duplicates"]] == [
        ("train/cat/0.jpg", "test/cat/leaked.jpg", "exact", True),
        ("train/cat/1.jpg", "train/dog/wrong.jpg", "exact", False),
    ]
    assert [each["kind"] for each in told["findings"]] == ["leak", "two labels", "unreadable"]


def test_long_lists_end_with_how_many_more_there_are(capsys, tmp_path):
    root = clean(tmp_path / "pets")
    for number in range(25):
        (root / f"train/cat/bad{number:02}.jpg").write_bytes(b"")
    _, out, _ = run(capsys, root)
    assert "bad09.jpg" in out
    assert "bad10.jpg" not in out
    assert "and 15 more" in out
    assert len(json.loads(run(capsys, root, "--json")[1])["unreadable"]) == 25


def test_a_thousand_copies_of_one_picture_are_no_flood(capsys, tmp_path):
    root = clean(tmp_path / "pets")
    contents = (root / "train/cat/0.jpg").read_bytes()
    for number in range(1000):
        (root / f"train/cat/copy{number:04}.jpg").write_bytes(contents)
    code, out, _ = run(capsys, root)
    assert code == 1
    assert out.count("\n") < 60
    assert len(json.loads(run(capsys, root, "--json")[1])["duplicates"]) == 1000


def test_what_cannot_be_read_at_all_ends_with_2_and_one_line(capsys, tmp_path):
    for name, says in (("nowhere", "there is no such file or folder"), ("", "is an empty folder")):
        code, out, err = run(capsys, tmp_path / name)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert says in err


def test_a_program_finds_the_same_keys_when_it_cannot_be_read(capsys, tmp_path):
    code, out, err = run(capsys, tmp_path, "--json")
    assert code == 2
    told = json.loads(out)
    assert told.keys() >= KEYS
    assert told["findings"][0]["kind"] == "unusable"
    assert told["findings"][0]["says"] in err


def test_pictures_of_which_none_can_be_read_end_with_2(capsys, tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(b"no picture")
    code, out, _ = run(capsys, tmp_path)
    assert code == 2
    assert "Not one picture can be read." in out
    assert "cat/1.jpg" in out


def test_a_layout_that_does_not_exist_ends_with_2(capsys, tmp_path):
    code, _, err = run(capsys, clean(tmp_path), "--format", "foldr")
    assert code == 2
    assert "Did you mean folder" in err


def test_groups_that_a_pattern_names_are_checked(capsys, tmp_path):
    code, _, err = run(capsys, clean(tmp_path), "--group", "no bracket")
    assert code == 2
    assert "needs a bracket" in err
    told = json.loads(run(capsys, tmp_path, "--group", r"(\d)\.jpg", "--json")[1])
    assert [each["kind"] for each in told["findings"]] == ["torn group"]


def test_named_sets_and_labels_in_doubt(capsys):
    told = json.loads(run(capsys, "digits", "--json")[1])
    assert told["splits"] == {"train": 4000, "test": 1000}
    assert told["findings"] == []
    assert told["suspicious"] == []


def test_the_page_is_written_where_it_is_wanted_and_nowhere_else(capsys, planted, tmp_path):
    before = sorted(planted.rglob("*"))
    code, _, err = run(capsys, planted, "--html", tmp_path / "page.html")
    assert (code, err) == (1, f"{tmp_path / 'page.html'}\n")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert sorted(planted.rglob("*")) == before
    code, _, err = run(capsys, planted, "--html", tmp_path / "page.html" / "page.html")
    assert code == 2
    assert "cannot be written" in err


def test_a_page_never_takes_the_place_of_a_picture(capsys, planted):
    photograph = next(planted.rglob("*.png"))
    before = photograph.read_bytes()
    code, _, err = run(capsys, planted, "--html", photograph)
    assert (code, err) == (2, f"striate: {photograph}: a page is an .html file. Give --html another name.\n")
    assert photograph.read_bytes() == before


def test_names_with_markup_escapes_and_odd_bytes_are_printed_as_they_are(capsys, tmp_path):
    root = clean(tmp_path / "pets", classes=("[bold]cat", "<script>dog"))
    shutil.copy(root / "train/<script>dog/0.jpg", os.fsencode(root) + b"/train/<script>dog/\xff\x1b[2J[red].jpg")
    code, out, _ = run(capsys, root)
    assert code == 1
    assert "[bold]cat 16" in out
    assert r"train/<script>dog/\udcff\x1b[2J[red].jpg" in out
    assert "\x1b" not in out


def test_it_runs_as_a_program_where_the_terminal_knows_no_unicode(tmp_path):
    root = clean(tmp_path / "pets", classes=("caf\u00e9", "t\u00ea"))
    (root / "train/caf\u00e9/\u00e9.jpg").write_bytes(jpeg(scene(1)))
    done = subprocess.run(
        (sys.executable, "-m", "striate.cli", "check", str(root)),
        capture_output=True, env=os.environ | {"LC_ALL": "C", "PYTHONWARNINGS": "error"}, check=False,
    )  # fmt: skip
    assert done.stderr == b""
    assert done.returncode == 1


def test_it_explains_itself(capsys):
    with pytest.raises(SystemExit):
        run(capsys, "--help")
    said = capsys.readouterr().out
    for option in ("--format", "--group", "--data-dir", "--labels", "--html", "--json"):
        assert option in said
