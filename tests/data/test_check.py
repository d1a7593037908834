"""`check` on folders with planted faults: each is told by name, and nothing is told of a clean one."""

import os
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

import striate
from striate.data.check import check as room
from striate.data.check import look as looking
from striate.data.check.found import listed
from striate.data.check.labels import by_neighbours
from striate.data.records import DataSet, Pictures
from striate.errors import DataError
from tests.data.planted import clean, jpeg, scene

CALTECH = (Path(__file__).parents[2] / "../shared/data/caltech10").resolve()


def kinds(found):
    return [each.kind for each in found.findings]


def says(found, kind):
    return next(each.says for each in found.findings if each.kind == kind)


def opened(path):
    with Image.open(path) as image:
        return image.convert("RGB")


def tree(root):
    """Everything that could change, but the time of the last reading: names, modes, sizes, times, contents."""
    found = {}
    for path in root.rglob("*"):
        status = path.lstat()
        contents = sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[path] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino, contents)
    return found


@pytest.mark.parametrize("parts", [("train", "test"), ("train", "val", "test"), ()])
def test_a_clean_folder_is_sound(tmp_path, parts):
    found = striate.check(clean(tmp_path / "pets", parts=parts))
    assert found.sound
    assert found.findings == found.unreadable == found.converted == found.duplicates == ()
    assert found.examples == found.readable == 16 * max(1, len(parts))
    assert found.totals == {"cat": found.examples // 2, "dog": found.examples // 2}
    assert found.sizes == {(72, 96): found.examples}
    assert found.modes == {"JPEG RGB": found.examples}


def test_splits_are_the_sources_own_and_a_set_without_is_one_whole(tmp_path):
    assert striate.check(clean(tmp_path / "a")).splits == {"train": 16, "test": 16}
    whole = striate.check(clean(tmp_path / "b", parts=()))
    assert whole.splits == {"all": 16}
    assert "exact copies stay on one side" in whole.notes[0]


@pytest.mark.parametrize(
    ("copy", "kind"),
    [
        (lambda raw, image: raw, "exact"),
        (lambda raw, image: raw + b"appended", "same pixels"),
        (lambda raw, image: jpeg(image, 50), "re-encoded"),
        (lambda raw, image: jpeg(image.resize((48, 36))), "resized"),
        (lambda raw, image: jpeg(ImageOps.mirror(image)), "mirrored"),
    ],
)
def test_a_copy_in_the_other_part_is_a_leak(tmp_path, copy, kind):
    clean(tmp_path)
    source = tmp_path / "train/cat/3.jpg"
    (tmp_path / "test/cat/copy.jpg").write_bytes(copy(source.read_bytes(), opened(source)))
    found = striate.check(tmp_path)
    (pair,) = found.duplicates
    assert (pair.a, pair.b, pair.kind) == ("train/cat/3.jpg", "test/cat/copy.jpg", kind)
    assert pair.across
    assert not pair.disagree
    assert kinds(found) == ["leak"]
    assert says(found, "leak") == (f"1 test picture (5.9%) is in train too (1 {kind}). Remove it from one of the two.")


def test_a_large_picture_that_differs_in_its_finest_detail_is_no_copy_of_all_pixels(tmp_path):
    clean(tmp_path)
    image = np.array(scene(99, (1200, 900)))
    (tmp_path / "train/cat/large.jpg").write_bytes(jpeg(Image.fromarray(image), 95))
    image[::8, ::8] ^= 4
    (tmp_path / "test/cat/large.jpg").write_bytes(jpeg(Image.fromarray(image), 95))
    (pair,) = striate.check(tmp_path).duplicates
    assert pair.kind == "re-encoded"


def test_the_same_picture_under_two_labels_is_told_with_both(tmp_path):
    clean(tmp_path)
    shutil.copy(tmp_path / "train/cat/0.jpg", tmp_path / "train/dog/also.jpg")
    found = striate.check(tmp_path)
    assert kinds(found) == ["two labels"]
    assert "train/cat/0.jpg is 'cat' and train/dog/also.jpg is 'dog'" in says(found, "two labels")
    assert found.duplicates[0].labels == ("cat", "dog")


def test_copies_within_a_class_are_told_once_each_however_many_there_are(tmp_path):
    clean(tmp_path)
    for number in range(20):
        shutil.copy(tmp_path / "train/cat/0.jpg", tmp_path / f"train/cat/copy{number:02}.jpg")
    found = striate.check(tmp_path)
    assert kinds(found) == ["duplicates"]
    assert len(found.duplicates) == 20
    assert "20 pairs" in says(found, "duplicates")


def test_every_file_that_cannot_be_read_is_told_with_its_reason(tmp_path):
    clean(tmp_path)
    cats = tmp_path / "train/cat"
    whole = (cats / "0.jpg").read_bytes()
    (cats / "cut.jpg").write_bytes(whole[: len(whole) * 3 // 4])
    (cats / "empty.jpg").write_bytes(b"")
    (cats / "page.jpg").write_text("<!doctype html><html></html>")
    os.mkfifo(cats / "pipe.jpg")
    (cats / "link.jpg").symlink_to("nowhere")
    found = striate.check(tmp_path)
    reasons = {each.file: each.reason for each in found.unreadable}
    assert list(reasons) == [f"train/cat/{name}.jpg" for name in ("cut", "empty", "link", "page", "pipe")]
    for name, words in (
        ("cut", "the picture is damaged or cut off"),
        ("empty", "is empty."),
        ("link", "is a link to a file that does not exist."),
        ("page", "is not a JPEG"),
        ("pipe", "is a pipe, not a file."),
    ):
        assert reasons[f"train/cat/{name}.jpg"].startswith(words)
    assert kinds(found) == ["unreadable"]
    assert says(found, "unreadable").startswith("5 of 37 pictures (13.5%) cannot be read")
    assert found.readable == 32
    assert found.splits == {"train": 21, "test": 16}


def test_odd_but_valid_pictures_are_told_and_are_no_fault(tmp_path):
    clean(tmp_path)
    cats = tmp_path / "train/cat"
    sideways = Image.Exif()
    sideways[0x0112] = 6
    scene(50).save(cats / "sideways.jpg", exif=sideways)
    scene(51).convert("CMYK").save(cats / "inks.jpg")
    Image.fromarray(np.asarray(scene(52).convert("L")).astype(np.uint16) * 257).save(cats / "deep.png")
    scene(53).convert("P").save(cats / "palette.png")
    (cats / "suffix.png").write_bytes(jpeg(scene(54)))
    found = striate.check(tmp_path)
    assert found.sound
    told = {each.file.rpartition("/")[2]: each.what for each in found.converted}
    assert told == {
        "sideways.jpg": "turned upright (EXIF orientation 6)",
        "inks.jpg": "CMYK inks become RGB without a colour profile",
        "deep.png": "16 bits a channel are scaled to 8",
        "palette.png": "a palette is replaced by its colours",
        "suffix.png": "is JPEG, whatever its suffix .png says",
    }
    assert found.sizes == {(72, 96): 36, (96, 72): 1}


def test_classes_that_a_part_lacks_are_told_and_shift_nothing(tmp_path):
    clean(tmp_path, classes=("ant", "bee", "cow"))
    shutil.rmtree(tmp_path / "train/ant")
    shutil.rmtree(tmp_path / "test/cow")
    found = striate.check(tmp_path)
    assert kinds(found) == ["missing class", "missing class"]
    assert [each.says for each in found.findings] == [
        "train has no picture of 'ant', and another part has. It cannot be learned.",
        "test has no picture of 'cow', and another part has. How well it is told apart is not measured there.",
    ]
    assert [each.names for each in found.findings] == [("ant",), ("cow",)]


def test_empty_classes_and_those_of_one_picture_are_told(tmp_path):
    clean(tmp_path, parts=())
    (tmp_path / "emu").mkdir()
    (tmp_path / "fox").mkdir()
    (tmp_path / "fox/1.jpg").write_bytes(jpeg(scene(70)))
    (tmp_path / "gnu").mkdir()
    (tmp_path / "gnu/1.jpg").write_bytes(b"")
    found = striate.check(tmp_path)
    assert [(each.kind, each.names) for each in found.findings][1:4] == [
        ("empty class", ("gnu",)),
        ("empty class", ("emu",)),
        ("one picture", ("fox",)),
    ]


def test_a_single_class_is_explained(tmp_path):
    found = striate.check(clean(tmp_path, classes=("cat",)))
    assert kinds(found) == ["one class"]
    assert "there is nothing to tell apart" in says(found, "one class")


@pytest.mark.parametrize(("left", "told"), [(4, False), (2, False), (1, True)])
def test_imbalance_is_told_with_its_ratio_from_five_times_on(tmp_path, left, told):
    clean(tmp_path)
    for number in range(left, 8):
        (tmp_path / f"train/dog/{number}.jpg").unlink()
    found = striate.check(tmp_path)
    assert ("imbalance" in kinds(found)) == told
    if told:
        assert says(found, "imbalance").startswith("'cat' has 8 pictures in train and 'dog' 1, 8 times as many.")


def test_a_group_in_two_parts_is_told(tmp_path):
    clean(tmp_path)
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            for number in range(8):
                file = tmp_path / part / name / f"{number}.jpg"
                owner = 5 if number == 0 else 10 * number + (part == "train")
                file.rename(file.with_name(f"patient{owner}_{number}.jpg"))
    found = striate.check(tmp_path, group=r"patient(\d+)")
    assert kinds(found) == ["torn group"]
    assert says(found, "torn group") == "1 group is in more than one of train and test: '5'. Keep each in one part."


def test_class_names_that_differ_by_spelling_alone_are_told(tmp_path):
    found = striate.check(clean(tmp_path, classes=("caf\u00e9", "cafe\u0301", "tea")))
    assert kinds(found) == ["similar names"]
    assert "'cafe\\u0301' and 'caf\\xe9'" in says(found, "similar names")


def test_what_the_layout_finds_odd_is_told(tmp_path):
    clean(tmp_path, parts=())
    (tmp_path / "stray.jpg").write_bytes(jpeg(scene(80)))
    found = striate.check(tmp_path)
    assert says(found, "source") == "1 pictures lie in no class folder, such as stray.jpg."


def test_no_file_is_changed_and_a_read_only_folder_is_checked(tmp_path):
    clean(tmp_path / "pets")
    (tmp_path / "pets/train/cat/empty.jpg").write_bytes(b"")
    shutil.copy(tmp_path / "pets/train/cat/0.jpg", tmp_path / "pets/test/cat/copy.jpg")
    folders = [tmp_path / "pets", *(path for path in (tmp_path / "pets").rglob("*") if path.is_dir())]
    for place in folders:
        place.chmod(0o555)
    before = tree(tmp_path / "pets")
    striate.check(tmp_path / "pets", labels=True, html=tmp_path / "page.html")
    assert tree(tmp_path / "pets") == before
    for place in folders:
        place.chmod(0o755)


def test_hostile_names_come_out_as_one_printable_line(tmp_path):
    clean(tmp_path, parts=(), classes=("<script>alert(1)<", "[red]dog", "cat"))
    shutil.copy(tmp_path / "cat/0.jpg", os.fsencode(tmp_path) + b"/cat/\xff\xfe\n\x1b[31m.jpg")
    found = striate.check(tmp_path)
    (pair,) = found.duplicates
    assert pair.b.isprintable()
    assert pair.b == r"cat/\udcff\udcfe\n\x1b[31m.jpg"
    assert all(each.says.isprintable() for each in found.findings)


def test_nothing_readable_is_unusable_and_still_told(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(b"")
    found = striate.check(tmp_path)
    assert not found.usable
    assert not found.sound
    assert len(found.unreadable) == 2


def test_an_empty_folder_is_refused_with_what_would_do(tmp_path):
    with pytest.raises(DataError, match="is an empty folder"):
        striate.check(tmp_path)


class TestArrays:
    def test_copies_between_parts_are_found_and_different_pictures_are_not(self):
        draw = torch.Generator().manual_seed(0)
        images = torch.randint(256, (60, 1, 28, 28), generator=draw, dtype=torch.uint8)
        test = images[40:].clone()
        test[7] = images[11]
        labels = torch.arange(60) % 4
        labels[47] = labels[11]
        data = DataSet("noise", tuple("abcd"), Pictures(images[:40], labels[:40]), Pictures(test, labels[40:]))
        found = striate.check(data)
        (pair,) = found.duplicates
        assert (pair.pictures, pair.kind, pair.splits) == ((11, 47), "exact", ("train", "test"))
        assert kinds(found) == ["leak"]
        assert found.sizes == {(28, 28): 60}
        assert found.modes == {"L": 60}

    def test_pictures_of_four_channels_are_compared_by_all_of_them(self):
        images = torch.randint(256, (8, 4, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
        images[5] = images[2]
        images[6, :3] = images[3, :3]
        found = striate.check(DataSet("many", ("a", "b"), Pictures(images, torch.arange(8) % 2), None))
        assert [(each.pictures, each.kind) for each in found.duplicates] == [((2, 5), "exact"), ((3, 6), "re-encoded")]

    def test_the_digits_are_sound(self):
        found = striate.check("digits")
        assert found.sound
        assert found.splits == {"train": 4000, "test": 1000}


class TestLabels:
    def test_planted_wrong_labels_are_found_among_digits(self, few_digits):
        labels = few_digits.train.labels.clone()
        planted = torch.randperm(len(labels), generator=torch.Generator().manual_seed(3))[:20]
        labels[planted] = (labels[planted] + 5) % 10
        data = DataSet("wrong", few_digits.classes, Pictures(few_digits.train.images, labels), None)
        told = {each.picture for each in striate.check(data, labels=True).suspects}
        assert len(told & set(planted.tolist())) >= 10
        assert len(told - set(planted.tolist())) <= 6

    def test_they_are_off_by_default(self, few_digits):
        assert striate.check(few_digits).suspects == ()

    def test_a_picture_is_not_its_own_neighbour(self):
        looks = torch.nn.functional.normalize(torch.randn(30, 5, generator=torch.Generator().manual_seed(0)), dim=1)
        labels = torch.zeros(30, dtype=torch.int64)
        labels[4] = 1
        assert by_neighbours(looks, labels, 2)[4].tolist() == [1, 0]


def test_beyond_the_limit_only_copies_are_searched_and_that_is_said(tmp_path, monkeypatch):
    clean(tmp_path)
    shutil.copy(tmp_path / "train/cat/0.jpg", tmp_path / "test/cat/copy.jpg")
    (tmp_path / "test/cat/mirrored.jpg").write_bytes(jpeg(ImageOps.mirror(opened(tmp_path / "train/cat/1.jpg"))))
    monkeypatch.setattr(looking, "MOST_ALIKE", 10)
    monkeypatch.setattr(room, "MOST_ALIKE", 10)
    found = striate.check(tmp_path)
    assert [each.b for each in found.duplicates] == ["test/cat/copy.jpg"]
    assert found.notes == ("look-alikes are searched for among up to 10 pictures; of these 34, only copies",)


def test_progress_is_told_to_the_end(tmp_path):
    told = []
    striate.check(clean(tmp_path), tell=lambda done, of: told.append((done, of)))
    assert told == [(32, 32)]


def test_names_are_listed_with_how_many_more_there_are():
    assert listed(["a"]) == "'a'"
    assert listed(list("abc")) == "'a', 'b' and 'c'"
    assert listed([str(i) for i in range(1200)]).endswith("'4' and 1,195 more")


def test_real_photographs_are_checked_and_what_is_planted_among_them_is_found(tmp_path):
    if not CALTECH.is_dir():
        pytest.skip("the photographs of ../shared/data/caltech10 are not here")
    for name in ("ketch", "starfish"):
        for number, file in enumerate(sorted((CALTECH / name).glob("*.jpg"))[:30]):
            place = tmp_path / ("test" if number % 3 == 0 else "train") / name
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
    assert striate.check(tmp_path).sound
    copied = sorted((tmp_path / "train/ketch").iterdir())[:4]
    for file in copied:
        image = opened(file)
        (tmp_path / "test/ketch" / f"again_{file.name}").write_bytes(jpeg(image.resize((120, 90)), 50))
    found = striate.check(tmp_path)
    assert {pair.a for pair in found.duplicates} == {f"train/ketch/{file.name}" for file in copied}
    assert "4 test pictures" in says(found, "leak")
