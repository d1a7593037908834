"""The leaderboard: every network of the zoo with what it costs and how well it was published to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import ConfigError
from striate.settings import setting

if TYPE_CHECKING:
    from striate.analysis.grid import Grid
    from striate.zoo.facts import Facts

IMAGENET = 1000  # classes; accuracies on other data sets are not comparable with those on this one
SORTS = ("name", "year", "parameters", "multiply_adds", "top1")


@dataclass(frozen=True)
class ZooSettings:
    """Which networks to list, in which order."""

    sort: str = setting("top1", meaning="the column to order by; accuracy best first", choices=SORTS)
    filter: str | None = setting(None, meaning="only networks with these words in their name, paper or year")
    plot: Path | None = setting(None, meaning="draw accuracy against multiply-adds and parameters into this SVG file")


@dataclass(frozen=True)
class Ranked:
    """One line of the leaderboard."""

    name: str
    facts: Facts
    weights: tuple[str, ...]

    @property
    def on_imagenet(self) -> bool:
        """Whether it is a network for the thousand classes of ImageNet, and its accuracy one on these."""
        return self.facts.classes == IMAGENET

    def as_json(self) -> dict[str, Any]:
        facts = self.facts
        counts = {"parameters": facts.parameters, "multiply_adds": facts.multiply_adds}
        accuracy = {"top1": facts.top1, "top5": facts.top5}
        known = {"name": self.name, "paper": facts.paper, "year": facts.year, "image": list(facts.image)}
        return {**known, **counts, **accuracy, "weights": list(self.weights)}


ORDERS: dict[str, Callable[[Ranked], Any]] = {  # ImageNet's accuracies first, then the others, then those without
    "name": lambda line: line.name,
    "year": lambda line: (line.facts.year, line.name),
    "parameters": lambda line: (line.facts.parameters, line.name),
    "multiply_adds": lambda line: (line.facts.multiply_adds, line.name),
    "top1": lambda line: (line.facts.top1 is None, not line.on_imagenet, -(line.facts.top1 or 0), line.name),
}


def zoo(sort: str = "top1", filter: str | None = None) -> list[Ranked]:
    """The networks of the zoo in the order of `sort` (one of `SORTS`), only those that `filter` is found in.

    Every word of `filter` must be in the name, the title of the paper or the year.
    """
    from striate.registry import plain
    from striate.weights.catalogue import weights_of
    from striate.zoo import networks

    if sort not in ORDERS:
        raise ConfigError(f"zoo: sort is {sort!r}; it must be one of {', '.join(SORTS)}.")
    lines = [Ranked(name, build.facts, tuple(weights_of(name))) for name, build in networks.items()]
    for word in (filter or "").split():
        lines = [line for line in lines if plain(word) in plain(f"{line.name} {line.facts.paper} {line.facts.year}")]
    return sorted(lines, key=ORDERS[sort])


def leaderboard(lines: Sequence[Ranked]) -> Grid:
    """The table that `striate zoo` prints."""
    from striate.analysis.grid import Grid

    head = ("network", "year", "image", "parameters", "multiply-adds", "top-1", "top-5", "weights", "on")
    rows = []
    for line in lines:
        facts = line.facts
        rows.append(
            (
                line.name,
                str(facts.year),
                "x".join(map(str, facts.image)),
                f"{facts.parameters:,}",
                f"{facts.multiply_adds:,}",
                _percent(facts.top1),
                _percent(facts.top5),
                ", ".join(line.weights),
                "" if facts.top1 is None else "ImageNet" if line.on_imagenet else _data_set(facts.source),
            )
        )
    return Grid(head, tuple(rows))


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _data_set(source: str) -> str:
    """The data set that the source of an accuracy names."""
    return next((name for name in ("CIFAR-10", "MNIST") if name in source), "")
