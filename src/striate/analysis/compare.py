"""Networks side by side: what each costs and sees, and how much that is of the first one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any

from striate.analysis.grid import Grid, as_bytes, as_times, grouped
from striate.analysis.result import Analysis
from striate.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Quantity:
    """One line of a comparison: a number of every network, and the same in words. None where it is not known."""

    key: str  # as in JSON
    name: str  # as people read it
    values: tuple[int | float | None, ...]
    words: tuple[str, ...]

    @property
    def ratios(self) -> tuple[float | None, ...]:
        """Each value as a multiple of the first; None where one of the two is not known or the first is 0."""
        first = self.values[0]
        return tuple(float(Fraction(v) / Fraction(first)) if first and v is not None else None for v in self.values)


@dataclass(frozen=True)
class Comparison:
    """Networks by the names they were given, and the lines in which they are compared."""

    names: tuple[str, ...]
    analyses: tuple[Analysis, ...]
    quantities: tuple[Quantity, ...]

    def grid(self) -> Grid:
        """The table, with a column of ratios for each network but the first."""
        head = ["", self.names[0]]
        for name in self.names[1:]:
            head += [name, ""]
        rows = []
        for quantity in self.quantities:
            row = [quantity.name, quantity.words[0]]
            for words, ratio in zip(quantity.words[1:], quantity.ratios[1:], strict=True):
                row += [words, as_times(ratio)]
            rows.append(tuple(row))
        return Grid(tuple(head), tuple(rows))

    def text(self) -> str:
        """The table in plain lines."""
        return self.grid().text()

    __str__ = text

    def table(self) -> Table:
        """The table for a terminal, by rich."""
        return self.grid().table()

    def as_json(self) -> dict[str, Any]:
        """Numbers only: `networks` by name, and `ratios` of each to the first."""
        networks: dict[str, dict[str, Any]] = {}
        ratios: dict[str, dict[str, float | None]] = {}
        for i, (name, analysis) in enumerate(zip(self.names, self.analyses, strict=True)):
            view = analysis.receptive_field
            numbers = {quantity.key: quantity.values[i] for quantity in self.quantities}
            seen = {"receptive_field": view.as_json() if view else None}
            networks[name] = {"image": list(analysis.image), "batch": analysis.batch, **numbers, **seen}
            ratios[name] = {quantity.key: quantity.ratios[i] for quantity in self.quantities}
        return {"networks": networks, "ratios": ratios}


def compare(analyses: Mapping[str, Analysis]) -> Comparison:
    """The networks side by side; ratios are to the first. Bytes are for the batch that each was analysed with."""
    if not analyses:
        raise ConfigError("there is nothing to compare: name one network or more.")
    batches = {name: analysis.batch for name, analysis in analyses.items()}
    if len(set(batches.values())) > 1:
        said = ", ".join(f"{name} {batch}" for name, batch in batches.items())
        raise ConfigError(
            f"the networks were analysed with batches of different sizes ({said}). Give all the same batch."
        )
    every = tuple(analyses.values())
    batch = f", batch {every[0].batch}"

    def line(key: str, name: str, of: Callable[[Analysis], int], words: Callable[[int], str] = grouped) -> Quantity:
        values = tuple(map(of, every))
        return Quantity(key, name, values, tuple(map(words, values)))

    return Comparison(
        tuple(analyses),
        every,
        (
            Quantity(
                "image_values", "picture", tuple(prod(a.image) for a in every), tuple(_times(a.image) for a in every)
            ),
            line("layers", "layers", lambda a: len(a.layers)),
            line("learning_layers", "layers that learn", lambda a: sum(layer.parameters > 0 for layer in a.layers)),
            line("parameters", "parameters", lambda a: a.parameters),
            line("trainable", "trainable", lambda a: a.trainable),
            line("multiply_adds", "multiply-adds", lambda a: a.multiply_adds),
            line("flops", "FLOPs", lambda a: a.flops),
            line("weight_bytes", "weights", lambda a: a.weight_bytes, as_bytes),
            line("activation_bytes", f"activations{batch}", lambda a: a.activation_bytes, as_bytes),
            line("inference_bytes", f"inference{batch}", lambda a: a.inference_bytes, as_bytes),
            line("training_bytes", f"a training step{batch}", lambda a: a.training_bytes, as_bytes),
            _receptive_field(every),
        ),
    )


def _receptive_field(analyses: tuple[Analysis, ...]) -> Quantity:
    """How many pixels one unit of the output sees, and how many along each axis."""
    sizes = [analysis.receptive_field.size if analysis.receptive_field else None for analysis in analyses]
    values = tuple(prod(size) if size else None for size in sizes)
    return Quantity("pixels_seen", "sees", values, tuple(_times(size) if size else "–" for size in sizes))


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
