"""Layers side by side, as in every Inception module: each branch sees the same input."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from striate.errors import ShapeError
from striate.misfit import times
from striate.rows import Row, Shape, output_shape, remember, stack


class Branches(nn.Module):
    """Every branch sees the same input; what they give is joined along the channels, in the order written.

    A branch is a row, named by its key in the state dict. Where a checkpoint names the layers of one branch side by
    side ("branch5x5_1", "branch5x5_2"), that branch is a mapping of such names to rows, run one after the other.
    Raises `ShapeError` where the branches give different heights or widths.

    >>> from striate.rows import conv
    >>> output_shape(Branches((8, 14, 14), one=conv(4, 1), three=conv(6, 3, padding=1)), (8, 14, 14))
    (10, 14, 14)
    """

    def __init__(self, shape: Shape, *chains: Mapping[str, Row], **rows: Row):
        super().__init__()
        built = [stack(shape, **chain) for chain in (*chains, *({name: row} for name, row in rows.items()))]
        given = [output_shape(branch, shape) for branch in built]
        if len({size[1:] for size in given}) > 1:
            raise ShapeError(
                f"its branches give {', '.join(times(size) for size in given)}, which cannot be joined along the "
                "channels. Give them the same stride, and each kernel the padding that keeps its size.",
                given=shape,
                formula=" ≠ ".join(dict.fromkeys(times(size[1:]) or "1 axis" for size in given)),
                parts=tuple(given),
            )
        self.maps = sum(size[0] for size in given)
        self.order = [[name for name, _ in branch.named_children()] for branch in built]
        for branch in built:
            for name, layer in branch.named_children():
                self.add_module(name, layer)
        if type(self) is Branches:  # a kind of it may join its branches otherwise
            remember(self, shape, (self.maps, *given[0][1:]))

    def outputs(self, x: Tensor) -> list[Tensor]:
        """What each branch gives."""
        return [self._run(names, x) for names in self.order]

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(self.outputs(x), 1)

    def _run(self, names: list[str], x: Tensor) -> Tensor:
        for name in names:
            x = getattr(self, name)(x)
        return x


class branches:
    """The row of `Branches`."""

    def __init__(self, *chains: Mapping[str, Row], **rows: Row):
        self.chains, self.rows = chains, rows

    def __repr__(self) -> str:
        names = [name for chain in self.chains for name in chain] + list(self.rows)
        return f"branches({', '.join(names)})"

    def __call__(self, shape: Shape) -> Branches:
        return Branches(shape, *self.chains, **self.rows)


class chain:
    """The row of several rows in turn, named "0", "1", ... or as they are given."""

    def __init__(self, *rows: Row, **named_rows: Row):
        self.rows: dict[str, Row] = {**{str(i): row for i, row in enumerate(rows)}, **named_rows}

    def __repr__(self) -> str:
        return f"chain({', '.join(map(repr, self.rows.values()))})"

    def __call__(self, shape: Shape) -> nn.Sequential:
        return stack(shape, **self.rows)
