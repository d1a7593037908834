"""Matching by order and shape, for a checkpoint whose names nobody here knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from torch import Tensor

from striate.weights.keys import BOOKKEEPING

ROLES = {  # last words of names, by what they stand for: tensors of the same shape are told apart by them
    "weight": ("weight", "w", "kernel", "gamma", "scale"),
    "bias": ("bias", "b", "beta", "offset"),
    "mean": ("running_mean", "mean", "moving_mean", "moving_average"),
    "variance": ("running_var", "var", "variance", "moving_var", "moving_variance"),
}
ROLE = {word: role for role, words in ROLES.items() for word in words}

Item = tuple[str, tuple[int, ...], str]  # name, shape, role


def match_by_order(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], *, ordered: bool) -> dict[str, str] | None:
    """Our name: theirs, for every tensor; None where that is impossible or could be done in more than one way.

    In a file that is `ordered` as its network was built, the shapes must follow each other as ours do, vectors with
    the same roles. In any other file every shape with its role must be there once.
    """
    here, there = items(ours), items(theirs)
    if len(here) != len(there) or any(not role and len(shape) == 1 for _, shape, role in here + there):
        return None
    kinds_here, kinds_there = [kind(item) for item in here], [kind(item) for item in there]
    if ordered and kinds_here == kinds_there:
        return {a[0]: b[0] for a, b in zip(here, there, strict=True)}
    if sorted(kinds_here) != sorted(kinds_there) or len(set(kinds_here)) < len(kinds_here):
        return None
    by_kind = {kind(item): item[0] for item in there}
    return {item[0]: by_kind[kind(item)] for item in here}


def alike(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> int:
    """How many of our tensors have the same shape and role as another of ours, where theirs has the same ones; else 0.

    This is what makes a match ambiguous.
    """
    here, there = [kind(item) for item in items(ours)], [kind(item) for item in items(theirs)]
    if sorted(here) != sorted(there):
        return 0
    count: dict[tuple[tuple[int, ...], str], int] = defaultdict(int)
    for each in here:
        count[each] += 1
    return sum(number for number in count.values() if number > 1)


def items(tensors: Mapping[str, Tensor]) -> list[Item]:
    """What is matched: all but the counts of batches."""
    return [
        (name, tuple(tensor.shape), ROLE.get(name.rpartition(".")[2], ""))
        for name, tensor in tensors.items()
        if not name.endswith(BOOKKEEPING)
    ]


def kind(item: Item) -> tuple[tuple[int, ...], str]:
    """Shape and role. What has more than one axis is a kernel or a matrix, whatever it is called."""
    _, shape, role = item
    return shape, role if len(shape) == 1 else ""
