"""The columns of a file of features, as they stand there: nothing in it is trusted, and nothing in it can run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from striate.data.files import open_regular, shown
from striate.errors import DataError, StriateError
from striate.features.extras import optional

TEXTS = ("file", "label", "split")
WIDEST = 2**20  # features a row
MOST_VALUES = 2**31  # of a Parquet file, whose few bytes can stand for very many: 8 GB as float32
AGAIN = "Make it again."


@dataclass(frozen=True, eq=False)
class Columns:
    """What a file holds. `features`: (n, f) float32; `card`: what its JSON says, or None."""

    features: NDArray[np.float32]
    files: list[str]
    labels: list[str] | None
    splits: list[str] | None
    card: Any


def read_parquet(path: Path) -> Columns:
    """The columns of a Parquet file. Raises `DataError`, and `ConfigError` where pyarrow is not installed."""
    where = shown(path)
    parquet = optional("pyarrow.parquet", "parquet")
    try:
        with open_regular(path) as file:
            opened = parquet.ParquetFile(file)
            if (values := opened.metadata.num_rows * opened.metadata.num_columns) > MOST_VALUES:
                raise DataError(f"{where}: holds {values:,} values, more than {MOST_VALUES:,}. Split it into several.")
            found = opened.read()
            metadata = (found.schema.metadata or {}).get(b"striate")
            texts = {name: found.column(name).to_pylist() for name in TEXTS if name in found.column_names}
            names = _feature_names([name for name in found.column_names if name not in TEXTS], where)
            columns = [found.column(name) for name in names]
            odd = next((n for n, c in zip(names, columns, strict=True) if not _is_number(str(c.type))), None)
            if odd is not None:
                raise DataError(f"{where}: column {odd} holds {found.column(odd).type}, not numbers. {AGAIN}")
            features = np.empty((found.num_rows, len(names)), np.float32)
            for i, column in enumerate(columns):
                features[:, i] = column.to_numpy()  # what is missing becomes NaN, which is refused with its row
    except StriateError:
        raise
    except Exception as error:  # pyarrow raises many kinds for a damaged file
        raise _damaged(where, error, "Parquet") from None
    return _columns(features, texts, None if metadata is None else metadata.decode(errors="replace"), where)


def read_npz(path: Path) -> Columns:
    """The arrays of an .npz file. Raises `DataError`."""
    where = shown(path)
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with open_regular(path) as file, ZipFile(file) as archive:
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
                if name not in ("features", "card", *TEXTS):
                    raise DataError(
                        f"{where}: holds an array '{name[:40]}'. A file of features has features (n, f), file, and "
                        "perhaps label, split and card."
                    )
                with archive.open(member) as stream:
                    version = npy.read_magic(stream)
                    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                    shape, _, dtype = read_header(stream)
                    if dtype.hasobject:
                        raise DataError(f"{where}: {name} holds Python objects, which could run code. {AGAIN}")
                    if (
                        prod(shape) * dtype.itemsize > member.file_size
                        or member.compress_size * 1032 < member.file_size
                    ):
                        raise DataError(f"{where}: {name} says {shape} of {dtype}, which is not there. {AGAIN}")
                with archive.open(member) as stream:
                    arrays[name] = npy.read_array(stream, allow_pickle=False)
    except StriateError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise many kinds for a damaged file
        raise _damaged(where, error, ".npz") from None
    for name in ("features", "file"):
        if name not in arrays:
            raise DataError(f"{where}: has no '{name}'. Is it a file of features?")
    features = arrays.pop("features")
    if features.ndim != 2 or features.dtype.kind not in "fiu":
        raise DataError(f"{where}: features are {features.shape} of {features.dtype}; they must be (n, f) numbers.")
    card = arrays.pop("card", np.array(""))
    for name, column in arrays.items():
        if column.ndim != 1 or column.dtype.kind != "U":
            raise DataError(f"{where}: '{name}' is {column.shape} of {column.dtype}; it must be a column of text.")
    texts = {name: column.tolist() for name, column in arrays.items()}
    return _columns(features.astype(np.float32), texts, str(card) or None, where)


def _feature_names(others: list[str], where: str) -> list[str]:
    """f0, f1, ... if that is what `others` are, in any order."""
    if strange := next((name for name in others if not re.fullmatch(r"f(0|[1-9][0-9]{0,6})", name)), None):
        raise DataError(
            f"{where}: column '{strange[:40]}' is unknown. A file of features has file, label, split, f0, f1, ..."
        )
    names = [f"f{i}" for i in range(len(others))]
    if not names or len(names) > WIDEST:
        raise DataError(f"{where}: has {len(names)} columns f0, f1, ...; it must have 1 to {WIDEST:,}.")
    there = set(others)
    if missing := next((name for name in names if name not in there), None):
        raise DataError(f"{where}: column {missing} is missing. {AGAIN}")
    return names


def _columns(features: NDArray[np.float32], texts: dict[str, list[str]], card: str | None, where: str) -> Columns:
    if "file" not in texts:
        raise DataError(f"{where}: column 'file' is missing. Is it a file of features?")
    try:
        read = None if card is None else json.loads(card)
    except (ValueError, RecursionError):
        raise DataError(f"{where}: its card is not JSON. {AGAIN}") from None
    return Columns(features, texts["file"], texts.get("label"), texts.get("split"), read)


def _is_number(kind: str) -> bool:
    return kind in ("float", "double", "halffloat") or kind.removeprefix("u").startswith("int")


def _damaged(where: str, error: Exception, kind: str) -> DataError:
    said = (str(error).splitlines() or [""])[0] or type(error).__name__
    return DataError(f"{where}: is not a sound {kind} file, or is cut off ({said[:120]}). {AGAIN}")
