"""Tensors and their JSON card in one safetensors file, and the reading that trusts nothing.

The card travels in the file's own header, so one rename commits both:

    {"__metadata__": {"sha256": SEAL, "striate": CARD}, NAME: {"dtype", "shape", "data_offsets"}, ...}

The card holds the SHA-256 of the tensors' bytes. The seal is the SHA-256 of the header, its length included, with 64
zeros in the seal's own place. Together they cover every bit of the file. The seal's place is the same in every schema
to come, so that a file of a newer Striate is told from a damaged one. Schema 1 had no seal.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from striate import atomic
from striate.data.files import open_regular
from striate.errors import DataError, WeightsError

SCHEMA = 2
LARGEST_HEADER = 16 * 2**20  # bytes; a thousand tensors need a tenth of a million
PIECE = 2**20  # bytes that are written, read and summed at a time: they stay in the processor's cache
SEALED = b'{"__metadata__": {"sha256": "'  # how the header of every sealed file begins; the seal follows
SEAL = slice(len(SEALED), len(SEALED) + 64)
DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "U16": torch.uint16,
    "I16": torch.int16,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "U32": torch.uint32,
    "I32": torch.int32,
    "F32": torch.float32,
    "U64": torch.uint64,
    "I64": torch.int64,
    "F64": torch.float64,
    "C64": torch.complex64,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
DAMAGED = "is damaged: its SHA-256 is not the one it was written with. Restore it, or make it again."


class NewerSchema(WeightsError):
    """A file that is whole, and of a Striate that knows more than this one."""


@dataclass(frozen=True)
class Place:
    """Where a tensor lies in a file: `size` bytes, right after the one before it."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    size: int


