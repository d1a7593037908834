"""A file of ours is whole or refused: not one bit of it can change unseen, and files of every schema are read."""

import errno
import io
import json
import os
import struct
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save, save_file

from striate.errors import WeightsError
from striate.weights import files
from striate.weights.checkpoint import read_checkpoint
from striate.weights.files import NewerSchema, load_tensors, save_tensors

RELEASED = Path(__file__).parent / "released"
TENSORS = {"fc.weight": torch.arange(6.0).reshape(2, 3) / 7, "fc.steps": torch.tensor(41)}
CARD = {"classes": ["cat", "dog"], "note": "naïve"}


@pytest.fixture
def ours(tmp_path):
    save_tensors(tmp_path / "ours.safetensors", TENSORS, CARD)
    return tmp_path / "ours.safetensors"


def edited(path, change):
    """The file with its header changed, and sealed again unless the change took the seal away."""
    body = path.read_bytes()
    length = struct.unpack("<Q", body[:8])[0]
    header = json.loads(body[8 : 8 + length])
    card = json.loads(header["__metadata__"]["striate"])
    change(header, card)
    header["__metadata__"]["striate"] = json.dumps(card)
    text = json.dumps(header).encode()
    if text.startswith(files.SEALED):
        seal = files._seal(struct.pack("<Q", len(text)), text)
        text = text[: files.SEAL.start] + seal + text[files.SEAL.stop :]
    path.write_bytes(struct.pack("<Q", len(text)) + text + body[8 + length :])


@pytest.mark.parametrize("schema", [1, 2])
def test_a_file_of_every_schema_that_was_released_is_read(schema):
    tensors, card = load_tensors(RELEASED / f"schema-{schema}.safetensors")
    assert card["schema"] == schema
    assert card["note"] == "naïve"
    assert tensors["conv.weight"].tolist() == (torch.arange(6.0) / 7).reshape(1, 2, 3).tolist()
    assert tensors["conv.steps"].item() == 41
    assert tensors["half"].dtype == torch.bfloat16
    assert tensors["half"].tolist() == [1.5, -2.0]
    assert tensors["none"].shape == (0, 3)
    assert tensors["mask"].tolist() == [True, False, True]


def test_both_schemas_give_the_same_sum_of_the_same_tensors():
    first, second = (load_tensors(RELEASED / f"schema-{schema}.safetensors")[1]["sha256"] for schema in (1, 2))
    assert first == second


def test_no_byte_of_a_small_file_can_change_unseen(ours):
    whole = ours.read_bytes()
    for byte in range(len(whole)):
        damaged = bytearray(whole)
        damaged[byte] ^= 1 << byte % 8
        ours.write_bytes(damaged)
        with pytest.raises(WeightsError, match=r"ours\.safetensors: ") as caught:
            load_tensors(ours)
        assert "\n" not in str(caught.value)
        assert not isinstance(caught.value, NewerSchema)  # a damaged version number is no newer version


def test_weights_that_are_read_as_anybodys_are_not_taken_for_a_file_without_a_card_when_a_bit_flips(ours):
    whole = ours.read_bytes()
    for byte in range(whole.index(b"fc.steps")):  # all of the length, the seal and the card
        damaged = bytearray(whole)
        damaged[byte] ^= 1 << byte * 3 % 8
        ours.write_bytes(damaged)
        with pytest.raises(WeightsError, match=r"ours\.safetensors: "):
            read_checkpoint(ours)


def test_a_file_cut_anywhere_or_with_something_added_is_refused(ours):
    whole = ours.read_bytes()
    for length in range(len(whole)):
        ours.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"ours\.safetensors: is "):
            load_tensors(ours)
    ours.write_bytes(whole + b"\0")
    with pytest.raises(WeightsError, match=r"its tensors take 32 bytes and the file holds 33"):
        load_tensors(ours)


def test_damaged_tensors_of_schema_1_are_refused(tmp_path):
    whole = (RELEASED / "schema-1.safetensors").read_bytes()
    for byte in range(len(whole) - 39, len(whole)):
        damaged = bytearray(whole)
        damaged[byte] ^= 16
        (tmp_path / "x.safetensors").write_bytes(damaged)
        with pytest.raises(WeightsError, match=r"x\.safetensors: is damaged: its SHA-256 is not"):
            load_tensors(tmp_path / "x.safetensors")


