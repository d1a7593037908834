"""A fault at every file operation of a save: the old checkpoint or the new one is there, whole, always."""

import errno
import os
import resource
import threading
from contextlib import contextmanager

import pytest
import torch

from striate.training.checkpoints import CheckpointError, State, newest, save

OPERATIONS = ("mkdir", "listdir", "open", "write", "lseek", "fsync", "close", "replace", "unlink")
FAULTS = ("ENOSPC", "EDQUOT", "EIO", "EACCES", "EROFS", "EINTR")  # all but the last may last


def state(step):
    return State(step, {"w": torch.full((3000,), float(step))}, {"step": step})


def whole(found):
    return found.state is not None and torch.equal(
        found.state.tensors["w"], torch.full((3000,), float(found.state.step))
    )


class Faults:
    """Counts the file operations of this thread; fails the one at `at`, or all from there on.

    A write that fails takes half of its bytes first, and a close that fails closes, as on a real disk.
    """

    def __init__(self, number=0, at=None, *, lasting=False):
        self.number, self.at, self.lasting = number, at, lasting
        self.count, self.thread = 0, threading.get_ident()
        self.met = []

    def around(self, name, real):
        def operation(*args, **kwargs):
            if threading.get_ident() != self.thread:
                return real(*args, **kwargs)
            here, self.count = self.count, self.count + 1
            self.met.append(name)
            if self.at is None or here < self.at or (here > self.at and not self.lasting):
                return real(*args, **kwargs)
            if name == "close":
                real(*args)
            if name == "write" and self.number != errno.EINTR:
                real(args[0], memoryview(args[1])[: len(args[1]) // 2])
            raise OSError(self.number, os.strerror(self.number), str(args[0]) if args else None)

        return operation

    @contextmanager
    def injected(self, monkeypatch):
        with monkeypatch.context() as patch:
            for name in OPERATIONS:
                patch.setattr(os, name, self.around(name, getattr(os, name)))
            yield self


@pytest.fixture(scope="module")
def met(tmp_path_factory):
    """The names of the file operations of a third save, in their order."""
    folder = tmp_path_factory.mktemp("run") / "checkpoints"
    for step in (1, 2):
        save(folder, state(step))
    with Faults().injected(pytest.MonkeyPatch()) as faults:
        save(folder, state(3))
    return faults.met


def test_a_save_does_all_that_makes_it_safe_in_the_right_order(met):
    """fsync of the file before its rename, fsync of the folder after it, and only then is anything removed."""
    rename = met.index("replace")
    assert "fsync" in met[:rename]
    assert "fsync" in met[rename : met.index("unlink")]
    assert "write" not in met[met.index("unlink") :]
    assert set(met) == set(OPERATIONS)


@pytest.mark.parametrize(("fault", "lasting"), [*((f, False) for f in FAULTS), *((f, True) for f in FAULTS[:-1])])
def test_a_fault_at_any_operation_leaves_the_old_or_the_new_checkpoint(tmp_path, monkeypatch, met, fault, lasting):
    number = getattr(errno, fault)
    for at in range(len(met)):
        folder = tmp_path / str(at) / "checkpoints"
        folder.parent.mkdir()
        for step in (1, 2):
            save(folder, state(step))
        raised = None
        with Faults(number, at, lasting=lasting).injected(monkeypatch) as faults:
            try:
                save(folder, state(3))
            except CheckpointError as error:
                raised = str(error)
        assert faults.count > at, "the fault was not met"
        found = newest(folder)
        assert whole(found)
        assert found.refused == ()
        if fault == "EINTR":
            assert raised is None, f"operation {at}, {met[at]}"
        if raised is None:
            assert found.state.step == 3
        else:
            assert os.strerror(number) in raised
            assert "step-000000003.safetensors" in raised
            assert found.state.step == 3 or len(list(folder.glob("*.safetensors"))) == 2
        save(folder, state(4))  # the disk is well again
        assert newest(folder).state.step == 4
        assert len(list(folder.glob("*.safetensors"))) == 2
        assert not list(folder.glob(".*"))
        assert all(path.with_suffix(".safetensors").exists() for path in folder.glob("*.json"))


@contextmanager
def largest_file(size):
    """The system lets this process write no file beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 1, 100, 5000, 12_000])
def test_a_real_limit_of_the_system_keeps_what_was_there(tmp_path, size):
    for step in (1, 2):
        save(tmp_path / "c", state(step))
    with (
        largest_file(size),
        pytest.raises(CheckpointError, match=r"larger than this process may write, see `ulimit -f`"),
    ):
        save(tmp_path / "c", state(3))
    assert whole(newest(tmp_path / "c"))
    assert sorted(path.suffix for path in (tmp_path / "c").iterdir()) == [".json"] * 2 + [".safetensors"] * 2
    save(tmp_path / "c", state(3))
    assert newest(tmp_path / "c").state.step == 3
