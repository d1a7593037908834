"""A hostile checkpoint is answered in a line, soon, and nothing of it is run: no canary ever appears."""

import builtins
import io
import os
import pickle
import random
import struct
import time
import zipfile
from collections import OrderedDict

import pytest
import torch

from striate.errors import WeightsError
from striate.weights import apart_process
from striate.weights.checkpoint import read_checkpoint
from striate.weights.pickles import look_at_zip

SOON = 2.0  # seconds: the look takes milliseconds, and this machine may be busy
MESSAGE = "is refused: it asks for {}, which plain tensors do not need; nothing was run"


class Call:
    """Pickled, it is a call of `function` when it is read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture
def canary(tmp_path):
    """A path that a hostile file would make; nothing may be there after the test."""
    path = tmp_path / "canary"
    yield path
    assert not path.exists()


def refused(path):
    """The one line with which `path` is refused, soon."""
    start = time.monotonic()
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(path)
    assert time.monotonic() - start < SOON
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


def rewritten(source, target, change):
    """A zip archive with what `change` makes of each (name, contents); what it makes None is left out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.infolist():
            contents = change(member.filename, old.read(member))
            if contents is not None:
                new.writestr(member.filename, contents)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda path: Call(os.system, f"touch {path}"), f"{os.name}.system"),
        (lambda path: Call(builtins.eval, f"open({str(path)!r}, 'w')"), "builtins.eval"),
        (lambda path: [{"deep": (1, [Call(builtins.exec, f"open({str(path)!r}, 'w')")])}], "builtins.exec"),
        (lambda path: Call(getattr, "text", "upper"), "builtins.getattr"),
        (lambda path: torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
    ],
    ids=["os.system", "eval", "nested", "getattr", "a whole network"],
)
def test_code_in_a_checkpoint_is_refused_by_name(tmp_path, canary, call, name, zipped):
    saved = {"weight": torch.ones(2), "extra": call(canary)}
    torch.save(saved, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    assert MESSAGE.format(name) in refused(tmp_path / "x.pth")


@pytest.mark.parametrize("protocol", range(6))
def test_a_bare_pickle_is_refused_whatever_its_protocol(tmp_path, canary, protocol):
    with (tmp_path / "x.pth").open("wb") as file:
        pickle.dump({"weight": Call(os.system, f"touch {canary}")}, file, protocol=protocol)
    said = refused(tmp_path / "x.pth")
    assert "system" in said or "is no kind of weights" in said


def test_a_bare_pickle_of_plain_values_is_refused_too(tmp_path):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"weight": [1.0, 2.0]}))
    assert "is a bare pickle, not a checkpoint of torch. Give safetensors" in refused(tmp_path / "x.pkl")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (b"\x80\x02(S'touch x'\nios\nsystem\n.", "os.system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"\x80\x02\x82\x01.", "extension 1"),
        (b"\x80\x02ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes"),
        (b"\x80\x02ctorch\nload\n.", "torch.load"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2 \n.", "is refused"),
        (b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93.", "a pickle protocol that torch does not read safely"),
        (b"\x80\x02" + b"N0" * 600_000 + b"N.", "more than 1,000,000 steps"),
        (b"\x80\x02X\xff\xff\xff\x7fabc", "its pickle cannot be read"),
        (b"\x80\x02cnumpy.core.multiarray\nscalar\n.", "numpy.core.multiarray.scalar"),
        (b"\x80\x02ctorch\nComplexFloatStorage\n.", "torch.ComplexFloatStorage"),
        (b"\x80\x02no pickle at all", "its pickle cannot be read"),
    ],
    ids=[
        "INST",
        "STACK_GLOBAL",
        "EXT",
        "load from bytes",
        "torch.load",
        "a space",
        "protocol 4",
        "long",
        "cut",
        "numpy",
        "complex numbers",
        "none",
    ],
)
def test_every_way_a_pickle_can_ask_for_a_name_is_seen(tmp_path, program, words):
    torch.save({"a": torch.ones(1)}, tmp_path / "good.pth")
    rewritten(tmp_path / "good.pth", tmp_path / "x.pth", lambda n, old: program if n.endswith("data.pkl") else old)
    assert words in refused(tmp_path / "x.pth")


def test_a_zip_bomb_is_refused_unread(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pth", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("x/data.pkl", bytes(100 * 2**20))
    assert (tmp_path / "x.pth").stat().st_size < 200_000
    assert "its members are packed, and torch never packs them" in refused(tmp_path / "x.pth")


def test_members_that_claim_more_than_the_file_are_refused(tmp_path):
    torch.save({"a": torch.ones(64)}, tmp_path / "x.pth")
    contents = bytearray((tmp_path / "x.pth").read_bytes())
    at = contents.index(b"PK\x01\x02")
    contents[at + 24 : at + 28] = struct.pack("<L", 2**31)
    (tmp_path / "x.pth").write_bytes(contents)
    assert "its members claim more than" in refused(tmp_path / "x.pth")


def test_an_endless_list_of_members_is_refused(tmp_path):
    torch.save({"a": torch.ones(64)}, tmp_path / "x.pth")
    contents = bytearray((tmp_path / "x.pth").read_bytes())
    at = contents.rindex(b"PK\x05\x06")
    contents[at + 12 : at + 16] = struct.pack("<L", 2**28)
    (tmp_path / "x.pth").write_bytes(contents)
    assert "its list of members is larger than any checkpoint's" in refused(tmp_path / "x.pth")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x/constants.pkl", "is TorchScript, which is a program. Save the state_dict()"),
        ("y/data.pkl", "is a zip archive of"),
    ],
)
def test_an_archive_that_is_something_else_is_told_by_what_it_is(tmp_path, name, words):
    torch.save({"a": torch.ones(1)}, tmp_path / "x.pth")
    with zipfile.ZipFile(tmp_path / "x.pth", "a") as archive:
        archive.writestr(name, b"\x80\x02N.")
    assert words in refused(tmp_path / "x.pth")