def test_a_newer_schema_is_named(ours, monkeypatch):
    edited(ours, lambda header, card: card.update(schema=7))
    with pytest.raises(NewerSchema, match=r"newer Striate \(schema 7, this one reads 2\). Update it\."):
        load_tensors(ours)


def test_a_seal_that_was_taken_away_is_missed(ours):
    edited(ours, lambda header, card: header["__metadata__"].pop("sha256"))
    with pytest.raises(WeightsError, match="is damaged: its SHA-256"):
        load_tensors(ours)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda header, card: header["fc.steps"].update(shape=[10**9, 10**9]), "does not lie where"),
        (lambda header, card: header["fc.steps"].update(shape=[-1, -1]), "not of whole numbers"),
        (lambda header, card: header["fc.steps"].update(shape=[True]), "not of whole numbers"),
        (lambda header, card: header["fc.steps"].update(shape=[1.0]), "not of whole numbers"),
        (lambda header, card: header["fc.steps"].update(shape="8"), "not of whole numbers"),
        (lambda header, card: header["fc.steps"].update(dtype="F4"), "F4"),
        (lambda header, card: header["fc.steps"].update(data_offsets=[0, 8, 16]), "too many values"),
        (lambda header, card: header["fc.steps"].update(data_offsets=[8, 16]), "does not lie where"),
        (lambda header, card: header["fc.steps"].update(data_offsets=None), "is damaged"),
        (lambda header, card: header.update(more={"dtype": "F32", "shape": [0], "data_offsets": [32, 40]}), "more"),
        (lambda header, card: header.update(more=[1]), "is damaged"),
        (lambda header, card: header.update(more=None), "is damaged"),
        (lambda header, card: header.pop("fc.weight"), "its tensors take 8 bytes and the file holds 32"),
        (lambda header, card: card.update(schema=True), "has no schema number"),
        (lambda header, card: card.pop("sha256"), "its SHA-256 is not"),
    ],
)
def test_a_header_that_lies_is_refused_though_its_seal_is_right(ours, change, why):
    edited(ours, change)
    with pytest.raises(WeightsError, match=why) as caught:
        load_tensors(ours)
    assert "\n" not in str(caught.value)


def test_a_header_nested_too_deeply_is_refused(ours):
    text = files.SEALED + b"0" * 64 + b'", "striate": "{}"}, "a": ' + b"[" * 100_000
    seal = files._seal(struct.pack("<Q", len(text)), text)
    text = text[: files.SEAL.start] + seal + text[files.SEAL.stop :]
    ours.write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(WeightsError, match="has no readable card"):
        load_tensors(ours)


def test_what_is_no_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, words in (("none", "there is no such file"), (".", "is a folder"), ("pipe", "is a pipe")):
        with pytest.raises(WeightsError, match=words):
            load_tensors(tmp_path / name)


def test_any_reader_of_safetensors_reads_ours(ours):
    theirs = load_file(ours)
    assert {name: tensor.tolist() for name, tensor in theirs.items()} == {n: t.tolist() for n, t in TENSORS.items()}
    with safe_open(ours, "pt") as opened:
        assert json.loads(opened.metadata()["striate"])["classes"] == ["cat", "dog"]


@pytest.mark.parametrize("dtype", files.DTYPES.values(), ids=files.DTYPES)
def test_every_kind_of_number_lies_in_the_file_as_safetensors_itself_writes_it(tmp_path, dtype):
    bits = torch.arange(48, dtype=torch.uint8)
    tensor = (bits % 2 == 0) if dtype == torch.bool else bits.view(dtype)
    save_tensors(tmp_path / "x.safetensors", {"a": tensor}, {})
    assert (tmp_path / "x.safetensors").read_bytes()[-tensor.nbytes :] == save({"a": tensor})[-tensor.nbytes :]
    read = load_tensors(tmp_path / "x.safetensors")[0]["a"]
    assert read.dtype == dtype
    assert torch.equal(read.view(torch.uint8), tensor.view(torch.uint8))


