"""A module under repair: its layers are exchanged for a run on meta and put back; the user's module is not touched."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from striate.layers.skip import Skip
from striate.repair.changes import CORE, Above, Around, Below, Change, Edit, Image, Instead, Path, Piece, Set, Shape
from striate.repair.layers import changed, code, is_leaf, like
from striate.repair.mistake import Mistake, Step
from striate.repair.proposals import proposals
from striate.repair.watch import mistake_of, run
from striate.rows import stack


class CannotChange(Exception):
    """A layer has no such size, or is not there."""


@dataclass(frozen=True)
class Exchange:
    """What is done to the module at one path. `above`, `below`, `instead`: pieces and the shape that they are given."""

    sizes: Mapping[str, Any] = field(default_factory=dict)
    above: tuple[tuple[Piece, ...], Shape] | None = None
    below: tuple[tuple[Piece, ...], Shape] | None = None
    instead: tuple[tuple[Piece, ...], Shape] | None = None

    def with_edit(self, edit: Edit) -> Exchange:
        if isinstance(edit, Set):
            return replace(self, sizes={**self.sizes, **edit.sizes})
        if isinstance(edit, Above):
            return replace(self, above=(edit.pieces, edit.given))
        if isinstance(edit, Below):
            return replace(self, below=(edit.pieces, edit.given))
        if isinstance(edit, Instead):
            return replace(self, instead=(edit.pieces, edit.given))
        raise CannotChange

    def applied(self, old: nn.Module | None) -> nn.Module:
        """The module in the place of `old`, on the device that is the default."""
        core = changed(old, self.sizes) if self.sizes and old is not None else old
        if self.instead is not None:
            core = of_pieces(*self.instead)
        if core is None:
            raise CannotChange
        if self.above is None and self.below is None:
            return core
        around: OrderedDict[str, nn.Module] = OrderedDict()
        for name, part in (("above", self.above), (CORE, None), ("below", self.below)):
            if name == CORE:
                around[CORE] = core
            elif part is not None:
                around[name] = of_pieces(*part)
        return nn.Sequential(around)


def of_pieces(pieces: tuple[Piece, ...], given: Shape) -> nn.Module:
    """The module of a few pieces; of none, one that does nothing."""
    if not pieces:
        return nn.Identity()
    ready = [piece.row for piece in pieces if isinstance(piece.row, nn.Module)]
    if len(ready) == len(pieces):
        return ready[0] if len(pieces) == 1 else nn.Sequential(*ready)
    built = stack(given, *(piece.row for piece in pieces))
    return built[0] if len(pieces) == 1 else built


Exchanges = Mapping[Path, Exchange]


def places(net: nn.Module, path: Path) -> list[tuple[nn.Module, str]]:
    """Every (parent, name) at which the module at `path` stands: one module may stand at several."""
    try:
        parent = net.get_submodule(".".join(path[:-1]))
    except AttributeError:
        raise CannotChange from None
    old = getattr(parent, path[-1], None)
    same = [(m, name) for m in net.modules() for name, child in m._modules.items() if child is old]
    return same if old is not None and same else [(parent, path[-1])]


@contextmanager
def exchanged(net: nn.Module, exchanges: Exchanges) -> Iterator[nn.Module]:
    """`net` with some of its modules exchanged; afterwards it is as it was."""
    undo: list[tuple[nn.Module, str, nn.Module | None, bool]] = []
    root = net
    try:
        for path, exchange in exchanges.items():
            if not path:
                root = exchange.applied(net)
                continue
            standing = places(net, path)
            old = getattr(*standing[0], None)
            new = exchange.applied(old)
            for parent, name in standing:
                undo.append((parent, name, old, name in parent._modules))
                put(parent, name, new)
        yield root
    finally:
        for parent, name, old, was_module in reversed(undo):
            if was_module:
                parent._modules[name] = old
            else:
                del parent._modules[name]
                vars(parent)[name] = old


def put(parent: nn.Module, name: str, new: nn.Module) -> None:
    """Make `new` the child `name`, also where nothing or None stood there."""
    vars(parent).pop(name, None)
    parent._modules[name] = new


@dataclass(frozen=True)
class ModuleDraft:
    """A module that is on meta (with `twins`), the pictures for it, and what is exchanged in it."""

    net: nn.Module
    image: Shape
    twins: dict[int, Tensor]
    exchanges: Exchanges = field(default_factory=dict)
    batch_stays: bool = (
        False  # a repaired network gives one answer a picture; what a user's network gives is its affair
    )

    def mistake(self) -> Mistake | None:
        original = frozenset(tuple(n.split(".")) for n, m in self.net.named_modules() if n and is_leaf(m))
        with torch.device("meta"), exchanged(self.net, self.exchanges) as net:
            found = mistake_of(run(net, self.image, self.twins, batch_stays=self.batch_stays), net, original)
        return None if found is None else replace(renamed(found, self.exchanges), ahead=self.ahead(found))

    def ahead(self, mistake: Mistake) -> tuple[Step, ...]:
        """The layers that the run did not come to."""
        seen = {step.path for step in mistake.trail} | {mistake.path}
        own = ((tuple(name.split(".")), layer) for name, layer in self.net.named_modules() if is_leaf(layer))
        return tuple(Step(path, self.now(path, layer)) for path, layer in own if path not in seen and path != ("",))

    def now(self, path: Path, layer: nn.Module) -> nn.Module:
        """A layer with the sizes that it has been given."""
        sizes = self.exchanges[path].sizes if path in self.exchanges else {}
        with torch.device("meta"):
            return changed(layer, sizes) if sizes else layer

    def changed(self, change: Change) -> ModuleDraft | None:
        exchanges, image = dict(self.exchanges), self.image
        for edit in change.edits:
            if isinstance(edit, Image):
                image = edit.shape
                continue
            if isinstance(edit, Around):
                if not edit.pieces or not isinstance(self.net.get_submodule(".".join(edit.path)), Skip):
                    return None
                edit = Instead((*edit.path, "shortcut"), edit.pieces, edit.given)
            try:
                exchanges[edit.path] = exchanges.get(edit.path, Exchange()).with_edit(edit)  # type: ignore[union-attr]
                with torch.device("meta"):
                    exchanges[edit.path].applied(self.at(edit.path))  # type: ignore[union-attr]
            except (CannotChange, AttributeError, RuntimeError, ValueError):
                return None
        return replace(self, exchanges=exchanges, image=image, batch_stays=True)

    def at(self, path: Path) -> nn.Module | None:
        """The unchanged module at `path`; None where there is a place but no module."""
        if not path:
            return self.net
        found: nn.Module | None = getattr(self.net.get_submodule(".".join(path[:-1])), path[-1])
        return found

    def changes(self, mistake: Mistake) -> Iterator[Change]:
        return proposals(mistake, self.image)

    def told(self) -> dict[str, Any]:
        with torch.device("meta"):
            made = {path: exchange.applied(self.at(path)) for path, exchange in self.exchanges.items()}
        return {"change": [{"module": ".".join(path), "becomes": code(module)} for path, module in made.items()]}


def applied(net: nn.Module, exchanges: Exchanges) -> nn.Module:
    """A copy of `net` with the exchanges made for good; weights that still fit are kept."""
    if set(exchanges) == {()}:
        return like(net, exchanges[()].applied(net))
    net = copy.deepcopy(net)
    for path, exchange in exchanges.items():
        standing = places(net, path)
        old = getattr(*standing[0], None)
        new = exchange.applied(old)
        for parent, name in standing:
            put(parent, name, new if old is None else like(old, new))
    return net


def renamed(mistake: Mistake, exchanges: Exchanges) -> Mistake:
    """The mistake with the paths of the unchanged network, where layers were put around others."""

    def before(path: Path) -> Path:
        for end in range(len(path) + 1):
            if path[end : end + 1] == (CORE,) and path[:end] in exchanges:
                return path[:end] + path[end + 1 :]
        return path

    return replace(
        mistake,
        path=before(mistake.path),
        trail=tuple(replace(step, path=before(step.path)) for step in mistake.trail),
        inside=tuple(replace(step, path=before(step.path)) for step in mistake.inside),
    )
