"""Changes for layers that are given features where they want maps, or maps along other axes than their own."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from torch import nn

from striate.misfit import CONVOLUTIONS, NORMS, POOLS, TRANSPOSED
from striate.repair.changes import Above, Change, Instead, Piece, change, unflatten
from striate.repair.channels import is_flattening, name_of
from striate.repair.layers import axes_in, by, takes
from striate.repair.mistake import Mistake

FAMILIES: tuple[tuple[Any, ...], ...] = (CONVOLUTIONS, TRANSPOSED, POOLS[:3], POOLS[3:], NORMS)


def other_axes(mistake: Mistake) -> Iterator[Change]:
    """A layer that works on maps is given features, or maps of other axes."""
    layer, given, path = mistake.layer, mistake.given, mistake.path
    if not given or "spatial ax" not in (mistake.formula or ""):
        return
    if len(given) == 1:
        flattening = next((step for step in reversed(mistake.trail) if is_flattening(step.layer)), None)
        if flattening is not None:
            yield change("flatten", f"Leave {name_of(flattening.path)} out", Instead(flattening.path, (), given))
        axes = mistake.axes
        known = next(
            (step.gives for step in reversed(mistake.trail) if step.gives and len(step.gives) == axes + 1), None
        )
        shapes = [shape for shape in (known,) if shape and prod(shape) == given[0]] + [(given[0], *(1,) * axes)]
        for shape in shapes:
            yield change("above", f"Make maps of {by(shape)} of the features", Above(path, (unflatten(shape),), given))
        return
    axes = axes_in(layer, given)
    if isinstance(layer, nn.Module) and (other := along_axes(layer, len(given) - 1)):
        yield change("axes", f"Make it {type(other).__name__}", Instead(path, (Piece(other, None),), given))
    if len(given) < axes + 1:
        missing = (1,) * (axes + 1 - len(given))
        spread = Piece(nn.Unflatten(2, (*missing, given[1])), None)
        yield change("above", f"Make {by((*missing, given[1]))} of each {given[1]}", Above(path, (spread,), given))
    else:
        merged = Piece(nn.Flatten(2, len(given) - axes + 1), None)
        yield change("above", "Join the first axes into one", Above(path, (merged,), given))


def along_axes(layer: nn.Module, axes: int) -> nn.Module | None:
    """The same kind of torch layer for so many axes; None where there is none, or its sizes differ along its axes."""
    family = next((kinds for kinds in FAMILIES if type(layer) in kinds), None)
    if family is None or not 1 <= axes <= 3:
        return None
    names = [name for name in takes(layer) if name != "self" and hasattr(layer, name) and name != "bias"]
    given = {name: getattr(layer, name) for name in names}
    if any(isinstance(size, tuple) and len(set(size)) > 1 for size in given.values()):
        return None
    plain = {name: size[0] if isinstance(size, tuple) else size for name, size in given.items()}
    made: nn.Module = family[axes - 1](**plain)
    return made
