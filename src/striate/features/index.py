"""An index to search pictures by what a network sees in them: cosine similarity of features.

Up to 100,000 pictures every one is compared, in blocks of one matrix product. Above, usearch, where it is installed,
finds candidates in a graph, and they are compared exactly; what it misses is the price. usearch trusts what it reads:
made-up bytes can do anything. So a graph has the mark of the user who made it, and is not read by others.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from striate.data.files import shown
from striate.data.known import cache_folder
from striate.errors import ConfigError, DataError, WeightsError
from striate.features.card import Card
from striate.features.extras import optional
from striate.features.table import table
from striate.weights.files import load_tensors, save_tensors

NAME = "index.safetensors"  # in a folder
EXACT = 100_000  # pictures; more are searched by a graph
CELLS = 2**24  # similarities in memory at once
CANDIDATES = 4  # times as many as are asked for are compared exactly
KEY = 32  # bytes


@dataclass(frozen=True, eq=False)
class Index:
    """`features`: (n, f) float32 of length 1, one row for each of `files`. `graph`: usearch's, as bytes, or None."""

    features: Tensor
    files: tuple[str, ...]
    labels: tuple[str, ...] | None
    card: Card
    graph: Tensor | None = None

    def __len__(self) -> int:
        return len(self.files)

    @cached_property
    def searchable(self) -> Any:
        """usearch's graph, ready; None where there is none, usearch is not installed, or it is not of this index."""
        if self.graph is None:
            return None
        try:
            found = optional("usearch.index", "search").Index.restore(self.graph.numpy().tobytes())
        except (ConfigError, RuntimeError, ValueError):
            return None
        fits = found is not None and found.ndim == self.features.shape[1] and len(found) == len(self)
        return found if fits else None


def build(
    features: Tensor,
    files: Sequence[str],
    card: Card,
    *,
    labels: Sequence[str] | None = None,
) -> Index:
    """The index of `features` (n, f). Raises `DataError`."""
    checked = table(features, files, labels=labels, card=card, where="index")
    unit = normalize(checked.features, dim=1)
    graph = None
    if len(unit) > EXACT:
        try:
            graph = torch.frombuffer(bytearray(_graph(unit).save()), dtype=torch.uint8)
        except ConfigError:  # without usearch the search is slower, and finds all
            graph = None
    return Index(unit, checked.files, checked.labels, card, graph)


def save_index(path: Path, index: Index) -> None:
    """Write an index atomically into one file, or as one into a folder that is there. Raises `DataError`."""
    texts = {"files": index.files, "labels": index.labels}
    tensors = {
        name: torch.frombuffer(bytearray(json.dumps(t).encode()), dtype=torch.uint8) for name, t in texts.items() if t
    }
    tensors["features"] = index.features
    described: dict[str, Any] = {"index": index.card.as_json()}
    if index.graph is not None:
        tensors["graph"] = index.graph
        described["mark"] = _mark(index.graph)
    file = _file(path)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(file, tensors, described)
    except OSError as error:
        raise DataError(f"{shown(file)}: cannot be written ({error.strerror}).") from None


def load_index(path: Path) -> Index:
    """The index in `path`, a file or a folder, verified. Raises `DataError`."""
    file = _file(path)
    where = shown(path)
    if not file.is_file():
        raise DataError(f"{where}: there is no index. Make one with striate index.")
    try:
        tensors, written = load_tensors(file)
    except WeightsError as error:
        raise DataError(str(error)) from None
    if "index" not in written:
        raise DataError(f"{where}: is not an index. Make one with striate index.")
    card = Card.from_json(written["index"], where)
    try:
        files, labels = (_texts(tensors[name]) if name in tensors else None for name in ("files", "labels"))
        checked = table(tensors["features"], files or [], labels=labels, card=card, where=where)
        graph = tensors.get("graph")
        mark = None if graph is None else _mark(graph)
        if mark is None or mark != written.get("mark"):
            graph = None
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{where}: the index is damaged ({error}). Make it again.") from None
    return Index(checked.features, checked.files, checked.labels, card, graph)


def search(index: Index, queries: Tensor, k: int = 10) -> tuple[Tensor, Tensor]:
    """(similarities, positions), (m, k) each, of the entries most like `queries` (m, f), the most similar first.

    Similarities are cosines, -1..1; equal ones stand in the order of the index. Fewer than `k` where there are fewer
    entries. Raises `DataError`.
    """
    if k < 1:
        raise DataError(f"k is {k}; ask for at least 1 result.")
    features = index.features.shape[1]
    if queries.ndim != 2 or queries.shape[1] != features:
        raise DataError(f"the index has {features} features a picture, but the queries are {tuple(queries.shape)}.")
    if not bool(torch.isfinite(queries).all()):
        raise DataError("the queries have features that are not numbers (NaN or infinite).")
    k = min(k, len(index))
    unit = normalize(queries.float(), dim=1)
    if not len(unit):
        return torch.empty(0, k), torch.empty(0, k, dtype=torch.long)
    if index.searchable is not None and (found := _by_graph(index, unit, k)) is not None:
        return found
    at_once = max(1, CELLS // len(index))
    parts = [_best(part @ index.features.T, k) for part in unit.split(at_once)]
    return torch.cat([values for values, _ in parts]), torch.cat([places for _, places in parts])


def _best(similarities: Tensor, k: int) -> tuple[Tensor, Tensor]:
    values, places = similarities.topk(k, dim=1)
    order = places.argsort(dim=1)
    values, places = values.gather(1, order), places.gather(1, order)
    order = values.argsort(dim=1, descending=True, stable=True)
    return values.gather(1, order), places.gather(1, order)


def _graph(unit: Tensor) -> Any:
    graph = optional("usearch.index", "search").Index(ndim=unit.shape[1], metric="ip", dtype="f16")
    graph.add(np.arange(len(unit), dtype=np.uint64), unit.numpy())
    return graph


def _by_graph(index: Index, unit: Tensor, k: int) -> tuple[Tensor, Tensor] | None:
    """As `search`; None where the graph gives too few."""
    wanted = min(len(index), CANDIDATES * k)
    values, places = [], []
    for query in unit:
        near = torch.from_numpy(index.searchable.search(query.numpy(), wanted).keys.astype(np.int64))
        near = near[near < len(index)].sort().values
        if len(near) < k:
            return None
        best, which = _best((index.features[near] @ query)[None], k)
        values.append(best[0])
        places.append(near[which[0]])
    return torch.stack(values), torch.stack(places)


def _mark(graph: Tensor) -> str | None:
    """What only this user can write beside `graph`; None where the cache folder holds no key, and takes none."""
    path = cache_folder() / "graphs.key"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)
            path.write_bytes(secrets.token_bytes(KEY))
        key = path.read_bytes()
    except OSError:
        return None
    return hmac.new(key, graph.numpy().reshape(-1).data, "sha256").hexdigest() if len(key) == KEY else None


def _texts(tensor: Tensor) -> list[str]:
    found = json.loads(tensor.numpy().tobytes())
    if not isinstance(found, list):
        raise ValueError("a column of text is no list")
    return found


def _file(path: Path) -> Path:
    return path / NAME if path.is_dir() else path