def save_tensors(path: Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> str:
    """Write `tensors` with `card` atomically; gives the SHA-256 of the tensors' bytes.

    What was written is read back and compared with memory before it takes the name `path`. `OSError` where that fails.
    """
    plain = {name: _plain(name, tensor) for name, tensor in tensors.items()}
    plain = dict(sorted(plain.items(), key=lambda item: (-item[1].itemsize, item[0])))  # keeps every tensor aligned
    with ThreadPoolExecutor(1) as beside, atomic.replacing(path) as handle:
        summing = beside.submit(_sum, plain)  # takes as long as writing does, and needs the other core
        start = len(_header(path, plain, card, "0" * 64))
        _write(handle, start, _pieces(plain))
        atomic.uninterrupted(os.fsync, handle)
        _compare(handle, start, _pieces(plain))
        sha256 = summing.result()
        header = memoryview(_header(path, plain, card, sha256))
        _write(handle, 0, [header])
        _compare(handle, 0, [header])
    return sha256


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the card of `path`, verified; `WeightsError` says what is wrong with a file that fails.

    Nothing larger than the file itself is allocated.
    """
    tensors: dict[str, Tensor] = {}
    summed = hashlib.sha256()
    try:
        with open_regular(path) as file:
            card, places = _opened(path, file)
            for place in places:
                tensor = torch.empty(place.shape, dtype=place.dtype)
                for piece in _pieces({place.name: tensor}):
                    if file.readinto(piece) != len(piece):
                        raise WeightsError(f"{path}: was cut short while it was read.")
                    summed.update(piece)
                tensors[place.name] = tensor
    except WeightsError:
        raise
    except DataError as error:
        raise WeightsError(str(error)) from None
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        why = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise WeightsError(f"{path}: is damaged ({why}). Restore it, or make it again.") from None
    if summed.hexdigest() != card.get("sha256"):
        raise WeightsError(f"{path}: {DAMAGED}")
    return tensors, card


def _plain(name: str, tensor: Tensor) -> Tensor:
    """The tensor in memory as it will lie in the file."""
    if tensor.dtype not in NAMES or name == "__metadata__":
        what = f"is {str(tensor.dtype).removeprefix('torch.')}" if tensor.dtype not in NAMES else "has a reserved name"
        raise WeightsError(f"tensor '{name}' {what}, which safetensors does not hold. Convert it or leave it out.")
    return tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()


def _pieces(tensors: Mapping[str, Tensor]) -> Iterator[memoryview]:
    """The bytes of the tensors, one after the other."""
    for tensor in tensors.values():
        whole = tensor.reshape(-1).view(torch.uint8).numpy().data
        for at in range(0, len(whole), PIECE):
            yield whole[at : at + PIECE]


def _header(path: Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any], sha256: str) -> bytes:
    """The first bytes of the file, as long for one `sha256` as for any other."""
    own = json.dumps({**card, "schema": SCHEMA, "sha256": sha256})
    entries: dict[str, Any] = {"__metadata__": {"sha256": "0" * 64, "striate": own}}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        entries[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > LARGEST_HEADER:
        raise WeightsError(f"{path}: cannot be written: its card and names take more than {LARGEST_HEADER:,} bytes.")
    length = struct.pack("<Q", len(text))
    return length + SEALED + _seal(length, text) + text[SEAL.stop :]


def _seal(length: bytes, text: bytes) -> bytes:
    """The SHA-256 of the header with zeros in the seal's place, as 64 letters."""
    summed = hashlib.sha256(length)
    for part in (text[: SEAL.start], b"0" * 64, text[SEAL.stop :]):
        summed.update(part)
    return summed.hexdigest().encode()


def _sum(tensors: Mapping[str, Tensor]) -> str:
    summed = hashlib.sha256()
    for piece in _pieces(tensors):
        summed.update(piece)
    return summed.hexdigest()


def _write(handle: int, start: int, pieces: Iterable[memoryview]) -> None:
    """Write `pieces` from byte `start` on."""
    atomic.uninterrupted(os.lseek, handle, start, os.SEEK_SET)
    for piece in pieces:
        atomic.put(handle, piece)


def _compare(handle: int, start: int, pieces: Iterable[memoryview]) -> None:
    """`OSError` unless the file holds `pieces` from byte `start` on."""
    atomic.uninterrupted(os.lseek, handle, start, os.SEEK_SET)
    buffer = bytearray()  # memoryviews are compared a hundred times more slowly
    with open(handle, "rb", closefd=False) as file:
        for piece in pieces:
            buffer = buffer if len(buffer) == len(piece) else bytearray(len(piece))
            if file.readinto(buffer) != len(piece) or buffer != piece:
                raise OSError(errno.EIO, "what was written reads back otherwise")


def _opened(path: Path, file: BufferedReader) -> tuple[dict[str, Any], list[Place]]:
    """The card of an open file and where its tensors lie; the file then stands at the first of them."""
    size = os.fstat(file.fileno()).st_size
    head = file.read(8)
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
    if not 2 <= length <= min(LARGEST_HEADER, size - 8):
        raise WeightsError(f"{path}: is not a safetensors file, or is cut short ({size} bytes).")
    text = file.read(length)
    sealed = text.startswith(SEALED)
    if sealed and _seal(head, text) != text[SEAL]:
        raise WeightsError(f"{path}: {DAMAGED}")
    try:
        header = json.loads(text)
        card = json.loads(header.pop("__metadata__")["striate"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WeightsError(f"{path}: has no readable card of Striate in its header.") from None
    if not isinstance(card, dict) or type(card.get("schema")) is not int:
        raise WeightsError(f"{path}: its card has no schema number.")
    if sealed != (card["schema"] > 1):
        raise WeightsError(f"{path}: {DAMAGED}")
    if card["schema"] > SCHEMA:
        raise NewerSchema(
            f"{path}: was written by a newer Striate (schema {card['schema']}, this one reads {SCHEMA}). Update it."
        )
    return card, _places(header, size - 8 - length)


def _places(header: Mapping[str, Any], size: int) -> list[Place]:
    """Where each tensor lies, in the order of the file; `ValueError` unless they fill its `size` bytes exactly."""
    places, end = [], 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = entry["data_offsets"]
        shape, dtype = tuple(entry["shape"]), DTYPES[entry["dtype"]]
        if any(type(length) is not int or length < 0 for length in (*shape, start, stop)):
            raise ValueError(f"tensor '{name}' has a shape or a place that is not of whole numbers")
        if start != end or stop - start != prod(shape) * dtype.itemsize:
            raise ValueError(f"tensor '{name}' does not lie where the one before it ends")
        places.append(Place(name, dtype, shape, stop - start))
        end = stop
    if end != size:
        raise ValueError(f"its tensors take {end:,} bytes and the file holds {size:,}")
    return places
