"""Classes are names. Numbers are only where a name stands in one list, and two lists are matched name by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from striate.errors import DataError, UnknownName
from striate.registry import nearest, plain

TOLD = 5  # names in a message


@dataclass(frozen=True)
class Match:
    """How the classes of some data stand to those of a model.

    `numbers`: (classes of the data,) int64, the model's number of each, -1 where it has none. `missing`: names that
    only the model has. `unknown`: names that only the data have. `moved`: both have the same names in another order.
    """

    numbers: Tensor
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    moved: bool

    @property
    def same(self) -> bool:
        """Whether both lists are equal."""
        return not (self.missing or self.unknown or self.moved)

    def diff(self) -> str:
        """The difference in words, a missing name beside the unknown one that is most like it.

        >>> matched(("cat", "dogs"), ("cat", "dog")).diff()
        "the data have no 'dog'; the model does not know 'dogs' ('dogs' may be 'dog' renamed)"
        """
        said = [f"the data have no {_list(self.missing)}"] if self.missing else []
        if self.unknown:
            close = [(name, (nearest(name, list(self.missing), 1) or [""])[0]) for name in self.unknown[:TOLD]]
            renamed = [f"'{a}' may be '{b}' renamed" for a, b in close if b]
            said.append(
                f"the model does not know {_list(self.unknown)}" + (f" ({', '.join(renamed)})" if renamed else "")
            )
        if self.moved:
            said.append("their order is another, and they are matched by name")
        return "; ".join(said)


def matched(data: Sequence[str], model: Sequence[str]) -> Match:
    """The classes of some data beside those of a model, by name."""
    at = {name: number for number, name in enumerate(model)}
    numbers = torch.tensor([at.get(name, -1) for name in data], dtype=torch.int64)
    known = set(data)
    missing = tuple(name for name in model if name not in known)
    unknown = tuple(name for name in data if name not in at)
    return Match(numbers, missing, unknown, not missing and not unknown and tuple(data) != tuple(model))


def renumbered(labels: Tensor, data: Sequence[str], model: Sequence[str], *, where: str) -> Tensor:
    """`labels` (n,) of the data as numbers of the model's classes.

    `DataError` with the difference where a label's class is one that the model does not know.
    """
    match = matched(data, model)
    numbers = match.numbers[labels]
    if len(numbers) and int(numbers.min()) < 0:
        raise DataError(f"{where}: its classes are not the model's: {match.diff()}. Rename or leave them out.")
    return numbers


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(f"'{name}'" for name in names[:TOLD]) + more


def class_number(label: str, classes: Sequence[str]) -> int:
    """The number of the class called `label`, however it is spelled; a number that names none counts from 0.

    >>> class_number("great_white_shark", ["tench", "great white shark"]), class_number("0", ["tench", "goldfish"])
    (1, 0)
    """
    if label in classes:
        return list(classes).index(label)
    alike = [k for k, name in enumerate(classes) if plain(name) == plain(label)]
    if alike:
        return alike[0]
    if label.isdecimal() and int(label) < len(classes):
        return int(label)
    close = nearest(label, list(classes))
    hint = f"Did you mean {' or '.join(close)}?" if close else f"There are {len(classes)}: {', '.join(classes[:5])} ..."
    raise UnknownName(f"there is no class called '{label}'. {hint}")
