import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import indent
from zlib import crc32

import numpy as np
import PIL.Image
import pytest
import torch

from striate.data import cache_files
from striate.data.cache import Cache, default_folder
from striate.data.loader import Loader
from striate.data.picture_files import PictureFiles
from striate.data.preprocess import Preprocess

PREPROCESS = Preprocess((3, 8, 10), (0.5,) * 3, (0.25,) * 3, "resize")
COUNT, ROW = 12, 8 * 10 * 3
HEAD = 4096


@pytest.fixture
def files(tmp_path):
    """Twelve pictures in a folder that nobody may write into; one is broken."""
    folder = tmp_path / "data"
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(COUNT):
        PIL.Image.fromarray(random.integers(0, 256, (20, 30, 3), np.uint8)).save(folder / f"{i:02}.png")
    (folder / "03.png").write_bytes(b"no picture")
    folder.chmod(0o555)
    yield PictureFiles(folder, [f"{i:02}.png" for i in range(COUNT)], torch.arange(COUNT) % 3, (3, 20, 30))
    folder.chmod(0o755)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def epoch(files, folder, **options):
    """All pictures by way of a cache, what was told, and how many were decoded."""
    told, decoded = [], []
    counted = PictureFiles.decoded

    def counting(self, index, size=None):
        decoded.append(index)
        return counted(self, index, size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PictureFiles, "decoded", counting)
        with Loader(files, PREPROCESS, memory=0, cache=folder, tell=told.append, **options) as loader:
            batches = list(loader.batches(torch.arange(COUNT).split(5)))
    return torch.cat([batch.pixels for batch in batches]), told, sorted(decoded)


def self_made(files, folder):
    """The same loader, as a program in another process makes it."""
    return f"""
import torch
from pathlib import Path
from striate.data.loader import Loader
from striate.data.picture_files import PictureFiles
from striate.data.preprocess import Preprocess
cache, data = Path({str(folder)!r}), Path({str(files.root)!r})
files = PictureFiles(data, [f"{{i:02}}.png" for i in range(12)], torch.arange(12) % 3, (3, 20, 30))
preprocess = Preprocess((3, 8, 10), (0.5,) * 3, (0.25,) * 3, "resize")
loader = Loader(files, preprocess, memory=0, cache=cache)
"""


def expected(files):
    return torch.stack([files.pixels(i, PREPROCESS) for i in range(COUNT) if i != 3])


def entries(folder):
    return sorted(folder.iterdir())


