"""What one unit of a layer sees of the image."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from striate.analysis import receptive_field
from striate.analysis.analyse import forward_pass
from striate.analysis.meta import on_meta
from striate.analysis.receptive_field import Interval, Span, hull
from striate.analysis.result import Shape
from striate.analysis.trace import Row
from striate.errors import ConfigError


@dataclass(frozen=True)
class UnitView:
    """`seen`: (first, last) pixel along each axis of the image, None where it sees padding only.

    `size`: pixels that a unit far from the border sees, which are more where `seen` ends at the border.
    """

    seen: tuple[Interval | None, ...]
    size: tuple[int, ...]


def unit_view(net: nn.Module, image: Shape, layer: str, places: Sequence[Sequence[int]]) -> list[UnitView]:
    """What the units at `places` (positions along each axis of the maps) of `layer` see, for images of shape `image`.

    A unit without a place, as of a fully connected layer, sees what all of its layer do. `ConfigError` where the pass
    through the network could not be followed so far.

    >>> unit_view(nn.Conv2d(1, 1, 3, stride=2, padding=1), (1, 8, 8), "", [(0, 3)])
    [UnitView(seen=((0, 1), (5, 7)), size=(3, 3))]
    """
    with on_meta(net) as twins, torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch warns of is said when the network really runs
        trace, notes = forward_pass(net, tuple(image), twins)
    row = _row(trace.rows, layer)
    if row is None or row.sight is None:
        why = f" ({notes[0]})" if notes else ""
        raise ConfigError(f"what layer '{layer}' sees of the picture is not known{why}. Name another layer.")
    sight, size = row.sight, receptive_field.view(row.sight).size
    return [UnitView(tuple(_seen(span, place, axis) for axis, span in enumerate(sight)), size) for place in places]


def _row(rows: Sequence[Row], layer: str) -> Row | None:
    """The last row of the layer, or of what is inside it."""
    own = [row for row in rows if not layer or row.name == layer or row.name.startswith((f"{layer}.", f"{layer}:"))]
    return own[-1] if own else None


def _seen(span: Span, place: Sequence[int], axis: int) -> Interval | None:
    if span.dim is None or span.inner != 1 or axis >= len(place) or not 0 <= place[axis] < span.length:
        return span.everywhere()
    return hull([span.fixed, span.real[place[axis]]])
