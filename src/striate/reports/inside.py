"""What every layer makes of one picture: sheets of maps, grouped by the places where the maps become smaller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from striate.analysis.result import Layer
from striate.explain.activations import activations
from striate.misfit import CONVOLUTIONS
from striate.reports.followed import Followed, chains, evenly, places, staged, together
from striate.reports.pictures import Picture, shrunk, signed, strength
from striate.reports.sentences import sentence, title
from striate.reports.words import by, count

LAYERS = 24
TICK = 3  # letters of a class name that fit under a square
SILENT = (nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


@dataclass(frozen=True)
class Sheet:
    """One layer: its words, and its maps or, for a vector, one `strip` of values."""

    title: str
    name: str
    shape: str
    words: str
    facts: str
    maps: tuple[Picture, ...]
    strip: Picture | None
    ticks: tuple[str, ...] = ()  # what the squares of the strip stand for


@dataclass(frozen=True)
class Stage:
    """Layers whose maps have about the same size."""

    title: str
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True)
class Inside:
    """All stages. `many`: some layer has more maps than shown; `note`: says which layers were left out, or is empty."""

    stages: tuple[Stage, ...]
    many: bool
    note: str


def inside(net: nn.Module, image: Tensor, layers: Sequence[Layer], classes: Sequence[str]) -> Inside:
    """The sheets of one `image` (1, c, h, w), prepared as the network takes it. `layers`: rows of its analysis."""
    heard = [a for a in activations(net, image) if not isinstance(a.layer, SILENT) and a.output.numel()]
    seen = chains(together(heard))
    kept = evenly(seen, LAYERS)
    rows: dict[str, Layer] = {}
    for row in layers:
        rows.setdefault(row.name, row)
    first = next((f for f in seen if isinstance(f.layer, CONVOLUTIONS)), None)
    ticks = tuple(classes) if len(classes) <= 20 and max(map(len, classes)) <= TICK else ()
    stages = []
    for group in staged(kept):
        sheets = [_sheet(f, rows.get(f.members[0].name), f is first, f is seen[-1], ticks) for f in group]
        stages.append(Stage(_stage_title(group), tuple(sheets)))
    note = f"{len(kept)} of {count(len(seen))} layers are shown, evenly chosen." if len(kept) < len(seen) else ""
    return Inside(tuple(stages), any(len(f.shown) < len(f.output) for f in kept if places(f)), note)


def _stage_title(group: list[Followed]) -> str:
    if not places(group[0]):
        return "Weighing the evidence"
    sizes = [tuple(f.output.shape[1:]) for f in group]
    return f"Maps of {by(sizes[0])}" + (f", then {by(sizes[-1])}" if sizes[-1] != sizes[0] else "")


def _sheet(seen: Followed, row: Layer | None, first: bool, last: bool, classes: tuple[str, ...]) -> Sheet:
    kind, values = title(seen.layer), seen.output
    parameters = sum(p.numel() for m in seen.members for p in m.layer.parameters())
    facts = [f"{count(parameters)} parameters" if parameters else "nothing to learn"]
    words = sentence(seen.members[0], first=first, last=last)
    if len(seen.members) > 1:
        words = f"{len(seen.members)} such layers side by side, each with what it needs of what comes in."
    if not places(seen):
        vector = values.flatten()
        shape = f"{count(len(vector))} value{'s' if len(vector) > 1 else ''}"
        ticks = classes if last and len(vector) == len(classes) else ()
        return Sheet(kind, seen.name, shape, words, facts[0], (), _strip(vector, f"{shape} of {kind}"), ticks)
    if row and row.receptive_field:
        facts.append(f"sees {by(row.receptive_field.size)} pixels")
    shape = f"{count(len(values))} map{'s' if len(values) > 1 else ''} of {by(tuple(values.shape[1:]))}"
    return Sheet(kind, seen.name, shape, words, " · ".join(facts), _maps(seen, kind), None)


def _maps(seen: Followed, words: str) -> tuple[Picture, ...]:
    """The shown maps, all in the colours of one scale."""
    planes = [shrunk(_plane(seen.output[k])) for k in seen.shown]
    draw = signed if float(seen.output.min()) < 0 else strength
    top = max(float(plane.abs().max()) for plane in planes)
    return tuple(draw(p, f"{words}, map {k + 1}", top=top) for k, p in zip(seen.shown, planes, strict=True))


def _plane(values: Tensor) -> Tensor:
    """One map of 1, 2 or 3 axes as (height, width): of a volume its middle slice."""
    if values.ndim == 1:
        return values[None]
    return values if values.ndim == 2 else values[len(values) // 2]


def _strip(values: Tensor, words: str) -> Picture:
    """A vector of any length as rows of squares, all rows full where a divisor allows it."""
    number = len(values)
    columns = number if number <= 40 else next((w for w in range(42, 23, -1) if number % w == 0), 40)
    columns = columns if number <= 640 else 64
    rows = -(-number // columns)
    sheet = values.new_zeros(rows * columns)
    sheet[:number] = values
    if float(values.max()) < 0:  # nothing to tell apart by sign: full colour is the largest
        return strength(sheet.reshape(rows, columns) - values.min(), words)
    draw = signed if float(values.min()) < 0 else strength
    return draw(sheet.reshape(rows, columns), words)
