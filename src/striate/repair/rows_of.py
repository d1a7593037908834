"""Rows inside rows: a way to reach each one, and the same rows with one of them replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from torch import nn

from striate.layers.branches import branches, chain
from striate.layers.skip import skip
from striate.layers.unpool import unpooled
from striate.repair.changes import Path, Shape
from striate.repair.modules import Exchanges, applied
from striate.rows import Row, stack

Rows = Mapping[str, Row]


@dataclass(frozen=True)
class Exchanged:
    """A row whose module gets other modules inside: for rows that cannot be looked into."""

    row: Row
    exchanges: Exchanges

    def __call__(self, shape: Shape) -> nn.Module:
        return applied(self.row if isinstance(self.row, nn.Module) else self.row(shape), self.exchanges)


def inner(row: Row) -> Rows | None:
    """The rows that a row is made of, under the names that errors give them; None where nobody can tell."""
    if isinstance(row, chain):
        return row.rows
    if isinstance(row, branches):
        return {name: one for part in (*row.chains, row.rows) for name, one in part.items()}
    if isinstance(row, skip):
        return {"body": row.body} | ({"shortcut": row.shortcut} if row.shortcut is not None else {})
    if isinstance(row, unpooled):
        return {str(i): one for i, one in enumerate(row.inside)}
    if isinstance(row, partial) and row.func is stack and not row.args:
        return row.keywords
    return None


def rebuilt(row: Row, rows: Rows) -> Row:
    """A row of the same kind made of other rows, under the same names."""
    if isinstance(row, chain):
        return chain(**rows)
    if isinstance(row, branches):
        names = [list(part) for part in row.chains]
        parts = [{name: rows[name] for name in part} for part in names]
        return branches(*parts, **{name: rows[name] for name in row.rows})
    if isinstance(row, skip):
        return skip(rows["body"], rows.get("shortcut"))
    if isinstance(row, unpooled):
        return unpooled(*rows.values(), kernel=row.kernel, stride=row.stride, ceil=row.ceil)
    return partial(stack, **dict(rows))  # type: ignore[arg-type]  # no row is called `shape`


def growing(row: Row) -> bool:
    """Whether the rows inside stand one after the other, so that there may be more or fewer of them."""
    return isinstance(row, (chain, partial))


def leaves(rows: Rows, path: Path = ()) -> Iterator[tuple[Path, Row]]:
    """Every row that is not made of others, with its path, in the order written."""
    for name, row in rows.items():
        parts = inner(row)
        if parts is None:
            yield (*path, name), row
        else:
            yield from leaves(parts, (*path, name))


def reach(rows: Rows, path: Path) -> tuple[Path, Row]:
    """The row at `path`, or the nearest around it, with the path of that."""
    row = rows[path[0]]
    parts = inner(row)
    if len(path) == 1 or parts is None or path[1] not in parts:
        return path[:1], row
    below, found = reach(parts, path[1:])
    return (path[0], *below), found


def replaced(
    rows: Rows, path: Path, by: Callable[[Row], list[tuple[str, Row]]], *, several: bool = True
) -> dict[str, Row]:
    """`rows` with those in the place of the one at `path` that `by` gives for it, as (suffix of the name, row).

    `several`: whether these rows stand one after the other; else more or fewer than one become one.
    """
    new: dict[str, Row] = {}
    for name, row in rows.items():
        if name != path[0]:
            new[name] = row
        elif len(path) > 1:
            new[name] = rebuilt(row, replaced(inner(row) or {}, path[1:], by, several=growing(row)))
        elif several:
            new |= {f"{name}{suffix}": one for suffix, one in by(row)}
        else:
            found = by(row)
            new[name] = (
                found[0][1] if len(found) == 1 else chain(*(one for _, one in found)) if found else nn.Identity()
            )
    return new
