"""The sizes of a layer, whether it is a row or a module, and the same layer with other sizes."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from striate.misfit import CONVOLUTIONS, POOLS, TRANSPOSED, axes_of
from striate.repair.changes import CORE

Size = int | tuple[int, ...]

MODULE_NAMES = {  # a size, and what torch's modules call it
    "kernel": ("kernel_size",), "stride": ("stride",), "padding": ("padding",), "dilation": ("dilation",),
    "groups": ("groups", "num_groups"), "out": ("out_channels", "out_features"), "output_padding": ("output_padding",),
    "takes": ("in_channels", "in_features", "num_features", "num_channels", "normalized_shape", "num_parameters"),
}  # fmt: skip
WINDOWED = (*CONVOLUTIONS, *TRANSPOSED, *POOLS)


def name_in(layer: Any, size: str) -> str | None:
    """What `layer` calls a size; None where it has no such."""
    if isinstance(layer, nn.Module):
        return next((name for name in MODULE_NAMES[size] if name in takes(layer) and hasattr(layer, name)), None)
    if dataclasses.is_dataclass(layer) and not isinstance(layer, type):
        return size if size in (field.name for field in dataclasses.fields(layer)) else None
    if isinstance(layer, partial):
        return size if size in layer.keywords else None
    return None


def value(layer: Any, size: str) -> Any:
    """A size of `layer`; None where it has no such."""
    name = name_in(layer, size)
    if name is None:
        return None
    return layer.keywords[name] if isinstance(layer, partial) else getattr(layer, name)


def takes(module: nn.Module) -> Mapping[str, Any]:
    """The arguments of a module's constructor."""
    return inspect.signature(type(module).__init__).parameters


def changed(layer: Any, sizes: Mapping[str, Any]) -> Any:
    """`layer` with other sizes, a fresh one if it is a module; None where it has no such sizes."""
    names = {size: name_in(layer, size) for size in sizes}
    if None in names.values():
        return None
    new = {name: sizes[size] for size, name in names.items() if name}
    if isinstance(layer, nn.Module):
        return remade(layer, new)
    if isinstance(layer, partial):
        return partial(layer.func, *layer.args, **{**layer.keywords, **new})
    return dataclasses.replace(layer, **new)


def remade(module: nn.Module, new: Mapping[str, Any]) -> nn.Module | None:
    """A module of the same type whose constructor is given what the old one's was, but for `new`.

    None where that cannot be known: an argument that is not kept under its name.
    """
    given: dict[str, Any] = {}
    for name, parameter in list(takes(module).items())[1:]:
        if name in new:
            given[name] = new[name]
        elif name == "bias":
            given[name] = getattr(module, "bias", None) is not None
        elif name in ("device", "dtype") or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        elif hasattr(module, name):
            given[name] = getattr(module, name)
        elif parameter.default is parameter.empty:
            return None
    try:
        made = type(module)(**given)
    except (RuntimeError, ValueError, TypeError, ArithmeticError):
        return None
    made.train(module.training)
    return made


def is_leaf(module: nn.Module) -> bool:
    """Whether a module has no modules inside."""
    return next(module.children(), None) is None


def axes_in(layer: Any, given: tuple[int, ...]) -> int:
    """The spatial axes that `layer` works on; those of its input where it takes any number."""
    return axes_of(layer) if isinstance(layer, WINDOWED) else max(1, len(given) - 1)


def along(size: Any, axes: int, default: int) -> tuple[int, ...]:
    """One number an axis, of a size that may be a number, a tuple or missing."""
    if size is None or isinstance(size, str):
        return (default,) * axes
    if isinstance(size, int):
        return (size,) * axes
    numbers = tuple(size)
    return numbers if len(numbers) == axes else (numbers * axes)[:axes]


def short(numbers: tuple[int, ...]) -> Size:
    """One number where all axes have the same."""
    return numbers[0] if len(set(numbers)) == 1 else numbers


def by(numbers: tuple[int, ...]) -> str:
    """Sizes as people write them: 3 × 3."""
    return " × ".join(map(str, numbers))


def code(module: Any) -> str:
    """The expression that makes a module or row, in one line: nn.Conv2d(3, 8, ...)."""
    if isinstance(module, nn.Sequential):
        return f"nn.Sequential({', '.join(code(child) for child in module)})"
    if isinstance(module, nn.Module):
        said = repr(module).replace("\n", " ")
        return f"nn.{said}" if type(module).__module__.startswith("torch.nn") else said
    return repr(module)


def like(old: nn.Module, new: nn.Module) -> nn.Module:
    """`new` on the device and with the type of numbers of `old`, and its weights where they fit; on meta, `new`."""
    tensor = next(iter(old.parameters()), None)
    if tensor is None or any(own.is_meta for own in new.parameters()):
        return new
    new = new.to(device=tensor.device, dtype=tensor.dtype)
    kept = old.state_dict()
    with torch.no_grad():
        for name, own in new.state_dict().items():
            before = name.removeprefix(f"{CORE}.")
            if before in kept and kept[before].shape == own.shape:
                own.copy_(kept[before])
    return new
