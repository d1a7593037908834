"""An analysis for people and machines: a table on a terminal or in a notebook, and the same numbers as JSON."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from striate.analysis.grid import as_bytes, grouped

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

    from striate.analysis.result import Analysis, Layer, Shape, View

HEAD = ("layer", "kind", "", "output", "parameters", "multiply-adds", "sees", "every")
NUMBERS = {"output", "parameters", "multiply-adds", "sees", "every"}  # columns that are read from the right

LONG = 150  # layers


def times(shape: Shape) -> str:
    """(3, 32, 32) as lectures print it: 3×32×32.

    >>> times((3, 32, 32))
    '3×32×32'
    """
    return "×".join(map(grouped, shape))


def cells(layer: Layer) -> tuple[str, ...]:
    """One line of the table, below `HEAD`; "?" is the output of a layer that was not reached."""
    view = layer.receptive_field
    return (
        layer.name,
        layer.kind,
        layer.detail,
        times(layer.output) if layer.output else "?",
        grouped(layer.parameters) if layer.parameters else "",
        grouped(layer.multiply_adds) if layer.multiply_adds else "",
        times(_alike(view.size)) if view else "",
        "×".join(f"{step:g}" for step in _alike(view.stride)) if view and any(view.stride) else "",
    )


def _alike(numbers: tuple[Any, ...]) -> tuple[Any, ...]:
    """One number for all axes where they are equal."""
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def summary(analysis: Analysis) -> list[str]:
    """What holds for the whole network, in a few sentences."""
    fixed = analysis.parameters - analysis.trainable
    lines = [
        f"{grouped(analysis.parameters)} parameters ({as_bytes(analysis.weight_bytes)})"
        + (f", {grouped(fixed)} of them fixed" if fixed else ""),
        f"{grouped(analysis.multiply_adds)} multiply-adds ({grouped(analysis.flops)} FLOPs) for one picture "
        f"of {times(analysis.image)}",
        f"{'one picture' if analysis.batch == 1 else f'a batch of {grouped(analysis.batch)}'} needs "
        f"{as_bytes(analysis.inference_bytes)} for an answer, {as_bytes(analysis.training_bytes)} for a training step",
    ]
    return [*lines, _seen(analysis.receptive_field)] if analysis.receptive_field else lines


def _seen(view: View) -> str:
    start = ", ".join(f"{place:g}" for place in view.start)
    step = "×".join(f"{step:g}" for step in _alike(view.stride))
    return f"a unit of the last map sees {times(view.size)} pixels, one every {step}; the first is centred on {start}"


def remarks(analysis: Analysis) -> list[str]:
    """What does not fit, by layer, and what could not be followed. The same remark for many layers is made once."""
    made: dict[str, list[str]] = {}
    for layer in analysis.layers:
        if layer.fits:
            made.setdefault(layer.fits, []).append(layer.name)
    said = [f"{names[0]}{f' and {len(names) - 1} more' * (len(names) > 1)}: {fits}." for fits, names in made.items()]
    return [*said, *analysis.notes]


def as_text(analysis: Analysis) -> str:
    """The table in plain lines, for where there is no terminal."""
    rows = [HEAD, *map(cells, analysis.layers)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(_fill(*cell) for cell in zip(row, widths, HEAD, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *summary(analysis), *remarks(analysis)])


def _fill(cell: str, width: int, name: str) -> str:
    return cell.rjust(width) if name in NUMBERS else cell.ljust(width)


def as_rich(analysis: Analysis) -> Group | Text:
    """The table for a terminal; a long one in plain lines, which rich lays out ten times as fast."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    if len(analysis.layers) > LONG:
        return Text(as_text(analysis), no_wrap=True, overflow="ignore")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in HEAD:
        right = name in NUMBERS
        table.add_column(name, justify="right" if right else "left", no_wrap=right, style="" if name else "dim")
    for layer in analysis.layers:
        name, *others = cells(layer)
        table.add_row(Text(name, style="bold" if layer.parameters else ""), *map(Text, others))
    notes = [Text(line, style="yellow") for line in remarks(analysis)]
    return Group(table, *map(Text, summary(analysis)), *notes)


def as_html(analysis: Analysis) -> str:
    """The table for a notebook: plain HTML without scripts."""
    align = [f' style="text-align:{"right" if name in NUMBERS else "left"}"' for name in HEAD]
    head = "".join(f"<th{style}>{name}</th>" for name, style in zip(HEAD, align, strict=True))
    rows = (
        "".join(f"<td{style}>{escape(cell)}</td>" for cell, style in zip(cells(layer), align, strict=True))
        for layer in analysis.layers
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    lines = "".join(f"<p>{escape(line)}</p>" for line in [*summary(analysis), *remarks(analysis)])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{lines}"


def as_json(analysis: Analysis) -> dict[str, Any]:
    """All numbers. `fits` of a layer: true, or the sentence about what is never seen."""
    view = analysis.receptive_field
    return {
        "image": list(analysis.image),
        "batch": analysis.batch,
        "parameters": analysis.parameters,
        "trainable": analysis.trainable,
        "multiply_adds": analysis.multiply_adds,
        "multiplications": analysis.multiplications,
        "additions": analysis.additions,
        "flops": analysis.flops,
        "activation_bytes": analysis.activation_bytes,
        "weight_bytes": analysis.weight_bytes,
        "inference_bytes": analysis.inference_bytes,
        "training_bytes": analysis.training_bytes,
        "receptive_field": view.as_json() if view else None,
        "layers": [_layer(layer) for layer in analysis.layers],
        "notes": list(analysis.notes),
    }


def _layer(layer: Layer) -> dict[str, Any]:
    view = layer.receptive_field
    return {
        "name": layer.name,
        "kind": layer.kind,
        "detail": layer.detail,
        "inputs": list(layer.inputs),
        "output": list(layer.output),
        "parameters": layer.parameters,
        "weights": layer.weights,
        "biases": layer.biases,
        "trainable": layer.trainable,
        "multiply_adds": layer.multiply_adds,
        "multiplications": layer.multiplications,
        "additions": layer.additions,
        "flops": layer.flops,
        "activation_bytes": layer.activation_bytes,
        "receptive_field": view.as_json() if view else None,
        "fits": layer.fits or True,
    }
