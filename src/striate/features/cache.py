"""Features that were computed once, kept in the cache folder until room is needed.

A file is named by what its features depend on but for the code of the network; one that is damaged is computed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from striate.data.known import cache_folder
from striate.errors import WeightsError
from striate.features.card import MAY_MISS, Card
from striate.weights.files import load_tensors, save_tensors

MOST_BYTES = 2 * 2**30
ENDING = ".safetensors"
A_DAY = 86_400  # seconds


def key(card: Card, pictures: str, variant: str = "") -> str:
    """What features depend on, as 64 hexadecimal digits. `pictures`: the fingerprint of their content, in their order.

    `variant`: what else was done to them, such as "mirrored".
    """
    parts = {key: value for key, value in card.as_json().items() if key not in ("network", *MAY_MISS)}
    text = json.dumps({**parts, "pictures": pictures, "variant": variant}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class FeatureCache:
    """Features on disk in `folder` (None: `features` in the cache folder), at most about `most_bytes` in all."""

    folder: Path | None = None
    most_bytes: int = MOST_BYTES

    @property
    def place(self) -> Path:
        return self.folder if self.folder is not None else cache_folder() / "features"

    def get(self, key: str) -> Tensor | None:
        """What is kept under `key`, or None. A damaged file is removed."""
        path = self.place / f"{key}{ENDING}"
        if not path.is_file():
            return None
        try:
            tensors, card = load_tensors(path)
            if card.get("features") != key or set(tensors) != {"features"}:
                raise WeightsError(f"{path}: holds other features.")
        except WeightsError:
            with suppress(OSError):  # in a folder that cannot be written it stays, and is never used
                path.unlink(missing_ok=True)
            return None
        with suppress(OSError):  # as above
            os.utime(path)  # what was used last is removed last
        return tensors["features"]

    def put(self, key: str, features: Tensor) -> bool:
        """Keep `features`, and remove what was unused the longest until all fit; False where they cannot be kept.

        A full disk or a folder that cannot be written is no error: they are computed again the next time.
        """
        size = features.numel() * features.element_size()
        if size > self.most_bytes or not bool(torch.isfinite(features).all()):
            return False
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            self._make_room(size)
            save_tensors(self.place / f"{key}{ENDING}", {"features": features}, {"features": key})
        except OSError:
            return False
        return True

    def _make_room(self, wanted: int) -> None:
        for path in self.place.glob(".*.tmp"):  # of a process that was killed while it wrote
            if time.time() - path.stat().st_mtime > A_DAY:
                path.unlink(missing_ok=True)
        files = [(path, path.stat()) for path in self.place.iterdir() if path.suffix == ENDING]
        total = wanted + sum(status.st_size for _, status in files)
        for path, status in sorted(files, key=lambda pair: pair[1].st_mtime_ns):
            if total <= self.most_bytes:
                break
            path.unlink(missing_ok=True)
            total -= status.st_size
