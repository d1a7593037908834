"""The quick look before a training: what it finds without decoding, and that it never accuses a sound file."""

import os
from io import BytesIO
from time import perf_counter

import numpy as np
import pytest
import torch
from PIL import Image

from striate.data.decode import decode
from striate.data.examples import Member
from striate.data.picture_files import PictureFiles
from striate.data.quick import quick_check
from striate.data.records import Pictures
from striate.errors import DataError
from tests.data.odd_pictures import bombs, cases, damaged, places


def files_of(folder, names):
    return PictureFiles(folder, names, torch.zeros(len(names), dtype=torch.int64), (3, 8, 8))


def written(folder, contents):
    """The contents as files 0, 1, ... of `folder`."""
    for number, some in enumerate(contents):
        (folder / str(number)).write_bytes(some)
    return files_of(folder, [str(number) for number in range(len(contents))])


def refused(contents):
    try:
        decode(contents, "x")
    except DataError:
        return True
    return False


def photograph(size=(300, 200), form="JPEG", **options):
    """The file of a grey ramp."""
    ramp = np.add.outer(np.arange(size[1]), np.arange(size[0])) % 256
    stream = BytesIO()
    Image.fromarray(np.stack([ramp, ramp // 2, 255 - ramp], 2).astype(np.uint8)).save(stream, form, **options)
    return stream.getvalue()


def test_no_picture_that_decodes_is_refused_and_no_refusal_is_of_its_own_making(tmp_path):
    contents = [case.contents for case in (*cases(), *bombs())] + [some for _, some in damaged(1500)]
    told = quick_check(written(tmp_path, contents))
    assert told
    for number in told:
        assert refused(contents[number])


def test_what_is_no_picture_or_is_empty_is_told_with_the_decoders_reason(tmp_path):
    sound = photograph()
    contents = [sound, b"", b"<!doctype html><html></html>", bytes(5000), b"hello", sound]
    told = quick_check(written(tmp_path, contents))
    assert list(told) == [1, 2, 3, 4]
    assert told[1] == "1: is empty. Copy or download it again."
    assert "a web page" in told[2]
    assert "nothing but zero bytes" in told[3]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "PPM"])
@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_file_that_was_cut_off_is_told(tmp_path, form, quarter):
    whole = photograph(form=form)
    told = quick_check(written(tmp_path, [whole, whole[: len(whole) * quarter // 4]]))
    assert list(told) == [1]


def test_a_download_that_was_filled_up_with_zeros_is_told(tmp_path):
    whole = photograph()
    half = len(whole) // 2
    assert list(quick_check(written(tmp_path, [whole[:half] + bytes(len(whole) - half)]))) == [0]


def test_notes_that_a_camera_appends_to_a_photograph_are_no_fault(tmp_path):
    for addition in (b"\0", b"SEFT" + bytes(3000), photograph((64, 64))):
        assert not quick_check(written(tmp_path, [photograph() + addition]))


def test_a_picture_that_is_too_large_is_told_from_its_header(tmp_path):
    whole = bytearray(photograph())
    at = whole.index(b"\xff\xc0")
    whole[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    told = quick_check(written(tmp_path, [bytes(whole)]))
    assert "65535x65535 pixels" in told[0]


def test_pipes_devices_links_and_folders_are_told_without_waiting(tmp_path):
    named = places(tmp_path)
    paths = [os.path.relpath(path, tmp_path) for path, _ in named]
    told = quick_check(files_of(tmp_path, paths))
    for number, (_, says) in enumerate(named):
        assert (says in told[number]) if says else number not in told


def test_members_of_a_shard_are_looked_at_in_place(tmp_path):
    sound = photograph()
    parts = [sound, sound[:900], b"no picture", sound]
    (tmp_path / "a.tar").write_bytes(b"".join(parts))
    starts = np.cumsum([0, *map(len, parts)]).tolist()
    members = [Member(tmp_path / "a.tar", str(i), starts[i], len(part)) for i, part in enumerate(parts)]
    beyond = Member(tmp_path / "a.tar", "beyond", starts[-1] - 5, 100)
    assert list(quick_check(files_of(tmp_path, [*members, beyond]))) == [1, 2, 4]


def test_arrays_have_nothing_to_look_at(images, labels):
    assert quick_check(Pictures(images, labels)) == {}


def test_a_thousand_files_of_which_every_hundredth_is_bad(tmp_path):
    sound = photograph((32, 32))
    contents = [b"" if number % 100 == 7 else sound for number in range(1000)]
    assert list(quick_check(written(tmp_path, contents))) == list(range(7, 1000, 100))


def test_slow_disks_are_waited_for_by_many_at_a_time(tmp_path, monkeypatch):
    from striate.data import quick

    files = written(tmp_path, [photograph((32, 32)) if number % 50 else b"" for number in range(2000)])
    monkeypatch.setattr(quick, "SLOW", 0.0)
    assert list(quick_check(files)) == list(range(0, 2000, 50))


def test_a_file_takes_a_small_part_of_its_decoding(tmp_path):
    files = written(tmp_path, [photograph((800, 600), quality=95)] * 300)
    quick_check(files)

    def seconds(work):
        started = perf_counter()
        work()
        return perf_counter() - started

    quick = min(seconds(lambda: quick_check(files)) for _ in range(5))
    decoded = seconds(lambda: [files.decoded(i) for i in range(20)]) * 15
    assert quick < decoded / 20
