"""What of a network with weights learns: its classifier, its last convolution stage too, or everything.

The rule is that of the lectures (deck 003, "Transfer Learning"), by the training pictures a class.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from striate.errors import ConfigError, DataError
from striate.networks import Net
from striate.training.config import TrainConfig

FEW, MANY = 500, 1000  # training pictures a class
LEARNS = {
    "head": "the classifier",
    "last": "the last convolution stage and the classifier",
    "all": "everything",
}


@dataclass(frozen=True)
class Choice:
    """A regime, and why it is this one."""

    regime: str
    reason: str


SCRATCH = Choice("scratch", "no weights were given to start from")


def reuses(net: Net, config: TrainConfig) -> bool:
    """Whether a training starts from weights. `ConfigError` where its regime needs some and none are named."""
    if config.regime == "scratch":
        return False
    if config.pretrained or config.weights is not None:
        return True
    if config.regime == "auto":
        return False
    if isinstance(net, nn.Module):
        return True  # a module has weights of its own
    raise ConfigError(
        f"regime is {config.regime}, but there are no weights to start from. Add --pretrained for public ones, or "
        "--weights with a file, the name of public weights or the folder of an earlier run."
    )


def from_scratch(config: TrainConfig) -> Choice:
    """The choice where nothing is reused."""
    return Choice("scratch", "as asked") if config.regime == "scratch" else SCRATCH


def by_count(labels: Tensor) -> Choice:
    """The regime for training pictures with these `labels` (n,): by those of the median class.

    >>> import torch
    >>> by_count(torch.arange(10).repeat(60)).regime, by_count(torch.arange(10).repeat(700)).regime
    ('head', 'last')
    """
    counts = labels.bincount()
    usual = int(counts[counts > 0].median())
    said = f"{usual:,} training pictures a class"
    if usual < FEW:
        return Choice("head", f"{said}, fewer than {FEW}")
    if usual <= MANY:
        return Choice("last", f"{said}, {FEW} to {MANY:,}")
    return Choice("all", f"{said}, more than {MANY:,}")


def enough(name: str, classes: tuple[str, ...], labels: Tensor, everywhere: Tensor) -> None:
    """`DataError` that names a class with fewer than two training pictures; `everywhere`: labels of all parts."""
    counts = labels.bincount(minlength=len(classes)).tolist()
    totals = everywhere.bincount(minlength=len(classes)).tolist()
    for label, (count, total) in enumerate(zip(counts, totals, strict=True)):
        if count < 2:
            held = f", {total - count} held out" if total > count else ""
            have = f"{total} picture{'' if total == 1 else 's'}" + (f" ({count} to learn from{held})" if held else "")
            raise DataError(
                f"{name}: class '{classes[label]}' has {have}; each needs at least two to learn from. "
                "Add some, or leave the class out."
            )