class TestCache:
    def test_gives_the_same_bits_and_decodes_nothing_the_second_time_but_what_is_broken(self, files, folder):
        for wanted in (list(range(COUNT)), [3]):
            pixels, told, decoded = epoch(files, folder)
            assert torch.equal(pixels, expected(files))
            assert (told, decoded) == ([], wanted)

    def test_is_one_file_of_pixels_that_can_be_mapped_with_a_sum_for_each(self, files, folder):
        epoch(files, folder)
        (path,) = entries(folder)
        mapped = np.memmap(path, np.uint8, "r", HEAD, (COUNT, 8, 10, 3))
        assert np.array_equal(mapped[5], files.pixels(5, PREPROCESS).permute(1, 2, 0))
        sums = np.frombuffer(path.read_bytes()[HEAD + COUNT * ROW :], "<u4", COUNT)
        assert sums[5] == crc32(mapped[5].tobytes())
        assert json.loads(path.read_bytes()[:HEAD])["shape"] == [COUNT, 8, 10, 3]

    def test_is_not_found_for_other_files_or_another_preprocessing(self, files, folder, tmp_path):
        epoch(files, folder)
        (first,) = entries(folder)
        (files.root).chmod(0o755)
        PIL.Image.new("RGB", (30, 20), "red").save(files.root / "07.png")
        pixels, _, decoded = epoch(files, folder)
        assert torch.equal(pixels, expected(files))
        assert decoded == list(range(COUNT))
        with Loader(files, replace(PREPROCESS, interpolation="bicubic"), memory=0, cache=folder) as loader:
            list(loader.batches([torch.arange(COUNT)]))
        assert len(entries(folder)) == 3
        assert first in entries(folder)

    def test_is_found_when_the_files_were_moved(self, files, folder, tmp_path):
        epoch(files, folder)
        moved = tmp_path / "moved"
        files.root.rename(moved)
        _, _, decoded = epoch(replace(files, root=moved), folder)
        assert decoded == [3]
        moved.rename(files.root)

    def test_leaves_the_folder_of_the_data_as_it_is(self, files, folder):
        before = {path: path.stat().st_mtime_ns for path in (files.root, *files.root.iterdir())}
        epoch(files, folder)
        assert {path: path.stat().st_mtime_ns for path in (files.root, *files.root.iterdir())} == before

    def test_that_an_epoch_does_not_fill_leaves_nothing(self, files, folder):
        with Loader(files, PREPROCESS, memory=0, cache=folder) as loader:
            list(loader.batches([torch.arange(COUNT - 1)]))
            assert len(entries(folder)) == 1
        assert entries(folder) == []

    def test_is_filled_over_several_epochs(self, files, folder):
        with Loader(files, PREPROCESS, memory=2**20, cache=folder) as loader:
            list(loader.batches([torch.arange(5)]))
            list(loader.batches([torch.arange(COUNT)]))
        assert epoch(files, folder)[2] == [3]

    def test_lies_beside_the_known_data_sets_if_no_folder_is_named(self, monkeypatch, tmp_path):
        monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
        assert default_folder() == tmp_path / "pictures"


class TestDamage:
    @pytest.mark.parametrize(
        "place", [0, 100, HEAD, HEAD + 5 * ROW + 17, HEAD + COUNT * ROW + 1, HEAD + COUNT * ROW + 50]
    )
    def test_by_one_flipped_bit_is_found_wherever_it_is_and_the_file_made_anew(self, files, folder, place):
        epoch(files, folder)
        (path,) = entries(folder)
        contents = bytearray(path.read_bytes())
        contents[place] ^= 4
        path.write_bytes(contents)
        pixels, told, _ = epoch(files, folder)
        assert torch.equal(pixels, expected(files))
        assert path.name in told[0]
        assert "It is removed, and the pictures are decoded again." in told[0]

    @pytest.mark.parametrize("size", [0, 10, HEAD, HEAD + 3 * ROW, -1, +1])
    def test_by_a_wrong_length_is_found(self, files, folder, size):
        epoch(files, folder)
        (path,) = entries(folder)
        os.truncate(path, size if size > 1 or size == 0 else path.stat().st_size + size)
        pixels, told, decoded = epoch(files, folder)
        assert torch.equal(pixels, expected(files))
        assert "its size is wrong" in told[0]
        assert decoded == list(range(COUNT))
        assert epoch(files, folder)[1:] == ([], [3])

    def test_while_it_is_open_costs_no_picture(self, files, folder):
        """A file that is cut off in the middle of a training, which would end a process that had mapped it."""
        epoch(files, folder)
        (path,) = entries(folder)
        told = []
        with Loader(files, PREPROCESS, memory=0, cache=folder, tell=told.append) as loader:
            list(loader.batches([torch.arange(4)]))
            os.truncate(path, HEAD + 6 * ROW)
            batches = list(loader.batches(torch.arange(COUNT).split(5)))
            list(loader.batches([torch.arange(COUNT)]))
        assert torch.equal(torch.cat([batch.pixels for batch in batches]), expected(files))
        assert "it is cut off" in told[0]
        assert epoch(files, folder)[1:] == ([], [3])

    def test_by_a_pipe_in_its_place_does_not_hang(self, files, folder):
        epoch(files, folder)
        (path,) = entries(folder)
        path.unlink()
        os.mkfifo(path)
        pixels, told, _ = epoch(files, folder)
        assert torch.equal(pixels, expected(files))
        assert "is a pipe" in told[0]

    def test_of_what_a_dead_writer_left_is_never_trusted_and_removed(self, files, folder):
        code = f"""{self_made(files, folder)}
import os, signal
list(loader.batches([torch.arange(8)]))
os.kill(os.getpid(), signal.SIGKILL)
"""
        subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
        (left,) = entries(folder)
        assert left.name.endswith(".tmp")
        other = left.with_name(".other.pixels.tmp")
        other.write_bytes(b"left by somebody else")
        pixels, told, decoded = epoch(files, folder)
        assert torch.equal(pixels, expected(files))
        assert (told, decoded) == ([], list(range(COUNT)))
        assert [path.suffix for path in entries(folder)] == [".pixels"]


