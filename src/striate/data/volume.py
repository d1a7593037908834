"""Volumes: numbers along one to four axes in `.npy` files of numpy, with nothing pickled."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from striate.data.files import file_bytes, shown, write_atomically
from striate.errors import DataError

MOST_BYTES = 4 * 2**30


def open_volume(path: Path) -> Tensor:
    """The numbers in an .npy file: float32 and float64 as they are, others as float64. Raises `DataError`."""
    contents, name = file_bytes(path, most=MOST_BYTES), shown(path)
    try:
        found = np.load(BytesIO(contents), allow_pickle=False)
    except Exception as error:  # numpy raises many kinds for a damaged or hostile file
        said = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise DataError(f"{name}: is not a sound .npy file of numbers ({said}). Save it with numpy.save.") from None
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "biuf":
        kind = getattr(found, "dtype", "several arrays")
        raise DataError(f"{name}: holds {kind}, not real numbers. Save one array of numbers with numpy.save.")
    if not 1 <= found.ndim <= 4 or found.size == 0:
        raise DataError(f"{name}: has the shape {found.shape}; it needs one to four axes, none of them empty.")
    kept = found.dtype in (np.float32, np.float64)
    numbers = torch.from_numpy(np.ascontiguousarray(found, np.dtype(found.dtype.type) if kept else np.float64))
    if not numbers.isfinite().all():
        raise DataError(f"{name}: has numbers that are not finite. Replace them, as numpy.nan_to_num does.")
    return numbers


def write_volume(path: Path, numbers: Tensor) -> None:
    """Write `numbers` as an .npy file. Raises `DataError`."""
    file = BytesIO()
    np.save(file, numbers.numpy(), allow_pickle=False)
    write_atomically(path, file.getbuffer())
