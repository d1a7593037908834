"""The page of a check: what it shows, that it needs nothing else, and that names cannot become markup."""

import os
import shutil

import pytest
import torch
from PIL import Image

import striate
from striate.data.records import DataSet, Pictures
from striate.errors import ConfigError
from striate.reports.check_charts import MOST_BARS, MOST_POINTS, classes, sizes
from striate.reports.check_page import render_check, write_check
from striate.reports.check_pictures import MOST_PAIRS
from tests.data.planted import clean, scene
from tests.reports.conftest import Page

HOSTILE = "<script>alert('x')<"


@pytest.fixture
def planted(tmp_path):
    root = clean(tmp_path / "pets", classes=("cat", HOSTILE))
    shutil.copy(root / "train/cat/0.jpg", root / "test/cat/&lt;leaked.jpg")
    (root / "train/cat/<img src=x>.jpg").write_bytes(b"")
    scene(90).convert("CMYK").save(root / "train" / HOSTILE / "inks.jpg")
    (root / "train/emu").mkdir()
    shutil.copy(root / "train/cat/1.jpg", os.fsencode(root) + b"/train/cat/\xff.jpg")
    return striate.check(root)


def test_names_are_text_and_never_markup(planted):
    page = Page(render_check(planted))
    assert not page.all("script")
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    assert HOSTILE in page.text
    assert "train/cat/<img src=x>.jpg" in page.text
    assert "test/cat/&lt;leaked.jpg" in page.text
    assert r"train/cat/\udcff.jpg" in page.text


def test_it_asks_for_nothing_from_elsewhere(planted):
    html = render_check(planted)
    page = Page(html)
    for tag, attributes in page.elements:
        assert tag not in ("script", "link", "iframe", "object")
        for name in ("src", "href", "srcset"):
            if name in attributes:
                assert attributes[name].startswith(("data:", "#"))
    assert "http:" not in html
    assert "https:" not in html
    assert page.all("meta", **{"http-equiv": "Content-Security-Policy"})


def test_every_fault_is_on_it_with_its_picture(planted, colours_of):
    page = Page(render_check(planted))
    for each in planted.findings:
        assert " ".join(each.says.split()) in page.text
    assert "CMYK inks become RGB" in page.text
    shown = {image["alt"]: colours_of(image["src"]) for image in page.all("img")}
    assert len(shown) == 5
    assert abs(shown["train/cat/0.jpg"] - shown["test/cat/&lt;leaked.jpg"]).max() == 0
    with Image.open(planted.pictures.path(0)) as original:
        assert shown["train/cat/0.jpg"].shape == (72, 96, 3) == (*original.size[::-1], 3)


def test_bars_are_as_long_as_the_counts(planted):
    drawn = {bar.name: bar for bar in classes(planted).bars}
    assert [bar.total for bar in classes(planted).bars] == [19, 17, 0]
    assert drawn["cat"].shares == (("train", 52.63, "10 in train"), ("test", 47.37, "9 in test"))
    assert drawn["emu"].shares == ()


def test_many_classes_and_sizes_are_thinned_out(planted):
    many = DataSet(
        "many",
        tuple(f"class {i:03}" for i in range(300)),
        Pictures(torch.zeros(1, 1, 4, 4, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64)),
        None,
    )
    found = striate.check(many)
    assert len(classes(found).bars) == MOST_BARS
    assert classes(found).left_out == 300 - MOST_BARS
    found.sizes.clear()
    found.sizes.update({(100 + i, 200 + 7 * i % 901): 1 for i in range(3000)})
    drawn = sizes(found)
    assert len(drawn.points) <= MOST_POINTS
    assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y, _, _ in drawn.points)
    assert sum(int(words.rpartition(" ")[2]) for *_, words in drawn.points) == 3000


def test_a_flood_of_copies_stays_small(tmp_path):
    images = torch.randint(256, (4000, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[1::2] = images[::2]
    found = striate.check(DataSet("copies", ("a", "b"), Pictures(images, torch.arange(4000) // 2 % 2), None))
    assert len(found.duplicates) == 2000
    html = render_check(found)
    assert len(html) < 2**20
    assert f"And {2000 - MOST_PAIRS:,} more pairs".replace(",", " ") in Page(html).text


def test_a_sound_set_says_so(tmp_path):
    page = Page(render_check(striate.check(clean(tmp_path / "pets"))))
    assert "It is sound: every picture can be read, and nothing is to be mended." in page.text
    assert not page.all("section", id="mend")
    assert not page.all("img")


def test_a_file_that_has_gone_meanwhile_leaves_a_gap(planted):
    planted.pictures.path(planted.duplicates[0].pictures[0]).unlink()
    assert "no longer there" in Page(render_check(planted)).text


def test_a_place_that_cannot_be_written_is_a_mistake_of_one_line(planted, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"cannot be written .* Give another --html"):
        write_check(planted, tmp_path / "file" / "page.html")
