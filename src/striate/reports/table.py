"""The layer table: one row a layer of the analysis, with its share of all parameters."""

from __future__ import annotations

from dataclasses import dataclass

from striate.analysis.result import Analysis
from striate.reports.words import by, count


@dataclass(frozen=True)
class Row:
    """One line; `learns` is False for layers without parameters, `share` in percent."""

    number: int
    name: str
    kind: str
    detail: str
    gives: str
    parameters: str
    share: float
    multiply_adds: str
    sees: str
    learns: bool


def rows(analysis: Analysis) -> tuple[Row, ...]:
    """Every layer in the order of the forward pass."""
    most = max((layer.parameters for layer in analysis.layers), default=0) or 1
    return tuple(
        Row(
            number=number,
            name=layer.name,
            kind=layer.kind,
            detail=layer.detail,
            gives=by(layer.output),
            parameters=count(layer.parameters) if layer.parameters else "–",
            share=round(100 * layer.parameters / most, 1),
            multiply_adds=count(layer.multiply_adds) if layer.multiply_adds else "–",
            sees=by(layer.receptive_field.size) if layer.receptive_field else "–",
            learns=layer.parameters > 0,
        )
        for number, layer in enumerate(analysis.layers, 1)
    )
