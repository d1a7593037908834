"""Which tensor of a file goes where in a network, and what has to be done to it: found first, done after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from torch import Tensor

from striate.weights.checkpoint import Checkpoint
from striate.weights.keys import BOOKKEEPING, renamed
from striate.weights.order import alike, match_by_order

HEADS = ("aux1.", "aux2.", "AuxLogits.", "aux_logits.", "aux_classifier.")  # classifiers that only training uses
BACKGROUND = 1001  # classes of TensorFlow's ImageNet: the first is none of the thousand


@dataclass
class Match:
    """What was found. `mapping`: our name to the name in the file; `changes`: what is done to a tensor on its way.

    `missing`, `unexpected`: names that only we, only the file has. `misshaped`: our name to (shape there, shape here).
    `classes`: (classes in the file, classes of the network) if all that is misshaped is the last layer, else None.
    """

    mapping: dict[str, str] = field(default_factory=dict)
    changes: dict[str, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    misshaped: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    by_order: bool = False
    ambiguous: int = 0

    @property
    def fits(self) -> bool:
        return not (self.missing or self.unexpected or self.misshaped)

    @property
    def classes(self) -> tuple[int, int] | None:
        pairs = {(there[0], here[0]) for there, here in self.misshaped.values() if there[1:] == here[1:]}
        only = len(pairs) == 1 and all(there[1:] == here[1:] for there, here in self.misshaped.values())
        return next(iter(pairs)) if only and not self.missing and not self.unexpected else None


@dataclass(frozen=True)
class Report:
    """How a file's tensors came into a network: each pair of (name there, name here), in the network's order.

    `fresh`: names here that the file gave nothing for. `unused`: names there that nothing here wanted. `by_order`: the
    names were unknown, and the mapping was found by order and shape. `notes`: sentences about everything else.
    """

    file: Path
    mapping: tuple[tuple[str, str], ...]
    fresh: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    by_order: bool = False
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """What a person should know before the weights are used; the whole mapping where it was found by order."""
        said = [f"{self.file}: {note}." for note in self.notes]
        if self.by_order:
            said += [f"  {there} -> {here}" for there, here in self.mapping]
        return said


def match(ours: Mapping[str, Tensor], checkpoint: Checkpoint) -> Match:
    """Where the tensors of `checkpoint` go among `ours`, a network's state dict. Nothing is changed."""
    theirs = list(checkpoint.tensors)
    names, notes = renamed(theirs, ours)
    found = Match(notes=[*checkpoint.notes, *notes])
    original = dict(zip(names, theirs, strict=True))
    wanted = [name for name in ours if not name.endswith(BOOKKEEPING)]
    if 2 * sum(name in original for name in wanted) < len(wanted):
        by_order = match_by_order(ours, checkpoint.tensors, ordered=checkpoint.ordered)
        if by_order is not None:
            found.mapping, found.by_order = by_order, True
            found.notes.append("its names are unknown; the tensors were matched by order and shape, as follows")
            return found
        found.ambiguous = alike(ours, checkpoint.tensors)
    for name, value in ours.items():
        if name not in original:
            if not name.endswith(BOOKKEEPING):
                found.missing.append(name)
        else:
            _pair(found, name, value, original[name], checkpoint.tensors[original[name]])
    for name, there in original.items():
        if name not in ours:
            spare = name.startswith(HEADS) or name.endswith(BOOKKEEPING)
            (found.unused if spare else found.unexpected).append(there)
    if any(not name.endswith(BOOKKEEPING) for name in found.unused):
        found.notes.append("its auxiliary heads are not used: this network has none")
    return found


def _pair(found: Match, name: str, value: Tensor, there: str, tensor: Tensor) -> None:
    """Note that `tensor`, called `there`, goes to our `name`, if it can be made to."""
    theirs, ours = tuple(tensor.shape), tuple(value.shape)
    if theirs == ours:
        found.mapping[name] = there
    elif not theirs or not ours:
        found.misshaped[name] = (theirs, ours)
    elif {len(theirs), len(ours)} == {2, 4} and tensor[:1].numel() == value[:1].numel() and theirs[0] == ours[0]:
        found.mapping[name] = there
        found.changes[name] = lambda t: t.reshape(ours)
        said = "a fully connected layer is written as a convolution in one of the two"
        found.notes += [said] if said not in found.notes else []
    elif _is_first(found, name, value) and len(theirs) == 4 and (theirs[0], theirs[2:]) == (ours[0], ours[2:]):
        found.mapping[name] = there
        found.changes[name] = lambda t: for_channels(t, ours[1])
        how = "summed" if ours[1] == 1 else "repeated and scaled"
        found.notes.append(f"the kernels of {name} were made for {theirs[1]} channels and are {how} for {ours[1]}")
    elif theirs[0] == BACKGROUND and ours[0] == BACKGROUND - 1 and theirs[1:] == ours[1:]:
        found.mapping[name] = there
        found.changes[name] = lambda t: t[1:]
        said = "its first class is TensorFlow's background, which is left out"
        found.notes += [said] if said not in found.notes else []
    else:
        found.misshaped[name] = (theirs, ours)


def _is_first(found: Match, name: str, value: Tensor) -> bool:
    """Whether this is the first kernel of the network: nothing with more than one axis came before it."""
    return value.ndim == 4 and not found.mapping and not found.misshaped


def for_channels(kernels: Tensor, channels: int) -> Tensor:
    """Kernels (maps, c, h, w) of a first layer for pictures of another number of `channels`.

    One channel: the sum over c, which answers a grey picture as the grey picture in colour was answered. More: the
    channels repeated in turn and scaled by c / `channels`, so that the size of the answers stays. This is timm's rule.

    >>> import torch
    >>> for_channels(torch.ones(1, 3, 1, 1), 1).flatten().tolist(), for_channels(torch.ones(1, 3, 1, 1), 6).sum().item()
    ([3.0], 3.0)
    """
    given = kernels.shape[1]
    if channels == 1:
        return kernels.sum(1, keepdim=True)
    repeated = kernels.repeat(1, ceil(channels / given), 1, 1)[:, :channels]
    return repeated * (given / channels)
