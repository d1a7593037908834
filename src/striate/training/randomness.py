"""Randomness as a function of (seed, epoch or step, purpose): never of time, order or worker."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor


def number(seed: int, at: int, purpose: str) -> int:
    """63 bits that depend on all three and on nothing else."""
    digest = hashlib.blake2b(f"{seed}/{at}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, at: int, purpose: str) -> torch.Generator:
    """A fresh generator for one purpose at one epoch or step."""
    return torch.Generator().manual_seed(number(seed, at, purpose))


def order(examples: int, seed: int, epoch: int) -> Tensor:
    """(examples,) int64: the order of the pictures in `epoch`."""
    return torch.randperm(examples, generator=generator(seed, epoch, "order"))


def shifts(examples: int, pixels: int, seed: int, epoch: int) -> Tensor:
    """(examples, 2) int64 in -pixels..pixels: how far each picture moves down and right in `epoch`."""
    return torch.randint(-pixels, pixels + 1, (examples, 2), generator=generator(seed, epoch, "shift"))


def flips(examples: int, seed: int, epoch: int) -> Tensor:
    """(examples,) bool: which pictures are mirrored in `epoch`."""
    return torch.randint(2, (examples,), generator=generator(seed, epoch, "flip")).bool()
