"""What went wrong in an operation of a module's own forward, told from what it was given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor

from striate.misfit import times
from striate.repair.changes import Shape

BATCH = 2  # pictures in a run
ADDS = {  # operations of two shapes that must be the same, and what they do
    "add": "adds", "iadd": "adds", "radd": "adds", "sub": "subtracts", "isub": "subtracts", "mul": "multiplies",
    "imul": "multiplies", "rmul": "multiplies", "div": "divides", "maximum": "compares", "minimum": "compares",
}  # fmt: skip
JOINS = ("cat", "concat", "concatenate", "stack", "hstack", "vstack")
RESHAPES = ("view", "reshape", "unflatten")
PRODUCTS = ("linear", "matmul", "rmatmul", "imatmul", "mm", "bmm")
MOST = 65_536  # numbers above this are not taken for a number of maps


@dataclass(frozen=True)
class Failure:
    """An operation that failed. `parts`: the shapes it was given; `wants`: features that it needs, where it says so;
    `numbers`: other numbers that it was given, some of which may be what it wants."""

    problem: str
    formula: str
    parts: tuple[Shape, ...]
    wants: int | None = None
    numbers: tuple[int, ...] = ()


def failure(operation: str, args: tuple[Any, ...], where: str) -> Failure:
    """What an operation of the module `where` could not do with its arguments."""
    tensors = [value for value in flat(args) if isinstance(value, Tensor)]
    parts = tuple(without_batch(tensor) for tensor in tensors)
    whole = tuple(numbers_in(args))
    if operation in ADDS and len(parts) == 2:
        problem = f"{where} {ADDS[operation]} {times(parts[0])} and {times(parts[1])}, which are not the same size."
        return Failure(problem, f"{times(parts[0])} ≠ {times(parts[1])}", parts, numbers=whole)
    if operation in JOINS and len(parts) > 1:
        formula = " ≠ ".join(dict.fromkeys(times(part[1:]) or "1" for part in parts))
        problem = f"{where} joins {', '.join(map(times, parts))}: only their channels may differ."
        return Failure(problem, formula, parts, numbers=whole)
    if operation in RESHAPES and parts:
        return reshape(args, parts, where)
    if operation in PRODUCTS and len(tensors) > 1 and min(tensor.dim() for tensor in tensors[:2]) > 0:
        across = tensors[1].dim() == 1 or operation == "linear"
        has, wants = tensors[0].shape[-1], tensors[1].shape[-1 if across else -2]
        problem = f"{where} multiplies {times(parts[0])} by {times(parts[1])}: {has} columns by {wants} rows."
        return Failure(problem, f"{has} ≠ {wants}", parts, wants if parts[0] == (has,) else None, whole)
    formula = " and ".join(times(part) or "1" for part in parts) or "nothing"
    return Failure(f"'{operation}' in {where} cannot take {formula}.", f"given {formula}", parts, numbers=whole)


def reshape(args: tuple[Any, ...], parts: tuple[Shape, ...], where: str) -> Failure:
    """A reshape to a number of values that there are not."""
    sizes = [value for value in flat(args[1:]) if isinstance(value, int)]
    wants = prod(sizes[1:]) if len(sizes) > 1 and min(sizes[1:]) > 0 else None
    has = prod(parts[0])
    product = f"{'·'.join(map(str, parts[0]))} = {has}"
    formula = f"{product} ≠ {wants}" if wants else f"{product}, not a multiple of {abs(prod(sizes[1:]))}"
    problem = f"{where} makes {wants or times(sizes[1:])} values of each picture's {times(parts[0])}, which are {has}."
    return Failure(problem, formula, parts, wants)


def flat(values: tuple[Any, ...]) -> Iterator[Any]:
    """Values, and those in lists of them."""
    for value in values:
        if isinstance(value, (list, tuple)) and not isinstance(value, str):
            yield from flat(tuple(value))
        else:
            yield value


def numbers_in(args: tuple[Any, ...]) -> Iterator[int]:
    """The numbers that may be a number of maps: of shapes, of arguments, and sums of lists."""
    found: dict[int, None] = {}
    for value in args:
        if isinstance(value, (list, tuple)) and value and all(isinstance(n, int) for n in value):
            found[sum(value)] = None
    for value in flat(args):
        sizes = without_batch(value) if isinstance(value, Tensor) else (value,) if type(value) is int else ()
        found |= dict.fromkeys(sizes)
        found |= {size + 1: None for size in sizes if not isinstance(value, Tensor)}  # the map with that index
    return (number for number in found if 1 <= number <= MOST)


def without_batch(tensor: Tensor) -> Shape:
    """A shape without the batch, where it has one."""
    shape = tuple(tensor.shape)
    return shape[1:] if shape[:1] == (BATCH,) else shape
