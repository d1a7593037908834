"""A nested state (dicts, lists, tuples, tensors, numbers, text) as tensors by name and JSON, and back, exactly.

JSON has lists and dicts with keys of text. What else there is becomes a dict with one marked key:

{"$tensor": name}            a tensor by its name; with "order": its dimensions, the widest stride first
{"$tuple": [...]}            a tuple
{"$dict": [[key, value]]}    a dict with keys that are not all text, or that look like these marks
{"$float": "7ff8..."}        a float that JSON has no word for: its 64 bits, big end first
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from striate.errors import RunError

DEEPEST = 64  # levels; the state of a training has about six
RESERVED = "__metadata__"  # safetensors keeps this name for itself


def flatten(state: Any) -> tuple[dict[str, Tensor], Any]:
    """The tensors of `state` by their paths ("optimizer.state.0.exp_avg"), and all else as JSON.

    Tensors keep dtype, shape and values; their order in memory where they have no gaps (channels last). One that occurs
    more than once is held once. Subclasses of numbers, text and containers become the plain kind. `TypeError` names
    the path of anything else, `ValueError` that of a state too deep to be meant.

    >>> flatten({"rate": 0.1, "momentum": torch.zeros(2), "betas": (0.9, 0.999)})[1]
    {'rate': 0.1, 'momentum': {'$tensor': 'momentum'}, 'betas': {'$tuple': [0.9, 0.999]}}
    """
    packing = _Packing()
    values = packing.json(state, ())
    return packing.tensors, values


def unflatten(tensors: Mapping[str, Tensor], values: Any) -> Any:
    """What `flatten` was given; `RunError` where `values` are not of its making."""
    try:
        return _Unpacking(tensors).nested(values, 0)
    except (KeyError, TypeError, ValueError, struct.error, RuntimeError) as error:
        why = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise RunError(
            f"the stored state of a training cannot be read ({why}). It was not written by Striate."
        ) from None


class _Packing:
    """The tensors met so far, and the names they got."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._names: dict[tuple[Any, ...], str] = {}
        self._alive: list[Tensor] = []  # so that no address is used twice

    def json(self, value: Any, path: tuple[str, ...]) -> Any:
        if len(path) > DEEPEST:
            raise ValueError(f"{'.'.join(path[:4])}...: is deeper than {DEEPEST} levels. Does it hold itself?")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"$float": struct.pack(">d", value).hex()}
        if isinstance(value, Tensor):
            return self._tensor(value, path)
        if isinstance(value, tuple):
            return {"$tuple": [self.json(v, (*path, str(i))) for i, v in enumerate(value)]}
        if isinstance(value, list):
            return [self.json(v, (*path, str(i))) for i, v in enumerate(value)]
        if isinstance(value, Mapping):
            if all(isinstance(key, str) and not key.startswith("$") for key in value):
                return {str(key): self.json(v, (*path, str(key))) for key, v in value.items()}
            pairs = [[self.json(key, (*path, "key")), self.json(v, (*path, str(key)))] for key, v in value.items()]
            return {"$dict": pairs}
        raise TypeError(f"{'.'.join(path) or 'state'}: is a {type(value).__name__}, which a checkpoint does not hold")

    def _tensor(self, tensor: Tensor, path: tuple[str, ...]) -> dict[str, Any]:
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
            raise TypeError(f"{'.'.join(path) or 'state'}: is a sparse, quantised or meta tensor: store a plain one")
        plain = tensor.detach()
        self._alive.append(plain)
        place = (
            plain.device,
            plain.data_ptr(),
            plain.dtype,
            plain.shape,
            plain.stride(),
            plain.is_conj(),
            plain.is_neg(),
        )
        same = place if plain.numel() else (*place, id(tensor))
        if same not in self._names:
            self._names[same] = self._name(path)
            self.tensors[self._names[same]] = plain
        order = _order(plain)
        return {"$tensor": self._names[same]} | ({} if order is None else {"order": order})

    def _name(self, path: tuple[str, ...]) -> str:
        """The path as a name that no other tensor has, and that any reader of safetensors takes."""
        whole = ".".join(path).encode("utf-8", "backslashreplace").decode() or "state"
        name, number = whole, 1
        while name in self.tensors or name == RESERVED:
            number += 1
            name = f"{whole}~{number}"
        return name


class _Unpacking:
    """The tensors by name, and those that were brought into their order in memory again."""

    def __init__(self, tensors: Mapping[str, Tensor]):
        self._tensors = tensors
        self._ordered: dict[tuple[Any, ...], Tensor] = {}

    def nested(self, value: Any, depth: int) -> Any:
        if depth > DEEPEST:
            raise ValueError(f"it is deeper than {DEEPEST} levels")
        if isinstance(value, list):
            return [self.nested(v, depth + 1) for v in value]
        if not isinstance(value, dict):
            return value
        if not any(key.startswith("$") for key in value):
            return {key: self.nested(v, depth + 1) for key, v in value.items()}
        return self._marked(value, depth + 1)

    def _marked(self, value: dict[str, Any], depth: int) -> Any:
        match value:
            case {"$tensor": str(name), "order": list(order), **others} if not others:
                return self._tensor(name, order)
            case {"$tensor": str(name), **others} if not others:
                return self._tensors[name]
            case {"$tuple": list(items), **others} if not others:
                return tuple(self.nested(v, depth) for v in items)
            case {"$dict": list(pairs), **others} if not others:
                return {self.nested(key, depth): self.nested(v, depth) for key, v in pairs}
            case {"$float": str(bits), **others} if not others:
                return struct.unpack(">d", bytes.fromhex(bits))[0]
        raise ValueError(f"{str(value)[:40]} has a mark that is not known")

    def _tensor(self, name: str, order: list[Any]) -> Tensor:
        """The tensor, its dimensions `order` from the widest stride to the narrowest."""
        key = (name, *order)
        if key not in self._ordered:
            inverse = sorted(range(len(order)), key=order.__getitem__)
            self._ordered[key] = self._tensors[name].permute(order).contiguous().permute(inverse)
        return self._ordered[key]


def _order(tensor: Tensor) -> list[int] | None:
    """The dimensions of a tensor without gaps, the widest stride first; None where that is their own order."""
    if tensor.is_contiguous():
        return None
    strides = tensor.stride()
    order = sorted(range(tensor.ndim), key=lambda dimension: -strides[dimension])
    return order if tensor.permute(order).is_contiguous() else None
