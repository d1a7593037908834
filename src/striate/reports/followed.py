"""Layers in the order of the forward pass, made ready to be looked at: which belong together, which maps are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import prod

import torch
from torch import Tensor, nn

from striate.explain.activations import Activation, strongest
from striate.misfit import CONVOLUTIONS, TRANSPOSED

MAPS = 16


@dataclass(frozen=True)
class Followed:
    """One layer, or several that work side by side. `output`: (c, ...) of one picture; `shown`: the maps to draw."""

    name: str
    members: tuple[Activation, ...]
    output: Tensor
    shown: tuple[int, ...] = ()

    @property
    def layer(self) -> nn.Module:
        return self.members[0].layer


def together(seen: Sequence[Activation]) -> list[Followed]:
    """Each layer by itself, but neighbours of one kind in one `ModuleList` that give maps of one size together."""

    def place(a: Activation) -> tuple[object, ...]:
        parent, _, own = a.name.rpartition(".")
        listed = own.isdigit() and bool(parent) and a.output.ndim > 2
        return (parent, type(a.layer), a.given[2:], a.output.shape[2:]) if listed else (id(a),)

    result = []
    for _, group in groupby(seen, key=place):
        members = tuple(group)
        name = members[0].name if len(members) == 1 else members[0].name.rpartition(".")[0]
        result.append(Followed(name, members, torch.cat([m.output for m in members], 1)[0].float().cpu()))
    return result


def chains(seen: Sequence[Followed]) -> list[Followed]:
    """The same layers, each with the maps to show.

    From one convolution to the next, layers keep their maps apart, so the same maps are shown in all of them: those
    that are strongest in the last.
    """
    result: list[Followed] = []
    chain: list[Followed] = []
    for k, f in enumerate(seen):
        chain.append(f)
        after = seen[k + 1] if k + 1 < len(seen) else None
        if after is None or _mixes(after) or len(after.output) != len(f.output) or not places(after):
            shown = tuple(strongest(f.output, MAPS))
            result += [replace(link, shown=shown) for link in chain]
            chain = []
    return result


def evenly(items: Sequence[Followed], most: int) -> list[Followed]:
    """At most `most` items at equal distances, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(k * (len(items) - 1) / (most - 1))] for k in range(most)]


def staged(seen: Sequence[Followed]) -> list[list[Followed]]:
    """Groups that begin at a convolution which takes, or gives, maps at most half as large as the group began with.

    So what shrinks maps and does not mix them belongs to the maps it shrinks. All vectors are the last group.
    """
    groups: list[list[Followed]] = []
    size = -1
    for f in seen:
        now, before = places(f), prod(f.members[0].given[2:])
        smaller = _mixes(f) and 2 * min(now, before) <= size
        if size < 0 or (now == 0) != (size == 0) or (now and smaller):
            groups.append([])
            size = now
        groups[-1].append(f)
    return groups


def places(f: Followed) -> int:
    """Values of one map; 0 for a vector, and for maps of a single value, which are no more than one."""
    number = prod(f.output.shape[1:]) if f.output.ndim > 1 else 0
    return number if number > 1 else 0


def _mixes(f: Followed) -> bool:
    return isinstance(f.layer, (*CONVOLUTIONS, *TRANSPOSED, nn.Linear))
