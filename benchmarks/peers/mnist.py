"""The four IDX files of MNIST as arrays, for every peer alike."""

import gzip
from pathlib import Path

import numpy as np


def pictures(folder, part):
    """(n, 28, 28) uint8 and (n,) uint8 of part "train" or "t10k"."""
    images = gzip.decompress((Path(folder) / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((Path(folder) / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    return np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28), np.frombuffer(labels, np.uint8, offset=8)
