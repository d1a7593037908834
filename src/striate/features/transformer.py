"""A trained network as a step of scikit-learn: pictures in, features out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from striate.data.records import Pictures
from striate.errors import DataError
from striate.features.asked import Asked, from_files, from_part
from striate.features.stream import Stream
from striate.model import load


class ConvNetFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Features of pictures by a trained network, for any classifier of scikit-learn.

    `net`: a network with public weights, or the folder of a run; `weights`: other ones, as `striate.load` takes them.
    `layer`: its name, as `striate show` prints it; None: what the network's own classifier is given.

    Pictures are an array (n, h, w) or (n, h, w, channels) of uint8, or a list of files, or a column of them (pandas).
    Nothing is learned from them.
    """

    def __init__(self, net: str = "efficientnet_lite0", *, weights: str | Path | None = None, layer: str | None = None):
        self.net = net
        self.weights = weights
        self.layer = layer

    def fit(self, X: Any, y: Any = None) -> ConvNetFeatures:
        """Load the network. Raises what `striate.load` raises, and `DataError` where `X` are no pictures."""
        _pictures(X)
        self.model_ = load(self.net, self.weights)
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """(n, features) float32. `DataError` names a file that cannot be read."""
        check_is_fitted(self)
        return self._seen(_pictures(X)).numpy()

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """f0, f1, ... as the columns of a file of features are called."""
        check_is_fitted(self)
        if not hasattr(self, "_features_out"):
            blank = torch.zeros(1, *self.model_.preprocess.image, dtype=torch.uint8)
            self._seen([Asked("blank", lambda preprocess: blank[0])])
        return np.array([f"f{i}" for i in range(self._features_out)], dtype=object)

    def _seen(self, pictures: Iterable[Asked]) -> torch.Tensor:
        parts = []
        for chunk in Stream(self.model_, "features", self.layer).of(pictures):
            for reason in chunk.reasons.values():
                raise DataError(reason)
            parts.append(chunk.rows)
        found = torch.cat(parts)
        self._features_out = found.shape[1]
        return found


def _pictures(given: Any) -> Iterator[Asked]:
    """Pictures as a stream takes them. Raises `DataError`."""
    array = np.asarray(given) if hasattr(given, "__array__") else None
    files = given if array is None else array
    if isinstance(files, list | tuple | np.ndarray) and len(files) and all(isinstance(f, str | Path) for f in files):
        return from_files(files)
    if array is None or array.ndim not in (3, 4) or array.dtype != np.uint8 or not array.size:
        described = type(given).__name__ if array is None else f"{array.shape} of {array.dtype}"
        raise DataError(
            f"pictures must be (n, h, w) or (n, h, w, channels) of uint8, or a list of files, but are {described}."
        )
    pixels = array[..., None] if array.ndim == 3 else array
    if pixels.shape[3] not in (1, 3):
        raise DataError(f"pictures are {array.shape}; the last axis must be channels, 1 or 3.")
    images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
    return from_part(Pictures(images, torch.zeros(len(images), dtype=torch.int64)), "picture")
