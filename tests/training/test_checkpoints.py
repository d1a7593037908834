"""What is saved comes back exactly or is refused by name, the newest first; what it replaces is there until then."""

import json
import os
import random

import pytest
import torch

from striate.errors import RunError
from striate.run import Run
from striate.training import checkpoints
from striate.training.checkpoints import CheckpointError, State, clear, newest, path_of, save
from striate.training.state import flatten, unflatten
from striate.weights import files
from striate.weights.files import save_tensors

ABSENT = 2**22 + 1  # more than a Linux process number can be


def state(step, size=64):
    """A state that says its step everywhere."""
    return State(step, {"w": torch.full((size,), float(step)), "n": torch.tensor(step)}, {"rate": step / 7})


def same(found, step, size=64):
    meant = state(step, size)
    return (
        found is not None
        and (found.step, found.values) == (step, meant.values)
        and all(torch.equal(found.tensors[name], tensor) for name, tensor in meant.tensors.items())
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path):
    """Checkpoints of steps 10 and 20."""
    for step in (10, 20):
        save(tmp_path / "checkpoints", state(step))
    return tmp_path / "checkpoints"


def test_the_newest_is_found_and_two_are_kept(folder):
    save(folder, state(30))
    found = newest(folder)
    assert same(found.state, 30)
    assert found.refused == ()
    assert names(folder) == [f"step-0000000{n}.{kind}" for n in (20, 30) for kind in ("json", "safetensors")]


@pytest.mark.parametrize("keep", [1, 3])
def test_as_many_are_kept_as_asked_for(tmp_path, keep):
    for step in range(5):
        save(tmp_path / "c", state(step), keep=keep)
    assert len(list((tmp_path / "c").glob("*.safetensors"))) == keep
    assert same(newest(tmp_path / "c").state, 4)


def test_a_nested_state_goes_through_a_checkpoint(tmp_path):
    whole = {"step": 7, "betas": (0.9, 0.999), "worst": float("inf"), "random": torch.get_rng_state(), 3: [None, True]}
    save(tmp_path / "c", State(7, *flatten(whole)))
    found = newest(tmp_path / "c").state
    again = unflatten(found.tensors, found.values)
    assert torch.equal(again.pop("random"), whole.pop("random"))
    assert again == whole


def test_the_manifest_lies_beside_it_to_read(folder):
    manifest = json.loads((folder / "step-000000020.json").read_text())
    assert (manifest["checkpoint"], manifest["step"], manifest["values"]) == (1, 20, {"rate": 20 / 7})
    assert len(manifest["sha256"]) == 64


def test_a_copy_of_the_manifest_that_is_damaged_is_named_and_does_no_harm(folder):
    copy = folder / "step-000000020.json"
    copy.write_text(copy.read_text().replace("20", "21"))
    found = newest(folder)
    assert same(found.state, 20)
    assert len(found.refused) == 1
    assert "step-000000020.json: is damaged. It is only a copy" in found.refused[0]
    copy.unlink()
    assert newest(folder).refused == ()


def test_the_number_in_the_name_is_the_order_and_not_the_time(folder):
    os.utime(path_of(folder, 20), (0, 0))
    os.utime(path_of(folder, 10), (2**31, 2**31))
    assert same(newest(folder).state, 20)
    save(folder, state(1_234_567_890))  # ten digits come after nine
    assert same(newest(folder).state, 1_234_567_890)


def test_the_same_step_can_be_saved_again(folder):
    save(folder, State(20, {"w": torch.ones(1)}, "again"))
    found = newest(folder)
    assert (found.state.values, found.refused) == ("again", ())


