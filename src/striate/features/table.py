"""A table of features, one row a picture, as a .parquet or .npz file.

Columns: file; label and split where they are known; f0, f1, ... float32. A card says where the features come from: in
Parquet under the key "striate" of the schema's metadata, in .npz as the text `card`. There the features are one array
`features` (n, f), and no array holds objects.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from torch import Tensor

from striate.data.files import as_text, shown, write_atomically
from striate.errors import ConfigError, DataError
from striate.features.card import Card
from striate.features.extras import optional
from striate.features.table_files import Columns, read_npz, read_parquet

KINDS = (".parquet", ".npz")


@dataclass(frozen=True, eq=False)
class Table:
    """`features`: (n, f) float32. `files`, `labels`, `splits`: one a row. `card`: None in a file of somebody else's."""

    features: Tensor
    files: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    splits: tuple[str, ...] | None = None
    card: Card | None = None

    def __len__(self) -> int:
        return len(self.files)

    @property
    def classes(self) -> tuple[str, ...]:
        """The distinct labels, sorted; none where there are no labels."""
        return tuple(sorted(set(self.labels or ())))

    def numbers(self) -> Tensor:
        """(n,) int64, the place of each row's label among `classes`. Raises `DataError` where there are no labels."""
        if self.labels is None:
            raise DataError("the features have no column 'label'. Make them from a folder of folders, one a class.")
        place = {name: i for i, name in enumerate(self.classes)}
        return torch.tensor([place[label] for label in self.labels])


def table(
    features: Tensor,
    files: Sequence[str],
    *,
    labels: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    card: Card | None = None,
    where: str = "features",
) -> Table:
    """The table of these columns, checked. `where`: what an error calls it. Raises `DataError`."""
    if features.ndim != 2 or not features.numel():
        raise DataError(f"{where}: features are {tuple(features.shape)}; they must be (pictures, features), none 0.")
    for name, column in (("file", files), ("label", labels), ("split", splits)):
        if column is None:
            continue
        if len(column) != len(features):
            raise DataError(f"{where}: {len(features):,} rows of features, but {len(column):,} of '{name}'.")
        empty = next((i for i, text in enumerate(column) if not isinstance(text, str) or not text), None)
        if empty is not None:
            has = f"no {name}" if column[empty] in (None, "") else f"{name} {column[empty]!r:.40}, which is no text"
            raise DataError(f"{where}: row {empty} has {has}. Fill in text, or leave the column out.")
    wrong = (~torch.isfinite(features)).nonzero()
    if len(wrong):
        row, column_number = wrong[0].tolist()
        value = float(features[row, column_number])
        raise DataError(f"{where}: row {row} ({files[row]}) has f{column_number} = {value}. Make the features again.")
    return Table(
        features.detach().cpu().float(),
        tuple(files),
        None if labels is None else tuple(labels),
        None if splits is None else tuple(splits),
        card,
    )


def write_table(path: Path, content: Table) -> None:
    """Write a table atomically; the ending of `path` says how. Raises `ConfigError` and `DataError`."""
    kind = _kind(path)
    write_atomically(path, _parquet(content) if kind == ".parquet" else _npz(content))


def read_table(path: Path) -> Table:
    """The table in `path`, checked. Raises `DataError`, which names file, row and column, and `ConfigError`."""
    found: Columns = read_parquet(path) if _kind(path) == ".parquet" else read_npz(path)
    where = shown(path)
    card = None if found.card is None else Card.from_json(found.card, where)
    features = torch.from_numpy(found.features)
    return table(features, found.files, labels=found.labels, splits=found.splits, card=card, where=where)


def check_ending(path: Path) -> None:
    """Pass if a table can be written to `path`; else `ConfigError`, before the features are made."""
    if _kind(path) == ".parquet":
        optional("pyarrow.parquet", "parquet")


def _kind(path: Path) -> str:
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise ConfigError(
            f"{shown(path)}: features are kept as {' or '.join(KINDS)}. Give the file one of these endings."
        )
    return kind


def _texts(content: Table) -> dict[str, tuple[str, ...]]:
    columns = {"file": content.files, "label": content.labels, "split": content.splits}
    return {name: column for name, column in columns.items() if column is not None}


def _card(content: Table) -> str:
    return "" if content.card is None else json.dumps(content.card.as_json())


def _npz(content: Table) -> bytes:
    arrays: dict[str, Any] = {name: np.array(column, dtype=np.str_) for name, column in _texts(content).items()}
    arrays |= {"features": content.features.numpy(), "card": np.array(_card(content))}
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:  # numpy.savez has no place for an array called "file"
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return buffer.getvalue()


def _parquet(content: Table) -> bytes:
    arrow, parquet = optional("pyarrow", "parquet"), optional("pyarrow.parquet", "parquet")
    texts = {name: [as_text(text) for text in column] for name, column in _texts(content).items()}
    columns: dict[str, Any] = {name: arrow.array(column, arrow.string()) for name, column in texts.items()}
    columns |= {f"f{i}": np.ascontiguousarray(values) for i, values in enumerate(content.features.numpy().T)}
    made = arrow.table(columns)
    if content.card is not None:
        made = made.replace_schema_metadata({"striate": _card(content)})
    buffer = io.BytesIO()
    parquet.write_table(made, buffer, use_dictionary=list(texts), compression="zstd")
    return buffer.getvalue()
