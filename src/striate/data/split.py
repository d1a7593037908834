"""A test or validation part for data that have none: chosen by what the pictures are, not by place or order."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import NDArray

from striate.data.records import Part

HELD_OUT = 0.2  # of each class


def split(whole: Part, share: float = HELD_OUT, *, seed: int = 0, exact: bool = False) -> tuple[Part, Part | None]:
    """(train, held out): a picture is held out if its keyed hash lies in the lowest `share` of all numbers.

    So a picture stays on its side whatever is added, and in any order; of each class about `share` is held out, and of
    one of two pictures or more at least one stands on each side. Equal pictures never stand on both sides, nor do
    pictures of one group. `exact`: for a published set that never grows, of each class the `share` with the lowest
    numbers. None where nothing is held out.
    """
    hashes = whole.hashes(seed)
    chosen = held_out(hashes, whole.labels.cpu().numpy(), share, units(hashes, whole.groups, seed), exact=exact)
    which = torch.from_numpy(chosen)
    return whole.take(~which), whole.take(which) if chosen.any() else None


def held_out(
    hashes: NDArray[np.uint64], labels: NDArray[np.int64], share: float, owners: NDArray[np.uint64], *, exact: bool
) -> NDArray[np.bool_]:
    """(n,) which pictures are held out. `owners`: (n,) the number that decides; one that is shared is never torn."""
    chosen = owners < np.uint64(int(share * 2**64))
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        by_number = of_class[np.argsort(owners[of_class], kind="stable")]
        if exact:
            chosen[of_class] = False
            chosen[by_number[: min(max(round(share * len(of_class)), 1), len(of_class) - 1)]] = True
        elif len(of_class) > 1 and not chosen[of_class].any():
            chosen |= owners == owners[by_number[0]]
        elif len(of_class) > 1 and chosen[of_class].all():
            chosen &= owners != owners[by_number[-1]]
    return chosen & ~np.isin(owners, owners[~chosen]) & ~np.isin(hashes, hashes[~chosen])


def units(hashes: NDArray[np.uint64], groups: Sequence[str] | None, seed: int) -> NDArray[np.uint64]:
    """(n,) one number for all pictures that must stay together: those of a group, and groups with an equal picture.

    It depends on the groups' names alone, so that a group stays on its side when pictures are added to it.
    """
    if groups is None:
        return hashes
    names, of_picture = np.unique(np.asarray(groups), return_inverse=True)
    key = seed.to_bytes(8, "big", signed=True)
    numbers = [blake2b(name.encode(errors="surrogateescape"), digest_size=8, key=key).digest() for name in names]
    owner = np.frombuffer(b"".join(numbers), ">u8").astype(np.uint64)
    order = np.argsort(hashes, kind="stable")
    same = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    links = {(int(of_picture[order[i]]), int(of_picture[order[i + 1]])) for i in same}
    changed = bool(links)
    while changed:  # the lowest number spreads along the links
        changed = False
        for a, b in links:
            if owner[a] != owner[b]:
                owner[a] = owner[b] = min(owner[a], owner[b])
                changed = True
    joined: NDArray[np.uint64] = np.where(names[of_picture] == "", hashes, owner[of_picture])
    return joined
