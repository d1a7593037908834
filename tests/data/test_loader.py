import os
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from striate.data import loader_pictures
from striate.data.examples import Member
from striate.data.loader import Loader
from striate.data.loader_processes import LoaderError, shared_memory
from striate.data.loader_threads import Threads
from striate.data.picture_files import PictureFiles
from striate.data.preprocess import Preprocess
from striate.data.records import Pictures
from striate.errors import ConfigError, DataError

PREPROCESS = Preprocess((3, 20, 24), (0.5,) * 3, (0.25,) * 3, "resize")
COUNT = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty pictures of odd sizes, grey and RGB, JPEG and PNG; three of them are broken."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for i in range(COUNT):
        shape = (30 + i, 61 - i, 3)[: 2 if i % 7 == 3 else 3]
        picture = PIL.Image.fromarray(random.integers(0, 256, shape, np.uint8))
        picture.save(folder / f"{i:02}.jpg", "JPEG" if i % 2 else "PNG")
    whole = (folder / "05.jpg").read_bytes()
    (folder / "05.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "11.jpg").write_bytes(b"")
    os.mkfifo(folder / "20.tmp")
    (folder / "20.tmp").replace(folder / "20.jpg")
    return folder


@pytest.fixture(scope="module")
def files(folder):
    return PictureFiles(folder, [f"{i:02}.jpg" for i in range(COUNT)], torch.arange(COUNT) % 4, (3, 30, 61))


@pytest.fixture(scope="module", params=[0, 1], ids=["threads", "a worker"])
def loader(request, files):
    with Loader(files, PREPROCESS, workers=request.param, memory=0) as loader:
        yield loader


def order(epoch=0, batch=7):
    return torch.randperm(COUNT, generator=torch.Generator().manual_seed(epoch)).split(batch)


def expected(files):
    """Every batch of `order()` by decoding one picture after another."""
    for positions in order():
        kept, pixels = [], []
        for i in positions.tolist():
            try:
                pixels.append(files.pixels(i, PREPROCESS))
                kept.append(i)
            except DataError:
                continue
        yield torch.tensor(kept), torch.stack(pixels), files.labels[kept]


def assert_same(batches, wanted):
    batches, wanted = list(batches), list(wanted)
    assert len(batches) == len(wanted)
    for batch, (index, pixels, labels) in zip(batches, wanted, strict=True):
        assert torch.equal(batch.index, index)
        assert torch.equal(batch.pixels, pixels)
        assert torch.equal(batch.labels, labels)


class TestBatches:
    @pytest.mark.parametrize(("workers", "memory"), [(0, 0), (0, 2**30), (1, 2**30), (2, 0), (4, 0)])
    def test_are_the_same_to_the_bit_for_any_number_of_workers_and_in_every_epoch(self, files, workers, memory):
        with Loader(files, PREPROCESS, workers=workers, memory=memory) as loader:
            for _ in range(2):
                assert_same(loader.batches(order()), expected(files))
            assert set(loader.unreadable) == {5, 11, 20}

    def test_after_a_skip_are_those_that_would_have_come(self, files, loader):
        assert_same(loader.batches(order()[3:]), list(expected(files))[3:])

    def test_of_arrays_are_those_of_the_preprocessing_whether_prepared_at_once_or_not(self, images, labels):
        pictures, preprocess = Pictures(images, labels), Preprocess((1, 9, 8), (0.5,), (0.5,), "resize")
        positions = torch.tensor([5, 0, 11, 5])
        for memory in (0, 2**20):
            with Loader(pictures, preprocess, memory=memory, workers=3) as loader:
                (batch,) = loader.batches([positions])
                assert torch.equal(batch.pixels, preprocess.pixels(images)[positions])
                assert batch.labels.tolist() == labels[positions].tolist()

    def test_may_be_empty(self, files):
        with Loader(files, PREPROCESS) as loader:
            batches = list(loader.batches([torch.tensor([11, 20]), torch.tensor([], dtype=torch.int64)]))
        assert [batch.pixels.shape for batch in batches] == [(0, 3, 20, 24)] * 2
        assert [batch.index.tolist() for batch in batches] == [[], []]

    def test_may_be_left_before_the_last(self, files):
        with Loader(files, PREPROCESS, memory=0) as loader:
            assert next(iter(loader.batches(order()))).index.tolist() == next(expected(files))[0].tolist()
            assert_same(loader.batches(order()), expected(files))

    def test_larger_than_what_a_thread_takes_at_once_are_whole(self, files):
        with Loader(files, PREPROCESS, memory=0) as loader:
            (batch,) = loader.batches([torch.arange(COUNT)])
        assert batch.index.tolist() == [i for i in range(COUNT) if i not in (5, 11, 20)]

    @pytest.mark.parametrize("workers", [0, 1])
    def test_of_members_of_a_shard_are_those_of_the_files(self, folder, tmp_path, workers):
        contents = [(folder / f"{i:02}.jpg").read_bytes() for i in (0, 1, 2)]
        shard = tmp_path / "a.tar"
        shard.write_bytes(b"".join(contents))
        offsets = [0, len(contents[0]), len(contents[0]) + len(contents[1])]
        members = [Member(shard, f"{i}.jpg", offsets[i], len(contents[i])) for i in range(3)]
        part = PictureFiles(tmp_path, members, torch.arange(3), (3, 30, 61))
        alone = PictureFiles(folder, ["00.jpg", "01.jpg", "02.jpg"], torch.arange(3), (3, 30, 61))
        with Loader(part, PREPROCESS, workers=workers) as loader:
            (batch,) = loader.batches([torch.arange(3)])
        assert torch.equal(batch.pixels, torch.stack([alone.pixels(i, PREPROCESS) for i in range(3)]))


class TestUnreadable:
    def test_pictures_are_named_with_the_reason(self, loader):
        list(loader.batches(order()))
        assert "05.jpg" in loader.unreadable[5]
        assert "cut off" in loader.unreadable[5]
        assert "is empty" in loader.unreadable[11]
        assert "is a pipe" in loader.unreadable[20]

    def test_pictures_may_raise_anything(self, files, monkeypatch):
        def broken(self, index, preprocess):
            raise (RecursionError("too deep"), KeyError(), MemoryError())[index]

        monkeypatch.setattr(PictureFiles, "pixels", broken)
        with Loader(files, PREPROCESS) as loader:
            (batch,) = loader.batches([torch.arange(3)])
            assert len(batch.index) == 0
            assert loader.unreadable[0] == "00.jpg: cannot be read (RecursionError: too deep)."
            assert loader.unreadable[1] == "01.jpg: cannot be read (KeyError)."

    def test_is_a_file_that_vanishes_or_changes_after_it_was_first_read(self, tmp_path):
        for name in "abc":
            PIL.Image.new("RGB", (30, 30), "red").save(tmp_path / f"{name}.png")
        part = PictureFiles(tmp_path, ["a.png", "b.png", "c.png"], torch.zeros(3, dtype=torch.int64), (3, 30, 30))
        with Loader(part, PREPROCESS, memory=0) as loader:
            (batch,) = loader.batches([torch.arange(3)])
            assert len(batch.index) == 3
            (tmp_path / "a.png").unlink()
            PIL.Image.new("RGB", (31, 30), "blue").save(tmp_path / "b.png")
            (batch,) = loader.batches([torch.arange(3)])
            assert batch.index.tolist() == [2]
            assert "a.png" in loader.unreadable[0]
            assert loader.unreadable[1].startswith("b.png: has changed since it was first read.")


class TestThreads:
    def test_compute_with_one_thread_and_leave_the_number_of_the_others_as_it_is(self):
        before = torch.get_num_threads()
        torch.set_num_threads(3)
        try:
            found = []
            threads = Threads(2)
            threads.ask(lambda: found.append(torch.get_num_threads()) or {}).result(10)
            threads.close()
            assert found == [1]
            assert torch.get_num_threads() == 3
        finally:
            torch.set_num_threads(before)

    def test_that_hang_end_with_the_name_of_the_file(self, files, monkeypatch):
        let_go = threading.Event()
        monkeypatch.setattr(loader_pictures, "prepare", lambda *_: let_go.wait(20) and None)
        with Loader(files, PREPROCESS, memory=0, patience=0.2) as loader:
            with pytest.raises(LoaderError, match=r"06.jpg: reading did not end within 0.2 s"):
                next(iter(loader.batches([torch.tensor([6])])))
            let_go.set()

    def test_end_with_the_loader(self, files):
        with Loader(files, PREPROCESS, memory=0) as loader:
            list(loader.batches(order()))
            (pool,) = loader._pools
            assert all(thread.is_alive() for thread in pool.threads)
        assert not any(thread.is_alive() for thread in pool.threads)
        with pytest.raises(LoaderError, match="the loader is closed"):
            list(loader.batches([torch.tensor([0])]))


def workers_of(loader):
    return [worker.process for worker in loader._source.workers if worker.process is not None]


class TestWorkers:
    def test_that_is_killed_is_told_of_and_started_again_and_no_batch_is_lost(self, files):
        told = []
        with Loader(files, PREPROCESS, workers=1, memory=0, tell=told.append) as loader:
            batches = loader.batches(order())
            got = [next(batches)]
            workers_of(loader)[0].kill()
            got += batches
            assert_same(got, expected(files))
        (line,) = told
        assert line.startswith("worker 1 was ended by SIGKILL, as the system does where memory runs out; it was at ")
        assert line.endswith("It was started again at the same pictures.")

    def test_that_ends_a_second_time_ends_the_loader_with_its_name_and_what_to_do(self, files):
        with Loader(files, PREPROCESS, workers=1, memory=0) as loader:
            batches = loader.batches(order() * 50)
            with pytest.raises(LoaderError, match=r"worker 1 was ended by SIGKILL.*--workers 0 does without") as error:
                take_and_kill(loader, batches)
            assert "\n" not in str(error.value)

    def test_that_hangs_is_ended_and_its_file_named(self, tmp_path):
        """A stopped process stands for one that waits for a dead disk."""
        PIL.Image.new("RGB", (30, 30)).save(tmp_path / "a.png")
        part = PictureFiles(tmp_path, ["a.png"], torch.zeros(1, dtype=torch.int64), (3, 30, 30))
        told = []
        with Loader(part, PREPROCESS, workers=1, memory=0, patience=1, tell=told.append) as loader:
            list(loader.batches([torch.tensor([0])]))
            workers_of(loader)[0].send_signal(signal.SIGSTOP)
            (batch,) = loader.batches([torch.tensor([0])])
            assert len(batch.index) == 1
        assert "worker 1 gave no answer for 1 s and was ended" in told[0]

    def test_that_find_no_memory_say_so(self):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, limits[1]))
        try:
            with pytest.raises(LoaderError, match=r"no room for 1,048,576 bytes of shared memory.*--workers 0"):
                shared_memory(2**20)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    def test_need_nothing_of_dev_shm(self):
        handle = shared_memory(2**16)
        try:
            assert not str(Path(f"/proc/self/fd/{handle}").readlink()).startswith("/dev/shm")
        finally:
            os.close(handle)

    def test_cannot_be_fewer_than_none(self, files):
        with pytest.raises(ConfigError, match="workers is -1; it must be at least 0"):
            Loader(files, PREPROCESS, workers=-1)

    @pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "raise KeyboardInterrupt"])
    def test_do_not_outlive_the_program(self, folder, end):
        code = f"""
import os, signal, sys, torch
from pathlib import Path
from striate.data.loader import Loader
from striate.data.picture_files import PictureFiles
from striate.data.preprocess import Preprocess
files = PictureFiles(Path({str(folder)!r}), ["00.jpg"], torch.zeros(1, dtype=torch.int64), (3, 30, 61))
loader = Loader(files, Preprocess((3, 20, 24), (0.5,) * 3, (0.25,) * 3, "resize"), workers=1, memory=0)
list(loader.batches([torch.zeros(1, dtype=torch.int64)]))
print(loader._source.workers[0].process.pid, flush=True)
{end}
"""
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
        pid = int(ended.stdout)
        until = time.monotonic() + 5
        while time.monotonic() < until and is_running(pid):
            time.sleep(0.02)
        assert not is_running(pid)
        assert not ended.stderr or end.startswith("raise")


def take_and_kill(loader, batches):
    """Take every batch, and kill each worker after each."""
    for _ in batches:
        for process in workers_of(loader):
            process.kill()


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_picture_that_is_not_of_three_channels_is_refused_by_name(files):
    preprocess = replace(PREPROCESS, image=(2, 20, 24), mean=(0.5,) * 2, std=(0.5,) * 2)
    with Loader(files, preprocess) as loader:
        (batch,) = loader.batches([torch.tensor([0])])
        assert len(batch.index) == 0
        assert "channels" in loader.unreadable[0]
