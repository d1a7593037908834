"""Tensors and their JSON card in one safetensors file, and the reading that trusts nothing.

The card travels in the file's own header (key "striate") beside the SHA-256 of the tensors, so one rename commits
both; a readable copy of the card lies beside it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from striate import atomic
from striate.errors import WeightsError

SCHEMA = 1
LARGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors format


def save_tensors(path: Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> str:
    """Write `tensors` with `card` atomically; gives the SHA-256 of the tensors' bytes."""
    plain: dict[str, Tensor] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        whole = tensor.detach().cpu().contiguous()
        at = whole.untyped_storage().data_ptr()
        plain[name] = whole.clone() if at in storages else whole  # the format has no shared tensors
        storages.add(at)
    body = save(plain)
    start = 8 + struct.unpack("<Q", body[:8])[0]
    sha256 = hashlib.sha256(memoryview(body)[start:]).hexdigest()
    header: dict[str, Any] = json.loads(body[8:start])
    header["__metadata__"] = {"striate": json.dumps({**card, "schema": SCHEMA, "sha256": sha256})}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    atomic.write(path, [struct.pack("<Q", len(text)), text, memoryview(body)[start:]])
    return sha256


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the card of `path`, verified; `WeightsError` says what is wrong with a file that fails."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}).") from None
    card, start = _card(path, body)
    if hashlib.sha256(memoryview(body)[start:]).hexdigest() != card.get("sha256"):
        raise WeightsError(
            f"{path}: is damaged: its SHA-256 is not the one it was written with. Restore it or train again."
        )
    try:
        return load(body), card
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path}: is damaged ({error}). Restore it or train again.") from None


def _card(path: Path, body: bytes) -> tuple[dict[str, Any], int]:
    length = struct.unpack("<Q", body[:8])[0] if len(body) >= 8 else 0
    if not 2 <= length <= min(LARGEST_HEADER, len(body) - 8):
        raise WeightsError(f"{path}: is not a safetensors file, or is cut short ({len(body)} bytes).")
    try:
        card = json.loads(json.loads(body[8 : 8 + length])["__metadata__"]["striate"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise WeightsError(f"{path}: has no readable card of Striate in its header.") from None
    if not isinstance(card, dict) or not isinstance(card.get("schema"), int):
        raise WeightsError(f"{path}: its card has no schema number.")
    if card["schema"] > SCHEMA:
        raise WeightsError(
            f"{path}: was written by a newer Striate (schema {card['schema']}, this one reads {SCHEMA})."
        )
    return card, 8 + length