def test_every_tensor_starts_where_its_kind_must(tmp_path):
    mixed = {"a": torch.tensor([True]), "b": torch.zeros(3, dtype=torch.float16), "c": torch.zeros(1).double()}
    save_tensors(tmp_path / "x.safetensors", mixed, {})
    body = (tmp_path / "x.safetensors").read_bytes()
    length = struct.unpack("<Q", body[:8])[0]
    header = json.loads(body[8 : 8 + length])
    assert (8 + length) % 8 == 0
    assert [header[name]["data_offsets"][0] for name in "cba"] == [0, 8, 14]


def test_shared_turned_expanded_and_conjugate_tensors_are_written_as_they_look(tmp_path):
    whole = torch.arange(6.0).reshape(2, 3)
    looks = {"twice": whole, "again": whole, "turned": whole.T, "wide": torch.ones(1).expand(4), "part": whole[:, 1]}
    looks["conjugate"] = torch.tensor([1 + 2j]).conj()
    save_tensors(tmp_path / "x.safetensors", looks, {})
    read = load_tensors(tmp_path / "x.safetensors")[0]
    assert {name: tensor.tolist() for name, tensor in read.items()} == {n: t.tolist() for n, t in looks.items()}


def test_what_the_format_does_not_hold_is_named(tmp_path):
    with pytest.raises(WeightsError, match="'wave' is complex128, which safetensors does not hold"):
        save_tensors(tmp_path / "x.safetensors", {"wave": torch.zeros(1, dtype=torch.complex128)}, {})
    with pytest.raises(WeightsError, match="'__metadata__' has a reserved name"):
        save_tensors(tmp_path / "x.safetensors", {"__metadata__": torch.zeros(1)}, {})
    with pytest.raises(WeightsError, match="its card and names take more than 16,777,216 bytes"):
        save_tensors(tmp_path / "x.safetensors", {}, {"note": "x" * 2**24})
    assert not list(tmp_path.iterdir())


def test_a_disk_that_does_not_keep_what_it_was_given_is_found_before_the_old_file_is_replaced(ours, monkeypatch):
    before, write = ours.read_bytes(), os.write

    def write_something_else(handle, piece):
        return write(handle, bytes([piece[0] ^ 1]) + bytes(piece[1:]))

    monkeypatch.setattr(os, "write", write_something_else)
    with pytest.raises(OSError, match="reads back otherwise"):
        save_tensors(ours, {"other": torch.ones(3)}, CARD)
    monkeypatch.undo()
    assert ours.read_bytes() == before
    assert [path.name for path in ours.parent.iterdir()] == [ours.name]


def test_a_disk_that_cannot_read_what_it_was_given_keeps_the_old_file(ours, monkeypatch):
    before = ours.read_bytes()

    class Broken(io.FileIO):
        def readinto(self, buffer):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files, "open", lambda handle, mode, closefd: Broken(handle, "rb", closefd), raising=False)
    with pytest.raises(OSError, match="Input/output error"):
        save_tensors(ours, {"other": torch.ones(3)}, CARD)
    assert ours.read_bytes() == before
    assert [path.name for path in ours.parent.iterdir()] == [ours.name]


def test_a_disk_that_takes_little_at_a_time_and_is_interrupted_gets_all_of_it(ours, monkeypatch):
    write, calls = os.write, []

    def write_a_little(handle, piece):
        calls.append(len(piece))
        if len(calls) % 3 == 0:
            raise InterruptedError
        return write(handle, piece[:7])

    monkeypatch.setattr(os, "write", write_a_little)
    save_tensors(ours, {"other": torch.arange(40)}, CARD)
    monkeypatch.undo()
    assert load_tensors(ours)[0]["other"].tolist() == list(range(40))


def test_files_without_a_card_have_no_sum_and_are_refused_here(tmp_path):
    save_file(TENSORS, tmp_path / "theirs.safetensors")
    with pytest.raises(WeightsError, match="has no readable card of Striate"):
        load_tensors(tmp_path / "theirs.safetensors")