def test_a_thousand_flipped_bits_are_all_refused_by_file_name(folder):
    path = save(folder, state(30, size=20_000))
    whole, chance = path.read_bytes(), random.Random(6)
    for _ in range(1000):
        bit = chance.randrange(8 * len(whole))
        with path.open("r+b") as file:
            file.seek(bit // 8)
            file.write(bytes([whole[bit // 8] ^ 1 << bit % 8]))
        found = newest(folder)
        assert same(found.state, 20)
        assert len(found.refused) == 1
        assert found.refused[0].startswith(f"{path}: ")
        with path.open("r+b") as file:
            file.seek(bit // 8)
            file.write(whole[bit // 8 : bit // 8 + 1])
    assert same(newest(folder).state, 30, size=20_000)


def test_every_page_of_zeros_and_every_cut_is_refused_by_file_name(folder):
    torch.manual_seed(6)
    path = save(folder, State(30, {"w": torch.randn(40_000)}, {}))
    whole = path.read_bytes()
    for start in range(0, len(whole), 4096):
        page = min(4096, len(whole) - start)
        for damaged in (whole[:start] + bytes(page) + whole[start + page :], whole[:start], whole[: start + 1]):
            path.write_bytes(damaged)
            found = newest(folder)
            assert same(found.state, 20)
            assert found.refused[0].startswith(f"{path}: ")
    path.write_bytes(whole)
    assert newest(folder).state.step == 30


def test_where_none_is_whole_each_is_named(folder):
    for step in (10, 20):
        path_of(folder, step).write_bytes(b"")
    found = newest(folder)
    assert found.state is None
    assert [sentence.split(": ")[0] for sentence in found.refused] == [str(path_of(folder, s)) for s in (20, 10)]


def test_no_folder_and_an_empty_one_hold_no_checkpoint(tmp_path):
    assert newest(tmp_path / "none") == newest(tmp_path) == checkpoints.Found(None, ())


def test_a_checkpoint_under_another_steps_name_is_refused(folder):
    path_of(folder, 10).replace(path_of(folder, 90))
    found = newest(folder)
    assert same(found.state, 20)
    assert "step-000000090.safetensors: holds step 10, which is not the one in its name" in found.refused[0]


def test_weights_under_the_name_of_a_checkpoint_are_refused(folder):
    save_tensors(path_of(folder, 30), {"w": torch.ones(1)}, {"classes": ["a"]})
    found = newest(folder)
    assert same(found.state, 20)
    assert "holds no checkpoint of a training" in found.refused[0]


@pytest.mark.parametrize("where", ["checkpoint", "file"])
def test_a_newer_schema_is_never_passed_over_for_older_work(folder, monkeypatch, where):
    monkeypatch.setattr(checkpoints if where == "checkpoint" else files, "SCHEMA", 9)
    save(folder, state(30))
    monkeypatch.undo()
    with pytest.raises(
        RunError, match=r"step-000000030\.safetensors: was written by a newer Striate \(.*schema 9, this"
    ):
        newest(folder)


def test_after_a_fall_back_the_refused_ones_of_later_steps_give_way(folder):
    path_of(folder, 20).write_bytes(b"rotten")
    save(folder, state(15))
    assert names(folder) == [f"step-0000000{n}.{kind}" for n in (10, 15) for kind in ("json", "safetensors")]
    assert newest(folder).refused == ()


def test_what_a_killed_save_left_is_not_read_and_then_swept_away(folder):
    left = [f".step-000000030.{kind}.{ABSENT}.tmp" for kind in ("safetensors", "json")]
    ours = f".step-000000025.safetensors.{os.getpid()}.tmp"  # a process number comes again
    for name in (*left, ours):
        (folder / name).write_bytes(b"half")
    assert newest(folder).refused == ()
    assert set(left) < set(names(folder))
    save(folder, state(30))
    assert not [name for name in names(folder) if name.endswith(".tmp")]


def test_only_our_own_files_are_ever_removed(folder):
    foreign = [
        f".step-000000030.safetensors.{os.getppid()}.tmp",  # of a process that lives
        f".notes.txt.{ABSENT}.tmp",
        "step-1.safetensors",
        "step-0000000011.safetensors",
        "step-000000011.txt",
        "notes.json",
    ]
    for name in foreign:
        (folder / name).write_bytes(b"dear to somebody")
    save(folder, state(30), keep=1)
    clear(folder)
    assert names(folder) == sorted(foreign)


def test_clear_removes_every_checkpoint_and_needs_none(folder, tmp_path):
    clear(folder)
    assert newest(folder).state is None
    assert names(folder) == []
    clear(tmp_path / "none")


def test_a_folder_that_cannot_be_used_is_named_with_the_bytes_needed_and_free(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        CheckpointError, match=r"cannot be saved \(Not a directory\): it needs 264 B, .*B are free"
    ) as caught:
        save(tmp_path / "file", state(3))
    assert caught.value.path == path_of(tmp_path / "file", 3)
    assert caught.value.needed == 264
    assert caught.value.free > 0
    with pytest.raises(RunError, match="file: cannot be read"):
        newest(tmp_path / "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_keeps_its_checkpoints(folder):
    folder.chmod(0o500)
    try:
        with pytest.raises(CheckpointError, match="Permission denied"):
            save(folder, state(30))
        assert same(newest(folder).state, 20)
    finally:
        folder.chmod(0o700)


def test_values_that_json_has_no_words_for_are_the_callers_mistake_and_change_nothing(folder):
    before = names(folder)
    for values in ({"loss": float("nan")}, {"kinds": {1, 2}}):
        with pytest.raises((ValueError, TypeError)):
            save(folder, State(30, {}, values))
    with pytest.raises(ValueError, match="one checkpoint at least is kept"):
        save(folder, state(30), keep=0)
    assert names(folder) == before


def test_a_run_folder_may_hold_checkpoints(folder):
    run = Run(folder.parent)
    assert run.checkpoints == folder
    with pytest.raises(RunError, match="holds a run already"):
        Run.create(run.folder, "x")
    assert Run.create(run.folder, "x", overwrite=True) == run