def test_an_archive_of_numpy_is_told_by_its_members(tmp_path):
    import numpy as np

    np.savez(tmp_path / "x.npz", a=np.ones(2))
    assert "is a zip archive of a.npy, not a checkpoint of torch" in refused(tmp_path / "x.npz")


def test_a_cut_file_is_refused_wherever_it_was_cut(tmp_path):
    torch.save({"a": torch.arange(100.0), "b": torch.ones(3)}, tmp_path / "good.pth")
    whole = (tmp_path / "good.pth").read_bytes()
    for length in range(4, len(whole), 11):
        (tmp_path / "x.pth").write_bytes(whole[:length])
        assert "damaged or cut short" in refused(tmp_path / "x.pth")


def test_a_flipped_bit_is_refused_or_changes_nothing():
    """500 bits: where the file still passes the look, all that torch reads of it is what was written."""
    buffer = io.BytesIO()
    torch.save({"a": torch.arange(2000.0), "b": torch.ones(3)}, buffer)
    whole, chosen = buffer.getvalue(), random.Random(0)
    good = {member.filename: zipfile.ZipFile(buffer).read(member) for member in zipfile.ZipFile(buffer).infolist()}
    refusals = 0
    for _ in range(500):
        flipped = bytearray(whole)
        flipped[chosen.randrange(len(whole))] ^= 1 << chosen.randrange(8)
        try:
            look_at_zip("x.pth", io.BytesIO(flipped))
        except WeightsError:
            refusals += 1
        else:
            with zipfile.ZipFile(io.BytesIO(flipped)) as passed:
                assert {passed.read(m) for m in passed.infolist()} <= set(good.values())
    assert refusals > 400


def test_a_file_of_the_old_form_that_was_cut_is_refused(tmp_path):
    torch.save({"a": torch.arange(1000.0)}, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    whole = (tmp_path / "x.pth").read_bytes()
    (tmp_path / "x.pth").write_bytes(whole[:100])
    assert "is cut short or damaged" in refused(tmp_path / "x.pth")
    (tmp_path / "x.pth").write_bytes(whole[:-400])
    with pytest.raises(WeightsError, match="torch cannot read it as tensors alone"):
        read_checkpoint(tmp_path / "x.pth")


def test_one_number_that_is_shown_ten_thousand_million_times_takes_no_memory(tmp_path):
    torch.save({"a": torch.ones(1).expand(10**10)}, tmp_path / "x.pth")
    words = "is refused: 'a' claims 10,000,000,000 numbers, more than the file holds"
    with pytest.raises(WeightsError, match=words):
        read_checkpoint(tmp_path / "x.pth")


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (torch.ones(3), "it holds one bare tensor without a name"),
        ([torch.ones(3)], "it holds no tensors by name, but one list"),
        ({"epoch": 3}, "it holds no tensors by name, but one dict"),
        ({"optimizer": {"a": torch.ones(3)}}, "it holds no tensors by name, but one dict"),
    ],
    ids=["a tensor", "a list", "numbers", "an optimizer"],
)
def test_what_torch_reads_but_is_no_state_dict_is_refused(saved, words):
    with pytest.raises(apart_process.Unfit, match=words):
        apart_process.chosen(saved)


def test_dicts_within_dicts_are_looked_at_once_each():
    """Shared a hundred times on each of twenty floors, they are more than atoms in the universe."""
    inner = {"weight": torch.ones(1)}
    for _ in range(20):
        inner = {str(number): inner for number in range(100)}
    deep = OrderedDict(model=inner)
    assert list(apart_process.state_dicts(deep, set())) == []
    assert len(list(apart_process.state_dicts({"a": {"w": torch.ones(1)}}, set()))) == 1


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("socket.connect", (None, ("localhost", 80))),
        ("os.system", ("touch x",)),
        ("subprocess.Popen", ("touch", [], None, None)),
        ("pickle.find_class", ("os", "system")),
        ("open", ("x", "w", 0)),
    ],
)
def test_the_process_that_reads_refuses_what_reading_never_does(event, arguments):
    with pytest.raises(PermissionError, match=f"it tried {event}"):
        apart_process.refuse(event, arguments)
    apart_process.refuse("open", ("x", "rb", 0))
    apart_process.refuse("import", ("torch", None, None, None, None))
