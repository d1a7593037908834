"""Randomness as a function of (seed, epoch or step, purpose): never of time, order or worker."""

from __future__ import annotations

import hashlib
import random

import numpy as np
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


def balanced_order(labels: Tensor, seed: int, epoch: int) -> Tensor:
    """(n,) int64: as many pictures as there are, drawn so that each class is as likely as any other."""
    share = 1.0 / labels.bincount().clamp_min(1).double()
    return torch.multinomial(share[labels], len(labels), replacement=True, generator=generator(seed, epoch, "balance"))


def seed_step(seed: int, step: int, device: torch.device, rank: int = 0) -> None:
    """Make all that layers draw in `step` a function of `seed` and `step`: torch's, numpy's and Python's numbers."""
    drawn = number(seed, step, "dropout" if rank == 0 else f"dropout of rank {rank}")
    if device.type == "cpu":
        torch.default_generator.manual_seed(drawn)
    else:
        torch.manual_seed(drawn)
    random.seed(drawn)
    np.random.seed(drawn & 0xFFFFFFFF)  # layers of the user's own may draw from the global state
