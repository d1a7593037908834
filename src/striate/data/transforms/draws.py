"""Random numbers that depend on (seed, epoch, index, purpose) and on nothing else: not on batch, worker, order or time.

There is no generator with a state. The number is a counter (index, column) under a key, mixed until nothing of the
counter can be seen: by the finaliser of SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number
Generators", OOPSLA 2014), once for the index and once for the column.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd: steps of it run through all of 2^64
STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))  # SplitMix64's: shift and fold, then multiply


def uniform(seed: int, epoch: int, indices: Tensor, purpose: str, count: int = 1) -> Tensor:
    """(n, count) float64 in [0, 1) for the pictures `indices` (n,) int64, counted from 0 in the whole data set.

    >>> a = uniform(7, 1, torch.tensor([3, 8, 5]), "flip")
    >>> bool((a[1] == uniform(7, 1, torch.tensor([8]), "flip")[0]).all())
    True
    """
    bits = _bits(seed, epoch, indices, purpose, count)
    bits >>= np.uint64(11)
    return torch.from_numpy(bits * 2.0**-53)


def levels(seed: int, epoch: int, indices: Tensor, purpose: str, count: int) -> Tensor:
    """(n, count) uint8, every level equally likely, for the pictures `indices` (n,)."""
    bits = _bits(seed, epoch, indices, purpose, -(-count // 8))
    return torch.from_numpy(bits.astype("<u8", copy=False).view(np.uint8)[:, :count])


def _bits(seed: int, epoch: int, indices: Tensor, purpose: str, count: int) -> NDArray[np.uint64]:
    """(n, count) of 64 random bits."""
    digest = blake2b(f"{seed}/{epoch}/{purpose}".encode(), digest_size=8).digest()
    pictures = indices.cpu().numpy().astype(np.uint64)
    pictures *= GOLDEN
    pictures += np.frombuffer(digest, "<u8")
    bits: NDArray[np.uint64] = _mixed(pictures)[:, None] + np.arange(1, count + 1, dtype=np.uint64) * GOLDEN
    return _mixed(bits)


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`bits`, overwritten with their mixture."""
    for shift, factor in STEPS:
        bits ^= bits >> np.uint64(shift)
        bits *= np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    return bits
