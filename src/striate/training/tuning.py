"""How long and how fast a fine-tuning learns where nobody says it, and the classifier that it begins with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from striate.features.classifiers import Fitted, fitted
from striate.training.config import TrainConfig

FIRST = 4000  # training pictures that the first classifier of a fine-tuning is fitted to, at most
FOLDS = 3
RATES = {"sgd": 0.01, "adam": 2e-4, "adamw": 2e-4, "rmsprop": 1e-4}  # the highest of the schedule
USUAL = TrainConfig(data="")
BATCH = 32  # pictures a step, where the usual number of a training from scratch was left as it is
PICTURES_TO_SEE = 20_000  # the default number of epochs shows the network about so many,
FEWEST, MOST = 3, 12  # within these bounds


def tuned(given: TrainConfig, config: TrainConfig, pictures: int) -> TrainConfig:
    """`config` with the length, rate and batch of a fine-tuning where `given`, as a person wrote it, leaves it open.

    Smoothed labels are left out as well: the classifier that it begins with is sure where it is right, and to unlearn
    that costs the features (of 10 photographs a class 1 to 7 points).
    """
    if config.regime == "head":
        return dataclasses.replace(config, epochs=None, rate=None)
    epochs = min(MOST, max(FEWEST, round(PICTURES_TO_SEE / pictures)))
    batch = BATCH if (given.batch_size, given.descent) == (USUAL.batch_size, USUAL.descent) else config.batch_size
    smoothing = 0.0 if given.label_smoothing == USUAL.label_smoothing else given.label_smoothing
    return dataclasses.replace(
        config,
        epochs=config.epochs if given.epochs is not None else epochs,
        rate=RATES[config.optimizer] if given.rate is None else given.rate,
        batch_size=batch,
        label_smoothing=smoothing,
    )


def spread(labels: Tensor) -> Tensor:
    """(m,) positions of the pictures, with `labels` (n,), that the first classifier is fitted to: all where they are
    few, else `FIRST` at even distances, and two of each class."""
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    chosen[torch.linspace(0, len(labels) - 1, min(FIRST, len(labels))).long()] = True
    for label in labels.unique():
        chosen[(labels == label).nonzero()[:2, 0]] = True
    return chosen.nonzero()[:, 0]


def first_fit(rows: Tensor, labels: Tensor, classes: Sequence[str], config: TrainConfig) -> Fitted:
    """The classifier that a fine-tuning begins with, fitted to some of the features `rows` (n, f), or all."""
    some = spread(labels)
    return fitted(rows[some], labels[some], classes, most_folds=FOLDS, seed=config.seed % 2**32)
