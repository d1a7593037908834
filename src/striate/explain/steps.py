"""An operation on a small grid, one window at a time: what lies under the window, and the sum written out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from striate.explain.canvas import figure
from striate.explain.operations import Operation

MOST_DIVISOR = 1024  # of a kernel that is written as whole numbers over one divisor
MOST_TERMS = 100  # beyond these a sum is not written out


@dataclass(frozen=True)
class Cell:
    """One number under the window: where it lies, the number of the kernel upon it, and whether it is laid around."""

    row: int
    column: int
    value: float
    weight: float
    own: bool


class Steps:
    """`operation` on `grid` (h, w): as many steps as the result has numbers, row by row."""

    def __init__(self, operation: Operation, grid: Tensor):
        self.operation, self.grid = operation.of_rows(), grid.double()
        self.result = self.operation(self.grid)
        self.laid_out = self.operation.lay_out(self.grid)
        self.own = self.operation.lay_out(torch.ones_like(self.grid)) == 1  # of the picture, not laid around or between
        self.divisor = 1 if self.operation.pools else divisor_of(self.operation.kernel)
        self.weights = self.operation.laid * (self.divisor or 1)

    def __len__(self) -> int:
        return self.result.numel()

    def place(self, step: int) -> tuple[int, int]:
        """Row and column of the number that a step gives."""
        return divmod(step, self.result.shape[1])

    def window(self, step: int) -> list[Cell]:
        """What lies under the window at a step, in the order of the kernel."""
        (row, column), cells = self.place(step), []
        (down, right), (dilated, spread) = self.operation.moves, self.operation.dilation
        for i, j in product(*(range(n) for n in self.weights.shape)):
            at = (row * down + i * dilated, column * right + j * spread)
            value, weight, own = (float(table[place]) for table, place in self._tables(at, (i, j)))
            cells.append(Cell(*at, value, weight, bool(own)))
        return cells

    def _tables(self, at: tuple[int, int], place: tuple[int, int]) -> tuple[tuple[Tensor, tuple[int, int]], ...]:
        return (self.laid_out, at), (self.weights, place), (self.own, at)

    def terms(self, step: int) -> list[str]:
        """The sum of a step in pieces that stay together on a line: `1×2 `, `+ 3×(−1) `, ..., `= −1`."""
        cells = self.window(step)
        total = f"= {figure(float(self.result[self.place(step)]))}"
        if self.operation.name == "max_pool":
            values = [figure(cell.value) for cell in cells if cell.own]
            first, last, between = "max(", ")", ","
        elif self.operation.pools:
            values = [_bracketed(cell.value) for cell in cells]
            first, last, between = "(", f")/{len(cells)}", " +"
        else:
            values = [f"{figure(cell.value)}×{_bracketed(cell.weight)}" for cell in cells]
            whole = self.divisor in (1, None)
            first, last, between = ("", "", " +") if whole else ("(", f")/{self.divisor}", " +")
        if len(values) > MOST_TERMS:
            return [f"{len(values)} products, added up", total]
        pieces = [f"{value}{between}" for value in values[:-1]] + [f"{value}{last}" for value in values[-1:]]
        return [first + pieces[0], *pieces[1:], total] if pieces else ["nothing lies under the window", total]


def _bracketed(value: float) -> str:
    return f"({figure(value)})" if value < 0 else figure(value)


def divisor_of(kernel: Tensor) -> int | None:
    """The smallest whole number that makes all of `kernel` whole, None if that is beyond `MOST_DIVISOR`.

    >>> divisor_of(torch.tensor([[1 / 16, 2 / 16], [4 / 16, 2 / 16]])), divisor_of(torch.tensor([0.1234]))
    (16, None)
    """
    divisors = torch.arange(1, MOST_DIVISOR + 1, dtype=torch.float64)
    scaled = kernel.double().flatten() * divisors[:, None]
    whole = ((scaled - scaled.round()).abs() < 1e-7 * scaled.abs().clamp(min=1)).all(1)
    return int(whole.nonzero()[0]) + 1 if whole.any() else None
