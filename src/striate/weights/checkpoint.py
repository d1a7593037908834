"""Opening a weights file of any common kind: what it is is seen by its first bytes, not by its name.

safetensors, with our card or without; state dicts of torch in its two forms (.pth, .pt, .th, .tar, .bin). The latter
are looked at first (`pickles`), then read in a process of their own (`apart`).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from striate.data.files import open_regular, shown
from striate.errors import DataError, WeightsError
from striate.weights.apart import read_apart
from striate.weights.files import load_tensors
from striate.weights.pickles import LARGEST_PICKLE, OLD_MAGIC, OLD_PICKLES, look_at_pickles, look_at_zip

LARGEST_HEADER = 16 * 2**20  # bytes; a thousand tensors need a tenth of a million
KINDS = (  # first bytes of files that are met in place of weights, and what to do
    (b"version https://git-lfs", "is only the pointer of Git LFS. Run `git lfs pull` where it lies"),
    (b"<", "is a web page, not weights. Download the file itself"),
    (b"\x89HDF", "is HDF5, as Keras writes it, which is not read. Convert it to safetensors"),
    (b"\x1f\x8b", "is packed with gzip. Unpack it first"),
    (b"\x93NUMPY", "is an array of numpy. Save a state dict as safetensors instead"),
)
ADVICE = "Give safetensors or a state dict as torch.save writes it"


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of a file by the names they have there.

    `ordered`: whether they stand in the order in which the network was built; safetensors files sort theirs.
    `card`: what Striate wrote beside them, if it did. `notes`: sentences about what was taken from where.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    ordered: bool = False
    card: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


def read_checkpoint(path: str | Path) -> Checkpoint:
    """What the weights file at `path` holds. Nothing in it is run; `WeightsError` says what is wrong with it."""
    file = Path(path)
    try:
        with open_regular(file) as opened:
            head = opened.read(512)
            size = opened.seek(0, 2)
            if head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= LARGEST_HEADER:
                return _safetensors(file, head, size)
            if head[:4] == b"PK\x03\x04":
                look_at_zip(file, opened)
            elif head.startswith(OLD_MAGIC):
                opened.seek(0)
                look_at_pickles(file, opened.read(LARGEST_PICKLE), OLD_PICKLES)
            elif head[:1] == b"\x80":
                opened.seek(0)
                look_at_pickles(file, opened.read(LARGEST_PICKLE), 1)
                raise WeightsError(f"{file}: is a bare pickle, not a checkpoint of torch. {ADVICE}.")
            else:
                return _safetensors(file, head, size)
    except DataError as error:
        raise WeightsError(str(error)) from None
    except OSError as error:
        raise WeightsError(f"{shown(file)}: cannot be read ({error.strerror}).") from None
    tensors, said = read_apart(file)
    notes = [f"the weights are those under '{said['under']}'"] if said["under"] else []
    if said["others"]:
        notes.append(f"the file also holds {', '.join(repr(name) for name in said['others'][:4])}, which are not used")
    return Checkpoint(file, tensors, ordered=True, notes=tuple(notes))


def _safetensors(path: Path, head: bytes, size: int) -> Checkpoint:
    """The tensors of a safetensors file, with the card of Striate if it has one."""
    if not head:
        raise WeightsError(f"{path}: is empty. Copy or download it again.")
    for start, what in KINDS:
        if head.startswith(start):
            raise WeightsError(f"{path}: {what}.")
    if head[257:262] == b"ustar":
        raise WeightsError(f"{path}: is a tar archive, which torch no longer reads safely. {ADVICE}.")
    length = int(struct.unpack("<Q", head[:8])[0]) if len(head) >= 8 else 0
    if head[8:9] != b"{":
        raise WeightsError(f"{path}: is no kind of weights that is known. {ADVICE}.")
    if length > min(LARGEST_HEADER, size - 8):
        raise WeightsError(
            f"{path}: is cut short or refused: its header claims {length:,} bytes, and the file has {size:,}."
        )
    with path.open("rb") as file:
        header = file.read(8 + length)[8:]
    if _has_card(header):
        tensors, card = load_tensors(path)
        return Checkpoint(path, tensors, card=card)
    try:
        return Checkpoint(path, load_file(path))
    except (SafetensorError, ValueError, TypeError, KeyError, OSError) as error:
        why = str(error).splitlines()[0][:160]
        raise WeightsError(f"{path}: is damaged or cut short ({why}). Copy or download it again.") from None


def _has_card(header: bytes) -> bool:
    try:
        return not {"striate", "sha256"}.isdisjoint(json.loads(header).get("__metadata__", {}))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return False
