"""What to say of a file that does not fit: which tensors, in groups, and the likely cause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import prod

import torch
from torch import Tensor

from striate.weights.catalogue import entries
from striate.weights.checkpoint import Checkpoint
from striate.weights.keys import BOOKKEEPING, renamed
from striate.weights.match import HEADS, Match
from striate.zoo import networks

SHOWN = 3  # groups of names in a message
STATISTICS = ("running_mean", "running_var", BOOKKEEPING)  # last words of what is no parameter
MOST_BUILT = 4  # networks that are built, on the meta device, to see whether a file fits them
# Words in the names of files: the stride in the first 1x1, and in the 3x3.
EARLY = re.compile(r"(caffe|keras|slim|(?<![a-z0-9])v1(?![._-]?5)(?![0-9a-z]))", re.IGNORECASE)
LATE = re.compile(r"(v1[._-]?5|v15|v1b)", re.IGNORECASE)


def why_not(found: Match, checkpoint: Checkpoint, name: str) -> str:
    """One line that says why `checkpoint` does not fit the network called `name`, and what may be the cause."""
    parts = []
    for word, names in (("missing", found.missing), ("unexpected", found.unexpected)):
        if names:
            parts.append(f"{len(names)} tensors are {word} ({groups(names)})")
    if found.misshaped:
        first = next(iter(found.misshaped))
        there, here = found.misshaped[first]
        more = f", and {len(found.misshaped) - 1} more" if len(found.misshaped) > 1 else ""
        parts.append(f"{len(found.misshaped)} have another shape ({first} is {there} and should be {here}{more})")
    return f"{checkpoint.path}: does not fit {name}: {', '.join(parts)}. {_cause(found, checkpoint, name)}"


def groups(names: Iterable[str]) -> str:
    """Names by the layer they belong to, at most three layers.

    >>> groups(["conv1.weight", "bn1.weight", "bn1.bias", "fc.weight", "fc.bias", "aux.a", "aux.b"])
    'conv1.weight, bn1.*, fc.*, and 1 layers more'
    """
    by_layer: dict[str, list[str]] = {}
    for name in names:
        by_layer.setdefault(name.rpartition(".")[0], []).append(name)
    said = [found[0] if len(found) == 1 else f"{layer}.*" for layer, found in by_layer.items()]
    said = [word if word.isprintable() else ascii(word)[1:-1] for word in (word[:80] for word in said[:SHOWN])]
    return ", ".join(said) + (f", and {len(by_layer) - SHOWN} layers more" if len(by_layer) > SHOWN else "")


def _cause(found: Match, checkpoint: Checkpoint, name: str) -> str:
    if found.classes:
        there, here = found.classes
        return (
            f"The file is for {there} classes, the network for {here}: give classes={here} to keep all other weights "
            f"and start the last layer anew, or build the network for {there}."
        )
    others = [other for other in fitting(checkpoint) if other != name]
    if others:
        return f"The file fits {' and '.join(others)}: load it there."
    if found.missing and all(missing.startswith(HEADS) for missing in found.missing):
        return "The file has no auxiliary heads: load it into the network without them."
    if found.ambiguous:
        return (
            f"Its names are unknown, its shapes are the right ones, but {found.ambiguous} tensors share a shape with "
            "another, so nothing says which is which. Rename its tensors."
        )
    if not found.mapping:
        return "It is the file of another network, or its names and their order are unknown here."
    return "It is the file of another network."


def fitting(checkpoint: Checkpoint) -> list[str]:
    """The networks of the zoo that `checkpoint` fits by names and shapes, whatever its number of classes."""
    tensors = {name: tensor for name, tensor in checkpoint.tensors.items() if tensor.ndim}
    count = parameters(tensors)
    matrices = [tensor.shape for tensor in tensors.values() if tensor.ndim in (2, 4)]
    rows, columns = (matrices[-1][0], prod(matrices[-1][1:])) if matrices else (0, 0)
    fits: list[str] = []
    for name, build in networks.items():
        facts = build.facts
        with_theirs = facts.parameters + (rows - facts.classes) * (columns + 1)  # but for the size of the last layer
        if count not in (facts.parameters, with_theirs) or len(fits) == MOST_BUILT:
            continue
        classes = facts.classes if count == facts.parameters else rows
        if has_names_and_shapes(shapes(name, classes), tensors):
            fits.append(name)
    return fits


def shapes(name: str, classes: int) -> Mapping[str, Tensor]:
    """The state dict of a network of the zoo on the meta device, where it takes no memory."""
    with torch.device("meta"):
        net = networks[name](classes=classes)
    state: Mapping[str, Tensor] = net.state_dict()
    return state


def has_names_and_shapes(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> bool:
    """Whether both have the same names, once ours are found for theirs, and the same shapes."""
    names, _ = renamed(list(theirs), ours)
    there = {n: tuple(t.shape) for n, t in zip(names, theirs.values(), strict=True) if not n.endswith(BOOKKEEPING)}
    return there == {n: tuple(t.shape) for n, t in ours.items() if not n.endswith(BOOKKEEPING)}


def parameters(tensors: Mapping[str, Tensor]) -> int:
    """How many numbers of `tensors` are parameters, as their names say."""
    return sum(t.numel() for name, t in tensors.items() if not name.endswith(STATISTICS))


def other_stride(checkpoint: Checkpoint, name: str) -> str | None:
    """A sentence, if the name of the file speaks of the twin of the network `name`, which has the same shapes.

    A ResNet of the paper ("v1") strides in the first 1x1 of a block, that of torchvision ("v1.5") in the 3x3.
    """
    twin = name.removesuffix("_v1") if name.endswith("_v1") else f"{name}_v1"
    if twin not in networks or name not in networks:
        return None
    stem = checkpoint.path.name
    of_torchvision = any(entry.file == stem for entry in entries())
    late, early = bool(LATE.search(stem)) or of_torchvision, bool(EARLY.search(stem))
    if (name.endswith("_v1") and late) or (twin.endswith("_v1") and early and not late):
        return (
            f"the name of the file speaks of {twin}, which has the same shapes as {name} and its stride elsewhere: "
            "loaded into the wrong one it works less well"
        )
    return None
