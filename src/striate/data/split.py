"""A test part for data that have none: a share of every class, chosen by what the pictures are, not by place."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import torch

from striate.data.records import Pictures

HELD_OUT = 0.2  # of each class


def split(whole: Pictures, share: float = HELD_OUT, *, seed: int = 0) -> tuple[Pictures, Pictures | None]:
    """(train, test): in each class the `share` of pictures whose pixels have the lowest keyed hash is test.

    The same pictures give the same parts in any order; a class of two pictures or more has at least one on each side.
    Equal pictures never stand on both sides: those that would are train. None where nothing is left for test.
    """
    key = seed.to_bytes(8, "big", signed=True)
    rows = whole.images.cpu().contiguous().numpy()
    hashes = np.frombuffer(b"".join(blake2b(row.data, digest_size=8, key=key).digest() for row in rows), ">u8")
    labels = whole.labels.cpu().numpy()
    in_test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        held = min(max(round(share * len(of_class)), 1), len(of_class) - 1)
        in_test[of_class[np.argsort(hashes[of_class], kind="stable")[:held]]] = True
    in_test &= ~np.isin(hashes, hashes[~in_test])
    chosen = torch.from_numpy(in_test)
    return whole.take(~chosen), whole.take(chosen) if in_test.any() else None
