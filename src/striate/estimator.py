"""A convolutional network as scikit-learn has its classifiers: in pipelines, grid searches and cross-validation."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from striate.data.arrays import CHANNELS
from striate.data.records import data_set, pictures
from striate.errors import ConfigError, DataError
from striate.networks import Net
from striate.settings import checked, shape
from striate.training.config import TrainConfig
from striate.training.train import fit

Array = NDArray[Any]
LEVELS = 255


class ConvNetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network that is trained on arrays of pictures.

    `X`: (n, h, w), (n, h, w, c) or (n, c, h, w); or (n, features), whose rows are pictures of the size `image`, as
    "1x8x8", or of one line where that is not given. Whole numbers in 0..255 and fractions in 0..1 are taken as pixels
    are; other values are scaled to 256 levels between the lowest and the highest of the training, and what lies beyond
    these later is the lowest or highest. `y`: (n,) labels of any kind.

    `net`: as `striate.train` takes it. `epochs`, `batch_size`, `rate`, `optimizer`: settings of the training, None or
    the default for its own choice; `settings`: any further ones by name. `random_state`: the seed. `run`: a folder that
    keeps the run; None keeps none.

    After `fit`: `classes_`, `model_` (a `striate.Model`), `n_features_in_` for flat rows.

    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> found = ConvNetClassifier("[conv-relu]*2-pool-fc", image="1x8x8", epochs=3).fit(X[:1000], y[:1000])
    >>> found.score(X[1000:], y[1000:]) > 0.8
    True
    """

    def __init__(
        self,
        net: Net = "lenet5",
        *,
        image: str | tuple[int, ...] | None = None,
        epochs: int | None = None,
        batch_size: int = 128,
        rate: float | None = None,
        optimizer: str = "sgd",
        settings: dict[str, Any] | None = None,
        random_state: int | None = 0,
        run: str | Path | None = None,
    ):
        self.net = net
        self.image = image
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.optimizer = optimizer
        self.settings = settings
        self.random_state = random_state
        self.run = run

    def fit(self, X: Any, y: Any) -> ConvNetClassifier:
        """Train on `X` and `y`; a class in `y` needs no more than one picture."""
        X, y = validate_data(self, X, y, allow_nd=True, dtype=None, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only, {self.classes_[0]!r}; a classifier needs 2 classes to tell apart.")
        self._range = _range_of(X)
        images = self._pixels(X)
        train = pictures(images, torch.from_numpy(labels.astype(np.int64)), names=("X", "y"))
        names = tuple(f"{number}" for number in range(len(self.classes_)))
        given = {
            "data": "arrays",
            "net": self.net if isinstance(self.net, str) else "python object",
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "rate": self.rate,
            "optimizer": self.optimizer,
            "seed": 0 if self.random_state is None else _seed(self.random_state),
            "image": tuple(images.shape[1:]),
            **(self.settings or {}),
        }
        with tempfile.TemporaryDirectory() as spare:
            given["run"] = Path(spare) / "run" if self.run is None else Path(self.run)
            config = checked(TrainConfig, given, where="ConvNetClassifier")
            dataset = data_set("arrays", names, train=train, test=None)
            self.model_ = fit(dataset, self.net, config).model
        self.n_iter_ = self.model_.facts["epochs"]
        return self

    def predict_proba(self, X: Any) -> Array:
        """(n, classes) probabilities, in the order of `classes_`."""
        check_is_fitted(self, "model_")
        X = validate_data(self, X, allow_nd=True, dtype=None, reset=False)
        given: Array = self.model_.probabilities(self._pixels(X)).double().numpy()
        total: Array = given.sum(1, keepdims=True)
        return given / np.where(total > 0, total, 1)

    def predict(self, X: Any) -> Array:
        """(n,) the most probable label of each picture."""
        probabilities = self.predict_proba(X)
        answers: Array = self.classes_[probabilities.argmax(1)]
        return answers

    def _pixels(self, X: Array) -> torch.Tensor:
        """(n, c, h, w) uint8."""
        low, high = self._range
        values = (np.asarray(X, np.float64) - low) * (LEVELS / (high - low))
        levels = np.clip(np.rint(values), 0, LEVELS).astype(np.uint8)
        return torch.from_numpy(np.ascontiguousarray(_as_pictures(levels, self.image)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.non_deterministic = False
        return tags


def _range_of(X: Array) -> tuple[float, float]:
    """The values that become 0 and 255: pixels keep theirs."""
    if X.dtype.kind not in "buif":
        X = X.astype(np.float64)  # numbers that are kept as objects; anything else is numpy's own error
    low, high = float(X.min()), float(X.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= 0 and high <= LEVELS and bool((np.rint(X) == X).all()):
        return 0.0, float(LEVELS)
    return low, high if high > low else low + 1.0


def _as_pictures(X: Array, image: str | tuple[int, ...] | None) -> Array:
    if X.ndim == 2:
        size = (1, 1, X.shape[1]) if image is None else _three(image)
        if X.shape[1] != int(np.prod(size)):
            raise ConfigError(f"image is {'x'.join(map(str, size))}, but the rows of X have {X.shape[1]} numbers.")
        return X.reshape(len(X), *size)
    if X.ndim == 3:
        return X[:, None]
    if X.ndim != 4:
        raise DataError(
            f"X has shape {X.shape}. Give (n, h, w), (n, h, w, c), (n, c, h, w) or flat rows (n, features)."
        )
    return X.transpose(0, 3, 1, 2) if X.shape[3] in CHANNELS and X.shape[1] not in CHANNELS else X


def _three(image: str | tuple[int, ...]) -> tuple[int, int, int]:
    sizes = shape(image) if isinstance(image, str) else tuple(image)
    channels, height, width = (1,) * (3 - len(sizes)) + sizes if len(sizes) < 3 else sizes
    return channels, height, width


def _seed(random_state: Any) -> int:
    """The seed of a number, or one drawn from a random state."""
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return int(random_state)
