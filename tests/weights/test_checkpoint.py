"""Every common form of a weights file is read to the same tensors, and nothing but tensors is taken from it."""

import json
import struct

import pytest
import torch
from safetensors.torch import save_file

from striate.errors import WeightsError
from striate.weights.apart_process import chosen
from striate.weights.checkpoint import read_checkpoint
from striate.weights.files import save_tensors

TENSORS = {"fc.weight": torch.arange(6.0).reshape(2, 3), "fc.bias": torch.tensor([1.0, -2.0])}


def same(checkpoint, tensors=TENSORS):
    return list(checkpoint.tensors) == list(tensors) and all(
        torch.equal(checkpoint.tensors[name], tensor) for name, tensor in tensors.items()
    )


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "the form before 2020"])
def test_a_state_dict_of_torch_is_read_in_both_its_forms_and_in_its_order(tmp_path, zipped):
    torch.save(TENSORS, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    read = read_checkpoint(tmp_path / "x.pth")
    assert same(read)
    assert read.ordered


def test_the_weights_are_found_in_what_a_training_saved(tmp_path):
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    saved = {
        "epoch": 7,
        "best": torch.tensor(0.9),
        "optimizer": optimizer.state_dict(),
        "ema": {name: tensor + 1 for name, tensor in net.state_dict().items()},
        "state_dict": net.state_dict(),
    }
    torch.save(saved, tmp_path / "x.pth.tar")
    read = read_checkpoint(tmp_path / "x.pth.tar")
    assert same(read, net.state_dict())
    assert read.notes == ("the weights are those under 'state_dict'", "the file also holds 'ema', which are not used")


@pytest.mark.parametrize(
    ("saved", "path"),
    [
        (TENSORS, ()),
        ({"model": TENSORS, "epoch": torch.tensor(3)}, ("model",)),
        ({"my weights": TENSORS, "note": "x"}, ("my weights",)),
        ({"ema": TENSORS, "model": TENSORS, "optimizer": TENSORS}, ("model",)),
        ({"model_ema": TENSORS, "other": {"state_dict": TENSORS}}, ("model_ema",)),
        ({"state_dict": {"step": torch.tensor(1)}, "model": TENSORS}, ("model",)),
    ],
    ids=["bare", "wrapped", "unknown", "several", "only an average", "a count under a usual name"],
)
def test_of_several_dicts_the_likeliest_is_taken(saved, path):
    """Each is a dict of its own here, as it is in a file."""
    copied = {name: dict(value) if isinstance(value, dict) else value for name, value in saved.items()}
    assert chosen(copied)[:2] == (path, TENSORS)


def test_parameters_half_precision_and_shared_tensors_are_read(tmp_path):
    whole = torch.arange(6.0)
    given = {"a": torch.nn.Parameter(whole[:3]), "b": whole[3:], "c": torch.ones(2, dtype=torch.bfloat16)}
    given |= {"twice": given["c"], "turned": torch.arange(6.0).reshape(2, 3).T, "none": torch.ones(0, 3)}
    torch.save(given, tmp_path / "x.pth")
    read = read_checkpoint(tmp_path / "x.pth").tensors
    assert read["a"].tolist() == [0, 1, 2]
    assert read["b"].tolist() == [3, 4, 5]
    assert read["c"].dtype == torch.bfloat16
    assert torch.equal(read["twice"], read["c"])
    assert read["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert read["none"].shape == (0, 3)


def test_safetensors_are_read_with_or_without_our_card(tmp_path):
    save_file(TENSORS, tmp_path / "theirs.safetensors")
    save_tensors(tmp_path / "ours.safetensors", TENSORS, {"classes": ["a", "b"]})
    theirs, ours = (read_checkpoint(tmp_path / f"{whose}.safetensors") for whose in ("theirs", "ours"))
    assert theirs.card is None
    assert ours.card is not None
    assert ours.card["classes"] == ["a", "b"]
    for read in (theirs, ours):
        assert {name: tensor.tolist() for name, tensor in read.tensors.items()} == {
            name: tensor.tolist() for name, tensor in TENSORS.items()
        }
        assert not read.ordered


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS. Run `git lfs pull`"),
        (b"<!doctype html><title>404</title>", "is a web page, not weights"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), "is HDF5, as Keras writes it"),
        (b"\x1f\x8b\x08" + bytes(64), "is packed with gzip"),
        (b"\x93NUMPY\x01\x00" + bytes(64), "is an array of numpy"),
        (b"hello, these are no weights", "is no kind of weights that is known"),
        (b"\x00", "is no kind of weights that is known"),
        (bytes(257) + b"ustar" + bytes(300), "is a tar archive"),
        (struct.pack("<Q", 2**62) + b"{}", "its header claims 4,611,686,018,427,387,904 bytes, and the file has 10"),
        (struct.pack("<Q", 2) + b"{]", "is damaged or cut short"),
    ],
)
def test_what_is_no_weights_file_is_told_by_what_it_is(tmp_path, contents, message):
    (tmp_path / "x.pth").write_bytes(contents)
    with pytest.raises(WeightsError, match=f"x.pth: .*{message}".replace("(", r"\(")) as caught:
        read_checkpoint(tmp_path / "x.pth")
    assert "\n" not in str(caught.value)


def test_a_safetensors_header_that_lies_is_refused_before_memory_is_taken(tmp_path):
    header = json.dumps({"a": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(WeightsError, match="is damaged or cut short"):
        read_checkpoint(tmp_path / "x.safetensors")


def test_a_cut_safetensors_file_is_refused(tmp_path):
    save_file(TENSORS, tmp_path / "x.safetensors")
    whole = (tmp_path / "x.safetensors").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "x.safetensors").write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            read_checkpoint(tmp_path / "x.safetensors")


def test_a_file_that_is_not_there_a_folder_and_a_pipe_are_named(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.pth")
    for name, words in (("none.pth", "there is no such file"), (".", "is a folder"), ("pipe.pth", "is a pipe")):
        with pytest.raises(WeightsError, match=words):
            read_checkpoint(tmp_path / name)
