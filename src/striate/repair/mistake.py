"""What is wrong with a network, as far as it has been looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from striate.errors import StriateError
from striate.repair.changes import Change, Path, Shape


@dataclass(frozen=True)
class Step:
    """A layer on the way to a mistake. `given`, `gives`: its shapes, where they are known."""

    path: Path
    layer: Any
    given: Shape | None = None
    gives: Shape | None = None


@dataclass(frozen=True)
class Mistake:
    """The first thing that does not fit.

    `layer`: the row or module that failed, with what it was `given`. `parts`: shapes that it could not add or join.
    `operation`: what a module's own forward was doing. `trail`: the layers before it, `inside`: those within it,
    `ahead`: those not come to yet. `left`: how much of the network has not been looked at, as a number that only
    compares. `span`: its place in a text.
    """

    error: StriateError
    path: Path
    problem: str
    formula: str | None
    left: float
    layer: Any = None
    given: Shape | None = None
    parts: tuple[Shape, ...] = ()
    operation: str = ""
    wants: int | None = None  # features that a reshape or a product needs
    numbers: tuple[int, ...] = ()  # numbers of maps or features that may be what an operation needs
    trail: tuple[Step, ...] = ()
    inside: tuple[Step, ...] = ()
    ahead: tuple[Step, ...] = ()
    axes: int = 2  # spatial axes that the layer works on
    span: tuple[int, int] | None = None


class Draft(Protocol):
    """A network that may be changed: a text, a list of rows or a module, and the picture it is for."""

    @property
    def image(self) -> Shape:
        """The shape of the pictures."""

    def mistake(self) -> Mistake | None:
        """The first mistake; None where the network can be built and run."""

    def changed(self, change: Change) -> Draft | None:
        """The draft after a change; None where that cannot be done here."""

    def changes(self, mistake: Mistake) -> Iterator[Change]:
        """Changes that may help, the smallest first."""

    def told(self) -> dict[str, Any]:
        """What has been changed, for machines."""
