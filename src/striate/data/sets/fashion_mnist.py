"""Fashion-MNIST: 70,000 pictures of articles of clothing, 28x28, grey on black.

Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms. Xiao, Rasul, Vollgraf, 2017.
arXiv:1708.07747. The authors' web site serves plain HTTP only, so their repository is asked first; the check by
SHA-256 is what makes either safe.
"""

from __future__ import annotations

from pathlib import Path

from striate.data.known import KnownFile, KnownSet
from striate.data.marks import SetFacts, named_set
from striate.data.records import DataSet
from striate.data.sources import debian, mirror

TABLE_2 = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

FOLDER = "/usr/share/datasets/fashion-mnist"  # of the Debian package

FASHION_MNIST = KnownSet(
    "fashion_mnist",
    TABLE_2,
    files=(
        KnownFile(
            "train-images-idx3-ubyte", 47_040_016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
        ),
        KnownFile(
            "train-labels-idx1-ubyte", 60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
        ),
        KnownFile(
            "t10k-images-idx3-ubyte", 7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
        ),
        KnownFile("t10k-labels-idx1-ubyte", 10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ),
    sources=(
        mirror("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"),
        mirror("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
        debian("dataset-fashion-mnist", FOLDER),
    ),
    installed=(Path(FOLDER),),
)


@named_set(
    SetFacts(
        source="Fashion-MNIST. Xiao, Rasul, Vollgraf, 2017, arXiv:1708.07747",
        licence="MIT",
        train=60_000,
        test=10_000,
        image=(1, 28, 28),
        classes=TABLE_2,
    )
)
def fashion_mnist(data_dir: Path | None = None) -> DataSet:
    """All of Fashion-MNIST: 60,000 pictures to train on and 10,000 to test with."""
    return FASHION_MNIST.read(data_dir)
