"""A network from whatever a person gives: a name of the zoo, the lectures' notation, `file.py:function`, or a module.

`Reference` says again where a network came from, so that a saved model can be built anew. A name or a notation can be
read from a file; Python code never is: a model of a user's own file loads only when the user names that file again.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from striate import notation
from striate.errors import ConfigError, ShapeError, StriateError
from striate.layers.neighbours import Neighbours
from striate.rows import Shape
from striate.zoo import networks

Net = str | nn.Module | Callable[..., nn.Module]


@dataclass(frozen=True)
class Reference:
    """Where a network comes from. `kind`: "zoo", "notation", "file" (`file.py:function`) or "python" (an object).

    `head`: where `Neighbours` stand in place of the classifier: the `layer`, and its `pictures`, `features` and `k`.
    """

    kind: str
    text: str
    letters: Mapping[str, int] = field(default_factory=dict)
    head: Mapping[str, Any] = field(default_factory=dict)


def refer(net: Net, letters: Mapping[str, int] | None = None) -> Reference:
    """What `net` is, without building it. Text is a notation if it has its signs, else a name (`UnknownName`)."""
    if not isinstance(net, str):
        return Reference("python", type(net).__name__ if isinstance(net, nn.Module) else net.__name__)
    text = net.strip()
    if text.partition(":")[0].endswith(".py"):
        return Reference("file", text)
    if text not in networks and notation.looks_like(text):
        return Reference("notation", text, dict(letters or {}))
    return Reference("zoo", networks.name_of(text))


def default_image(net: Net) -> Shape | None:
    """The (channels, height, width) a network is published for; None where it has no opinion."""
    reference = refer(net)
    if reference.kind == "zoo":
        shape: Shape = networks[reference.text].facts.image
        return shape
    function = _in_file(reference.text) if reference.kind == "file" else net
    if isinstance(function, str | nn.Module):
        return None
    image = _parameters(function).get("image")
    return image.default if image is not None and isinstance(image.default, tuple) else None


def default_classes(net: Net) -> int:
    """The classes a network is published for; 10 where it has no opinion."""
    reference = refer(net)
    return int(networks[reference.text].facts.classes) if reference.kind == "zoo" else 10


def build(net: Net, image: Shape, classes: int, *, letters: Mapping[str, int] | None = None) -> nn.Module:
    """The module for pictures of `image` (channels, height, width) and `classes` outputs.

    Raises `UnknownName`, `NotationError`, `ShapeError` where the network cannot take `image`, `ConfigError` where a
    user's file has no such function. A module is given back as it is.
    """
    if isinstance(net, nn.Module):
        return net
    if not isinstance(net, str):
        return _call(net, image, classes)
    reference = refer(net, letters)
    if reference.kind == "file":
        found = _in_file(reference.text)
        if isinstance(found, nn.Module):
            return found
        with _own_traceback(reference.text.partition(":")[0]):
            return _call(found, image, classes)
    if reference.kind == "notation":
        return notation.build(reference.text, image, classes, letters=dict(reference.letters))
    try:
        module: nn.Module = networks[reference.text](image=image, classes=classes)
    except ShapeError as error:
        facts = networks[reference.text].facts
        if error.given is not None and image != facts.image:
            size = "x".join(map(str, facts.image))
            error.args = (f"{reference.text} cannot take {'x'.join(map(str, image))}: {error} It is made for {size}.",)
        raise
    return module


def rebuild(reference: Reference, image: Shape, classes: int) -> nn.Module:
    """The network that a file names. Only names of the zoo and notation: `ConfigError` for anything that is code."""
    if reference.kind in ("zoo", "notation"):
        return with_head(build(reference.text, image, classes, letters=reference.letters), reference, classes)
    again = "the module as net="
    if reference.kind == "file":
        again = f"--net {reference.text}, and the run by --weights where it is given by --net"
    raise ConfigError(f"this model's network is Python code ({reference.text}), which no file may start. Give {again}.")


def with_head(net: nn.Module, reference: Reference, classes: int) -> nn.Module:
    """`net` with the classifier that `reference` says, if it says one. `ConfigError` for what cannot be."""
    if not reference.head:
        return net
    try:
        layer, *sizes = (reference.head[name] for name in ("layer", "pictures", "features", "k"))
        if not isinstance(layer, str) or any(type(size) is not int or size < 1 for size in sizes):
            raise ValueError(f"{dict(reference.head)}")
        net.get_submodule(layer)
        parent, _, child = layer.rpartition(".")
        setattr(net.get_submodule(parent), child, Neighbours(sizes[0], sizes[1], classes, sizes[2]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{reference.text}: no classifier can stand where its card says ({error}).") from None
    return net


def _in_file(text: str) -> Callable[..., nn.Module] | nn.Module:
    """What `file.py:function` names. An error of the file itself is told with the file's own traceback."""
    path, _, name = text.partition(":")
    file = Path(path)
    if not file.is_file():
        raise ConfigError(f"{path}: there is no such file.")
    spec = importlib.util.spec_from_file_location(f"striate_user_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: cannot be imported as Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with _own_traceback(path):
        spec.loader.exec_module(module)
    marked = [n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == spec.name]
    if not name or not hasattr(module, name):
        there = f" It has {', '.join(marked)}." if marked else ""
        example = f"{path}:{(marked or ['net'])[0]}"
        raise ConfigError(f"{path}: name the function or class after a colon, as {example}.{there}")
    found = getattr(module, name)
    if not isinstance(found, nn.Module) and not callable(found):
        raise ConfigError(f"{path}: {name} is {type(found).__name__}; it must be a torch module or give one.")
    return found  # type: ignore[no-any-return]


@contextmanager
def _own_traceback(path: str) -> Iterator[None]:
    """Turn an error of the user's file into a `ConfigError` that shows the file's part of the traceback alone."""
    try:
        yield
    except StriateError:
        raise
    except Exception as error:
        known = {str(path), str(Path(path).resolve())}
        frames = traceback.extract_tb(error.__traceback__)
        first = next((i for i, frame in enumerate(frames) if frame.filename in known), 0)
        lines = [*traceback.format_list(frames[first:]), *traceback.format_exception_only(error)]
        raise ConfigError(f"{path}: an error of its own:\n{''.join(lines).rstrip()}") from None


def _call(function: Callable[..., nn.Module], image: Shape, classes: int) -> nn.Module:
    """Call `function` with image and classes by name where it takes them."""
    takes = _parameters(function)
    given = {name: value for name, value in (("image", image), ("classes", classes)) if name in takes}
    net = function(**given)
    if not isinstance(net, nn.Module):
        raise ConfigError(f"{getattr(function, '__name__', function)} gave {type(net).__name__}, not a torch module.")
    return net


def _parameters(function: Callable[..., nn.Module]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # some callables of C have no signature
        return {}
