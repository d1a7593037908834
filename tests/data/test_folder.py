"""Folders of pictures, as people have them."""

import numpy as np
import pytest
from PIL import Image

import striate
from striate.data.classes import matched, renumbered
from striate.data.read import read
from striate.errors import ConfigError, DataError


def picture(path, seed=0, size=(8, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(abs(hash((path.name, path.parent.name, seed))) % 2**32).integers(
        0, 255, (*size[::-1], 3)
    )
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def folder_of(root, names, count=6, suffix=".png"):
    for number, name in enumerate(names):
        for i in range(count):
            picture(root / name / f"{i}{suffix}", seed=number)
    return root


def files(part):
    return sorted(part.name(i) for i in range(len(part)))


def test_each_folder_is_a_class_and_a_part_is_held_out(tmp_path):
    data = read(folder_of(tmp_path, ["cat", "dog"], 20))
    assert data.classes == ("cat", "dog")
    assert data.format == "folder"
    assert data.parted
    assert len(data.train) + len(data.test) == 40
    assert data.train.shape == (3, 6, 8)


@pytest.mark.parametrize("validation", ["val", "valid", "Validation", "dev"])
def test_parts_are_known_by_the_names_that_people_give_them(tmp_path, validation):
    folder_of(tmp_path, [f"{part}/{name}" for part in ("train", validation, "test") for name in ("cat", "dog")])
    data = read(tmp_path)
    assert [len(part) for _, part in data.parts] == [12, 12, 12]
    assert not data.parted


def test_a_class_that_is_missing_in_one_part_shifts_no_label(tmp_path):
    folder_of(tmp_path, ["train/ant", "train/bee", "train/cow", "test/bee", "test/cow"])
    data = read(tmp_path)
    assert data.classes == ("ant", "bee", "cow")
    names = {data.classes[label] for label in data.test.labels.tolist()}
    assert names == {"bee", "cow"}
    for i in range(len(data.test)):
        assert data.test.name(i).split("/")[1] == data.classes[data.test.labels[i]]


def test_deeper_folders_belong_to_their_class_and_lonely_ones_above_are_passed(tmp_path):
    picture(tmp_path / "data/pictures/cat/january/1.png")
    picture(tmp_path / "data/pictures/cat/2.png")
    picture(tmp_path / "data/pictures/dog/3.png")
    data = read(tmp_path)
    assert data.classes == ("cat", "dog")
    assert files(data.whole()) == ["cat/2.png", "cat/january/1.png", "dog/3.png"]


def test_an_empty_class_folder_is_a_class(tmp_path):
    folder_of(tmp_path, ["cat", "dog"])
    (tmp_path / "emu").mkdir()
    assert read(tmp_path).classes == ("cat", "dog", "emu")


def test_hidden_files_and_droppings_are_passed_over_and_other_files_are_noted(tmp_path):
    folder_of(tmp_path, ["cat", "dog"], 2)
    for name in (".DS_Store", "Thumbs.db", ".ipynb_checkpoints/0.png"):
        (tmp_path / "cat" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "cat" / name).write_bytes(b"x")
    (tmp_path / "cat" / "notes.txt").write_text("x")
    data = read(tmp_path)
    assert len(data.whole()) == 4
    assert data.notes == ("files that do not end like a picture are not read: 1 .txt",)


def test_names_that_differ_in_case_alone_are_noted(tmp_path):
    folder_of(tmp_path, ["cat", "Cat"])
    assert any("upper and lower case" in note for note in read(tmp_path).notes)


def test_a_loop_of_links_ends(tmp_path):
    folder_of(tmp_path, ["cat", "dog"], 2)
    (tmp_path / "cat" / "again").symlink_to(tmp_path / "cat")
    data = read(tmp_path)
    assert len(data.whole()) == 4
    assert any("leads back" in note for note in data.notes)


def test_the_order_of_the_listing_decides_nothing(tmp_path):
    one, other = (folder_of(tmp_path / name, ["cat", "dog"]) for name in ("one", "other"))
    shuffled = tmp_path / "other" / "cat" / "0.png"
    body = shuffled.read_bytes()
    shuffled.unlink()
    shuffled.write_bytes(body)
    assert files(read(one).test) == files(read(other).test)


def test_numbers_as_class_names_stay_text(tmp_path):
    assert read(folder_of(tmp_path, ["010", "no", "1e3"])).classes == ("010", "1e3", "no")


def test_a_group_in_the_path_is_never_torn(tmp_path):
    for patient in range(12):
        for i in range(4):
            picture(tmp_path / ("sick" if patient % 2 else "well") / f"patient{patient:02d}-{i}.png")
    data = read(tmp_path, group=r"(patient\d+)")
    assert not set(data.train.groups) & set(data.test.groups)
    with pytest.raises(ConfigError, match="needs a bracket"):
        read(tmp_path, group=r"patient\d+")
    with pytest.raises(DataError, match="finds nothing in it"):
        read(tmp_path, group=r"(doctor)")


def test_an_empty_folder_says_so(tmp_path):
    with pytest.raises(DataError, match="is an empty folder"):
        read(tmp_path)


def test_one_class_only_is_explained_before_anything_is_written(tmp_path):
    folder_of(tmp_path / "data", ["cat"], 20)
    with pytest.raises(ConfigError, match="all training pictures are of one class, 'cat'"):
        striate.train(tmp_path / "data", "conv-relu-fc", run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_classes_are_matched_by_name():
    match = matched(("dog", "cat"), ("cat", "dog"))
    assert match.moved
    assert match.numbers.tolist() == [1, 0]
    assert renumbered(match.numbers.new_tensor([0, 1, 1]), ("dog", "cat"), ("cat", "dog"), where="x").tolist() == [
        1,
        0,
        0,
    ]
    with pytest.raises(DataError, match="'dogs' may be 'dog' renamed"):
        renumbered(match.numbers.new_tensor([0]), ("dogs",), ("cat", "dog"), where="x")


def test_a_folder_is_trained_on_and_evaluated_with_its_classes_in_another_order(tmp_path):
    data = tmp_path / "data"
    for name, value in (("black", 10), ("white", 240)):
        for i in range(16):
            (data / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((9, 7 + i % 2, 3), value + i % 8, np.uint8)).save(data / name / f"{i}.png")
    trained = striate.train(data, "conv-relu-fc", run=tmp_path / "run", image=(3, 8, 8), epochs=8, batch_size=8)
    assert trained.accuracy == 1.0
    later = tmp_path / "later"
    (later / "white").mkdir(parents=True)
    Image.fromarray(np.full((9, 7, 3), 250, np.uint8)).save(later / "white" / "a.png")
    found = striate.evaluate(tmp_path / "run", later)
    assert found.accuracy == 1.0
    assert "the data have no 'black'" in found.classes
    (later / "white" / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"none of 1 pictures can be read; the first: .*a\.png: is empty"):
        striate.evaluate(tmp_path / "run", later)
