"""A list of rows under repair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any

import torch
from torch import nn

from striate.analysis.meta import on_meta
from striate.errors import ShapeError
from striate.layers.branches import branches
from striate.layers.skip import skip
from striate.layers.unpool import unpooled
from striate.misfit import times
from striate.repair.changes import Above, Around, Below, Change, Edit, Image, Instead, Path, Piece, Set, Shape, Text
from striate.repair.layers import changed, code, is_leaf, value
from striate.repair.mistake import Mistake, Step
from striate.repair.modules import CannotChange, Exchange, Exchanges
from striate.repair.proposals import proposals
from striate.repair.rows_of import Exchanged, inner, leaves, reach, replaced
from striate.repair.watch import mistake_of, run
from striate.rows import Row, stack

Named = list[tuple[str, Row]]


@dataclass(frozen=True)
class RowDraft:
    """Rows by name, the pictures for them, and what has been done to them so far."""

    rows: Mapping[str, Row]
    image: Shape
    done: tuple[dict[str, Any], ...] = field(default=())

    def mistake(self) -> Mistake | None:
        with torch.device("meta"):
            try:
                stack(self.image, **self.rows)
            except ShapeError as error:
                return self.of_error(error)
        return None

    def of_error(self, error: ShapeError) -> Mistake:
        """The mistake behind an error of `stack`."""
        path, row = reach(self.rows, error.path)
        order = list(leaves(self.rows))
        at = next((i for i, (leaf, _) in enumerate(order) if leaf[: len(path)] == path), 0)
        given = error.given
        common: dict[str, Any] = {"left": float(len(order) - at), "trail": self.trail(path), "axes": self.axes(given)}
        common["ahead"] = tuple(Step(leaf, one) for leaf, one in order[at + 1 :] if leaf[: len(path)] != path)
        if path == error.path and given is not None and opaque(row, error):
            found = self.looked_into(path, row, given)
            if found is not None:
                left = common["left"] - 1 + 1 / (2 - found.left)
                return replace(found, left=left, trail=(*common["trail"], *found.trail), ahead=common["ahead"])
        inside = tuple(Step((*path, *leaf), one) for leaf, one in leaves(inner(row) or {}))
        problem, formula = plain(error, given)
        layer = row if isinstance(row, (skip, branches, unpooled)) and path == error.path else error.row or row
        parts = error.parts
        return Mistake(error, path, problem, formula, layer=layer, given=given, parts=parts, inside=inside, **common)

    def axes(self, given: Shape | None) -> int:
        return max(1, len(self.image) - 1) if given is None or len(given) < 2 else len(given) - 1

    def looked_into(self, path: Path, row: Row, given: Shape) -> Mistake | None:
        """The mistake inside the module that an opaque row builds."""
        try:
            module = row if isinstance(row, nn.Module) else row(given)
        except (RuntimeError, ValueError, TypeError, ArithmeticError):
            return None
        layers = frozenset(tuple(n.split(".")) for n, m in module.named_modules() if n and is_leaf(m))
        with on_meta(module) as twins:
            module.eval()
            found = mistake_of(run(module, given, twins), module, layers)
        if found is None:
            return None
        steps = (
            tuple(replace(step, path=(*path, *step.path)) for step in part) for part in (found.trail, found.inside)
        )
        trail, inside = steps
        return replace(found, path=(*path, *found.path), trail=trail, inside=inside)

    def trail(self, path: Path) -> tuple[Step, ...]:
        """The layers above the row at `path`; their shapes where they stand outside the row that holds it."""
        above = dict(list(self.rows.items())[: list(self.rows).index(path[0])])
        steps: list[Step] = []
        if above:
            net = stack(self.image, **above)
            with on_meta(net) as twins:
                net.eval()
                for step in run(net, self.image, twins).steps:
                    address, row = reach(self.rows, step.path)
                    steps.append(replace(step, layer=row) if address == step.path and sized(row) else step)
        siblings = list(leaves({path[0]: self.rows[path[0]]}))
        before = [Step(leaf, row) for leaf, row in siblings if leaf[: len(path) - 1] == path[:-1] and len(path) > 1]
        at = next((i for i, step in enumerate(before) if step.path[: len(path)] == path), len(before))
        return (*steps, *before[:at])

    def changed(self, change: Change) -> RowDraft | None:
        draft = self
        for edit in change.edits:
            try:
                draft = draft.edited(edit)
            except (CannotChange, KeyError):
                return None
        return draft

    def edited(self, edit: Edit) -> RowDraft:
        if isinstance(edit, Image):
            return replace(self, image=edit.shape)
        if isinstance(edit, Text) or not edit.path:
            raise CannotChange
        path, row = reach(self.rows, edit.path)
        new, told = edited_row(row, edit, edit.path[len(path) :])
        done = {"row": ".".join(path), **told}
        return replace(self, rows=replaced(self.rows, path, lambda _: new), done=(*self.done, done))

    def changes(self, mistake: Mistake) -> Iterator[Change]:
        return proposals(mistake, self.image)

    def told(self) -> dict[str, Any]:
        return {"change": list(self.done)}


def opaque(row: Any, error: ShapeError) -> bool:
    """Whether a row cannot be looked into, and its error does not say enough."""
    if error.formula is not None or inner(row) is not None:
        return False
    return isinstance(row, (nn.Module, Exchanged)) or not is_dataclass(row)


def sized(row: Any) -> bool:
    """Whether a row has sizes of its own; else the module that it builds has them."""
    return any(value(row, size) is not None for size in ("kernel", "out"))


def edited_row(row: Row, edit: Edit, rest: Path) -> tuple[Named, dict[str, Any]]:
    """The rows in the place of `row` after an edit of it, or of a module inside it at `rest`; and what to tell."""
    new = changed(row, edit.sizes) if isinstance(edit, Set) and not rest and not isinstance(row, nn.Module) else None
    if new is not None:
        return [("", new)], {"becomes": code(new)}
    if rest or isinstance(edit, Set):
        before: Exchanges = {}
        if isinstance(row, Exchanged):
            before, row = row.exchanges, row.row
        exchanges = {**before, rest: before.get(rest, Exchange()).with_edit(edit)}
        return [("", Exchanged(row, exchanges))], ({"inside": ".".join(rest)} if rest else {}) | words(edit)
    if isinstance(edit, Around):
        if not isinstance(row, skip):
            raise CannotChange
        way = [piece.row for piece in edit.pieces]
        if not way:
            return [("", row.body)], {"becomes": "its body alone"}
        return [("", skip(row.body, way[0] if len(way) == 1 else lambda shape: stack(shape, *way)))], words(edit)
    if not isinstance(edit, (Above, Below, Instead)):
        raise CannotChange
    pieces: Named = [(f"_{i}", piece.row) for i, piece in enumerate(edit.pieces)]
    if isinstance(edit, Instead):
        return pieces, words(edit)
    return ([*pieces, ("", row)] if isinstance(edit, Above) else [("", row), *pieces]), words(edit)


def words(edit: Edit) -> dict[str, Any]:
    """An edit for machines: what is done, and the rows it is done with."""
    if isinstance(edit, Set):
        return {name: list(size) if isinstance(size, tuple) else size for name, size in edit.sizes.items()}
    pieces: tuple[Piece, ...] = getattr(edit, "pieces", ())
    return {type(edit).__name__.lower(): ", ".join(code(piece.row) for piece in pieces) or "nothing"}


def plain(error: ShapeError, given: Shape | None) -> tuple[str, str]:
    """Problem and formula of an error; where torch alone knew, in our words."""
    formula = error.formula or (f"given {times(given)}" if given else "given nothing")
    cause = str(error.__cause__ or "")
    if "divisible" in cause:
        return f"its groups do not divide the maps of its input {times(given or ())}, or its own.", formula
    return error.problem, formula