class TestRoom:
    def test_is_made_by_removing_what_was_used_longest_ago(self, files, folder):
        folder.mkdir()
        for age, name in enumerate(["new", "old", "oldest"]):
            (folder / f"{name}.pixels").write_bytes(bytes(10_000))
            os.utime(folder / f"{name}.pixels", (10**9 - age, 10**9 - age))
        (folder / "somebody's.txt").write_bytes(bytes(10_000))
        cache_files.make_room(folder, 5_000, 20_000)
        assert [path.name for path in entries(folder)] == ["new.pixels", "somebody's.txt"]

    def test_that_one_set_would_exceed_is_said_and_nothing_is_kept(self, files, folder):
        told = []
        cache = Cache(folder, files, PREPROCESS, limit=5_000, tell=told.append)
        assert not cache.take(0, torch.empty(8, 10, 3, dtype=torch.uint8))
        assert told == [
            "the decoded pictures would take 7,036 bytes, more than the 5,000 allowed. They are not kept on disk."
        ]
        assert not folder.exists()

    @pytest.mark.parametrize("name", ["file", "/proc/striate"])
    def test_that_cannot_be_had_is_said_and_the_epoch_goes_on(self, files, tmp_path, name):
        (tmp_path / "file").write_text("")
        pixels, told, _ = epoch(files, tmp_path / name)
        assert torch.equal(pixels, expected(files))
        assert "They are not kept on disk." in told[0]

    def test_on_a_full_disk_is_said_and_leaves_nothing(self, files, folder, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
        pixels, told, _ = epoch(files, folder)
        assert torch.equal(pixels, expected(files))
        assert "has no room for 7,036 bytes of pictures (No space left on device)." in told[0]
        assert entries(folder) == []


class TestTwoAtOnce:
    def test_one_writes_and_the_other_decodes(self, files, folder):
        with Loader(files, PREPROCESS, memory=0, cache=folder) as first:
            list(first.batches([torch.arange(5)]))
            pixels, told, decoded = epoch(files, folder)
            assert torch.equal(pixels, expected(files))
            assert (told, decoded) == ([], list(range(COUNT)))
            list(first.batches([torch.arange(COUNT)]))
        assert epoch(files, folder)[2] == [3]

    def test_in_processes_of_their_own_leave_one_sound_file(self, files, folder):
        code = f"""
for _ in range(8):{indent(self_made(files, folder), "    ")}
    with loader:
        print(torch.cat([b.pixels for b in loader.batches(torch.arange(12).split(5))]).sum().item())
    for path in cache.iterdir():
        path.unlink(missing_ok=True)
"""
        command = [sys.executable, "-c", code]
        several = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
        ]
        for process in several:
            said, wrong = process.communicate(timeout=60)
            assert wrong == ""
            assert set(said.split()) == {str(expected(files).sum().item())}
        assert epoch(files, folder)[1] == []
        assert epoch(files, folder)[1:] == ([], [3])

    def test_keep_what_they_read_when_another_removes_the_file(self, files, folder):
        epoch(files, folder)
        with Loader(files, PREPROCESS, memory=0, cache=folder) as loader:
            list(loader.batches([torch.arange(4)]))
            for path in entries(folder):
                Path(path).unlink()
            (batch,) = loader.batches([torch.arange(COUNT)])
        assert torch.equal(batch.pixels, expected(files))
