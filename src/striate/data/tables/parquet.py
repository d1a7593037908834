"""Parquet, by pyarrow of the extra `parquet`. Rows are counted as in a CSV of the same table: the first is row 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from striate.data.files import open_regular, shown
from striate.errors import ConfigError, DataError

AT_ONCE = 8_192  # rows


def columns(path: Path) -> tuple[str, ...]:
    """The names of the columns. Raises `DataError`; `ConfigError` without pyarrow."""
    with _opened(path) as file:
        return tuple(file.schema_arrow.names)


def records(path: Path, wanted: Sequence[str], notes: list[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each row's number and its values in the columns `wanted` as text; "" for null. Raises `DataError`."""
    with _opened(path) as file:
        for name in wanted:
            _check(path, name, file.schema_arrow)
        row = 1
        for batch in file.iter_batches(AT_ONCE, columns=list(wanted), use_threads=False):
            for values in zip(*(batch.column(name).to_pylist() for name in wanted), strict=True):
                row += 1
                yield row, tuple("" if value is None or value != value else str(value).strip() for value in values)


def _check(path: Path, name: str, schema: Any) -> None:
    import pyarrow as pa

    fields = schema.get_all_field_indices(name)
    if len(fields) > 1:
        raise DataError(f"{shown(path)}: {len(fields)} columns are called '{name}'. Give each its own name.")
    kind = schema.field(fields[0]).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = ("string", "large_string", "string_view", "integer", "floating", "boolean", "null")
    if not any(getattr(pa.types, f"is_{test}")(kind) for test in tests):
        raise DataError(
            f"{shown(path)}: column {name} holds {kind!s:.60}, not texts or numbers. Give paths and names of classes; "
            "pictures inside a table are not read."
        )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ConfigError(
            f"{shown(path)}: Parquet is read by pyarrow, which is not installed. Run: pip install 'striate[parquet]'"
        ) from None
    with open_regular(path) as plain:
        try:
            with pq.ParquetFile(plain, memory_map=False) as file:
                yield file
        except (pa.ArrowException, OSError, MemoryError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"{shown(path)}: is not a sound Parquet file ({said:.120}). Write it again.") from None
