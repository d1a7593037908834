"""How the pictures of a training change from epoch to epoch: one frozen value, and one function of it.

The changes are made in this order: crop (or resize), flip, rotate, shift, jitter, erase, then mixup or cutmix. Each
draws from (seed, epoch, index) under its own name, so switching one on leaves the draws of the others as they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from striate.data.transforms import colour, crop, erase, mix
from striate.data.transforms.affine import affine
from striate.data.transforms.boxes import TRIES
from striate.data.transforms.draws import levels, uniform
from striate.data.transforms.flip import flip
from striate.data.transforms.resize import resize
from striate.data.transforms.shift import random_moves, shift
from striate.errors import ConfigError

LIMITS: dict[str, tuple[float, float]] = {
    "shift": (0, 256),
    "crop": (0, 1),
    "rotate": (0, 180),
    "jitter": (0, 1),
    "erase": (0, 1),
    "mixup": (0, 1000),
    "cutmix": (0, 1000),
}


@dataclass(frozen=True)
class Augment:
    """Which changes are made, and how large they may be. All are off unless set. Raises `ConfigError`.

    `flip`: mirror half of the pictures left to right. `shift`: the most whole pixels up, down and aside. `crop`: the
    smallest share of a picture's area that is cut out and enlarged (0.08 in Szegedy et al. 2014); 0: none is.
    `rotate`: the most degrees either way. `jitter`: the most that brightness, contrast and saturation change by, 0 to
    1, and four times the turns of the hue. `erase`: the share of pictures that get a part covered by noise. `mixup`,
    `cutmix`: alpha of the Beta distribution of the shares of two pictures in one; where both are set, each picture
    gets one of them by the toss of a coin.
    """

    flip: bool = False
    shift: int = 0
    crop: float = 0.0
    rotate: float = 0.0
    jitter: float = 0.0
    erase: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not _is_number(value, whole=name == "shift") or not low <= value <= high:
                kind = "a whole number from" if name == "shift" else "from"
                raise ConfigError(f"augment.{name} is {value!r}; it must be {kind} {low:g} to {high:g}.")
        if not isinstance(self.flip, bool):
            raise ConfigError(f"augment.flip is {self.flip!r}; it must be true or false.")

    def apply(
        self,
        batch: Tensor,
        labels: Tensor,
        indices: Tensor,
        *,
        seed: int,
        epoch: int,
        classes: int,
        size: tuple[int, int],
    ) -> tuple[Tensor, Tensor]:
        """The pictures `batch` (n, c, h, w) uint8 changed and brought to `size` (height, width), and their targets.

        `indices`: (n,) the number of each picture in the data set. The targets are (n, classes) float32 where mixup or
        cutmix is on, else `labels` (n,) as they are. What comes of a picture before mixing depends on it, on seed and
        on epoch alone. Nothing given is changed, though what needs no change may be given back.
        """

        def draw(purpose: str, count: int = 1) -> Tensor:
            return uniform(seed, epoch, indices, purpose, count)

        if self.crop:
            tall, wide = batch.shape[2:]
            boxes = crop.random_crops(draw("crop", 4 * TRIES), (tall, wide), least=self.crop)
            batch = crop.crop(batch, boxes, size)
        elif tuple(batch.shape[2:]) != tuple(size):
            batch = resize(batch, size)
        if self.flip:
            batch = flip(batch, draw("flip")[:, 0] < 0.5)
        if self.rotate:
            batch = affine(batch, (2 * draw("rotate")[:, 0] - 1) * self.rotate)
        if self.shift:
            batch = shift(batch, random_moves(draw("shift", 2), self.shift), most=self.shift)
        if self.jitter:
            batch = colour.jitter(batch, colour.random_factors(draw("jitter", 4), self.jitter))
        if self.erase:
            boxes = erase.random_patches(draw("erase", 1 + 4 * TRIES), size, self.erase)
            covered = indices[(boxes[:, 2:] > 0).all(1)]
            noise = levels(seed, epoch, covered, "erase levels", batch.shape[1:].numel())
            batch = erase.erase(batch, boxes, noise.view(len(covered), *batch.shape[1:]))
        if not (self.mixup or self.cutmix):
            return batch, labels
        return self._mixed(batch, labels, draw("mix", 4), draw("shares", 2), classes)

    def ring(self, indices: Tensor, *, seed: int, epoch: int) -> Tensor:
        """The pictures of a batch (n,) in the order in which each is mixed with the next, the last with the first."""
        return indices[uniform(seed, epoch, indices, "mix", 4)[:, 0].argsort(stable=True)]

    def _mixed(
        self, batch: Tensor, labels: Tensor, draws: Tensor, share_draws: Tensor, classes: int
    ) -> tuple[Tensor, Tensor]:
        """`draws`: (n, 4) for partner, coin, and the middle of a cut."""
        partners = mix.partners_of(draws[:, 0])
        cut = torch.full((len(batch),), bool(self.cutmix))
        if self.mixup and self.cutmix:
            cut = draws[:, 1] < 0.5
        ones = torch.ones(len(batch), dtype=torch.float64)
        blended = mix.random_shares(share_draws, self.mixup) if self.mixup else ones
        left = mix.random_shares(share_draws, self.cutmix) if self.cutmix else ones
        boxes, left = mix.random_cuts(draws[:, 2:], torch.where(cut, left, ones), (batch.shape[2], batch.shape[3]))
        shares = torch.where(cut, left, blended)
        mixed = mix.mixup(batch, partners, torch.where(cut, ones, blended)) if self.mixup else batch
        mixed = mix.cutmix(mixed, partners, boxes, source=batch) if self.cutmix else mixed
        return mixed, mix.targets(labels, partners, shares, classes)


def _is_number(value: object, whole: bool = False) -> bool:
    return isinstance(value, int if whole else int | float) and not isinstance(value, bool)
