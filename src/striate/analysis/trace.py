"""One pass of a module over meta tensors: every operation is given to the leaf module that called it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count as numbers
from typing import Any

import torch
from torch import Tensor, nn

from striate.analysis.details import detail_of, kind_of
from striate.analysis.memory import Ledger
from striate.analysis.meta import OnMeta, aliases, plain_name, tensors_in
from striate.analysis.multiply_adds import NOTHING, Count, count
from striate.analysis.parameters import NONE, Own, of_tensor
from striate.analysis.remainder import Window
from striate.analysis.sees import sight_of
from striate.analysis.sight import Sight, all_of, is_map, merged, of_image

aten = torch.ops.aten
Shape = tuple[int, ...]

COPIES = {  # they move numbers about, as views do, and have no row
    aten.clone, aten._to_copy, aten.copy_, aten.lift_fresh, aten._unsafe_view, aten.fill_, aten.zero_,
}  # fmt: skip
MAKES = {  # they read the shape of a tensor only
    aten.empty_like, aten.zeros_like, aten.ones_like, aten.full_like, aten.rand_like, aten.randn_like, aten.new_empty,
    aten.new_zeros, aten.new_ones, aten.new_full, aten.new_empty_strided,
}  # fmt: skip
IMAGE = ""  # the name of the image among the inputs of a row


@dataclass
class Row:
    """One call of a module without children, or one operation outside any: a `Layer` in the making."""

    name: str
    kind: str
    inputs: dict[str, None] = field(default_factory=dict)
    output: Shape = ()
    own: Own = NONE
    count: Count = NOTHING
    activation_bytes: int = 0
    sight: Sight | None = None
    is_map: bool = False  # whether its units still stand in rows and columns
    windows: tuple[Window, ...] = ()
    detail: str = ""


@dataclass(slots=True)
class Mark:
    """What is known of a tensor: the row that gave it (None: a constant or a parameter), what its units see of the
    image, what it was made of that no row has yet, and how much of the end of its dimensions is padding."""

    row: str | None = None
    sight: Sight | None = None
    owed: tuple[int, ...] = ()
    after: dict[int, int] = field(default_factory=dict)


@dataclass
class Frame:
    """A module that is running."""

    path: str
    module: nn.Module
    given: tuple[Shape, ...]
    row: Row | None  # the row it opened


class Trace(OnMeta):
    """Fills `rows` while `net` (on meta, with `twins`) runs on `image` (a batch of one) inside `watching()`."""

    def __init__(self, net: nn.Module, twins: dict[int, Tensor], image: Tensor):
        super().__init__(twins)
        self.net = net
        self.rows: list[Row] = []
        self.frames: list[Frame] = []
        self.unknown: dict[str, list[str]] = {}  # operations that the receptive field does not know, and where
        self.ledger = Ledger()
        self.stopped = False
        self._owed: dict[int, tuple[Own, Count]] = {}  # what no row has yet
        self._keys = numbers(-1, -1)  # keys for what is made of parameters; those of parameters are their ids
        self._names: dict[str, int] = {}
        for name, parameter in net.named_parameters():
            self._owed[id(parameter)] = of_tensor(name, parameter), NOTHING
            _mark(parameter, Mark(owed=(id(parameter),)))
        _mark(image, Mark(IMAGE, of_image(image)))
        self.ledger.hold(twins.values())
        self.standing_bytes = self.ledger.live
        self.ledger.hold([image])

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Be told which module of the network is running."""
        with ExitStack() as stack:
            for path, module in self.net.named_modules():
                enter = lambda module, args, path=path: self._enter(path, module, args)  # noqa: E731
                stack.callback(module.register_forward_pre_hook(enter, prepend=True).remove)
                stack.callback(module.register_forward_hook(self._leave).remove)
            yield

    def where(self) -> str:
        path = self.frames[-1].path if self.frames else ""
        return f" in '{path}'" if path else ""

    @property
    def unused(self) -> int:
        """How many parameters no row has used."""
        return sum(own.weights + own.biases for own, _ in self._owed.values())

    def stop(self) -> None:
        """Add a row, of parameters only, for each module that the forward pass did not come to."""
        self.stopped = True
        reached = {row.name for row in self.rows}
        for path, module in self.net.named_modules():
            if _is_leaf(module) and path not in reached:
                row = Row(path, type(module).__name__)
                for parameter in module.parameters():
                    self._claim(row, _marked(parameter))
                self.rows.append(row)

    def _enter(self, path: str, module: nn.Module, args: tuple[Any, ...]) -> None:
        tensors = list(tensors_in(args))
        given = tuple(_without_batch(tensor) for tensor in tensors)
        row = None
        if _is_leaf(module) and self._open() is None:
            row = self._new_row(path or type(module).__name__, type(module).__name__)
            self._read(row, map(_marked, tensors))
            for parameter in module.parameters():
                self._claim(row, _marked(parameter))
        self.frames.append(Frame(path, module, given, row))

    def _leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        while self.frames and self.frames[-1].module is not module:  # an error that the network caught itself
            self.frames.pop()
        row = self.frames.pop().row if self.frames else None
        tensors = list(tensors_in(output))
        if row is not None and tensors:
            given = {tensor.untyped_storage()._cdata for tensor in tensors_in(args)}
            fresh = {storage: t for t in tensors if (storage := t.untyped_storage()._cdata) not in given}
            self._finish(row, list(fresh.values()), tensors)

    def _open(self) -> Row | None:
        return next((frame.row for frame in reversed(self.frames) if frame.row is not None), None)

    def _new_row(self, name: str, kind: str) -> Row:
        calls = self._names[name] = self._names.get(name, 0) + 1
        row = Row(name if calls == 1 else f"{name}:{calls}", kind)
        self.rows.append(row)
        return row

    def _finish(self, row: Row, fresh: list[Tensor], outputs: list[Tensor]) -> None:
        mark = _marked(outputs[0])
        row.output, row.sight = _without_batch(outputs[0]), mark.sight if mark else None
        row.is_map = row.sight is not None and is_map(row.sight, outputs[0].shape)
        row.activation_bytes = sum(tensor.numel() * tensor.element_size() for tensor in fresh)
        for tensor in outputs:
            if mark := _marked(tensor):
                mark.row = row.name

    def _read(self, row: Row, marks: Iterable[Mark | None]) -> None:
        for mark in filter(None, marks):
            if mark.row is not None and mark.row != row.name:
                row.inputs[mark.row] = None
            self._claim(row, mark)

    def _claim(self, row: Row, mark: Mark | None) -> None:
        for key in mark.owed if mark else ():
            own, counted = self._owed.pop(key, (NONE, NOTHING))
            row.own, row.count = row.own + own, _sum(row.count, counted)

    def seen(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        outputs = list(tensors_in(out))
        self.ledger.hold(outputs)
        inputs = list(tensors_in((args, kwargs) if kwargs else args))
        marks = [(tensor, mark) for tensor in inputs if (mark := _marked(tensor)) is not None]
        if not outputs or not marks or func.overloadpacket in MAKES:
            return
        source = next((mark.row for _, mark in marks if mark.row is not None), None)
        counted, row = count(func, out, args, kwargs), self._open()
        single = row is None and source is not None and not _moves(func)
        if single:
            path, kind = self.frames[-1].path if self.frames else "", kind_of(plain_name(func))
            row = self._new_row(f"{path}:{kind}" if path else kind, kind)
        name = row.name if row is not None and source is not None else source
        self._mark_outputs(func, args, kwargs, out, marks, name)
        if row is not None:
            self._read(row, [mark for _, mark in marks])
            row.count = _sum(row.count, counted)
            self._describe(row, func, args)
        elif counted.multiplications or counted.additions:  # made of parameters alone: the row that uses it owns it
            key = next(self._keys)
            self._owed[key] = NONE, counted
            for mark in filter(None, map(_marked, outputs)):
                mark.owed = (*mark.owed, key)
        if single and row is not None:
            self._finish(row, [] if func._schema.is_mutable else outputs[:1], outputs[:1])

    def _describe(self, row: Row, func: Any, args: tuple[Any, ...]) -> None:
        mark = _marked(args[0]) if args and isinstance(args[0], Tensor) else None
        detail = detail_of(func, args, mark.after if mark else {})
        if detail is not None:
            row.detail = row.detail or detail.words
            row.windows = row.windows or detail.windows

    def _mark_outputs(
        self, func: Any, args: Any, kwargs: Any, out: Any, marks: list[tuple[Tensor, Mark]], row: str | None
    ) -> None:
        given = [(tensor, mark.sight) for tensor, mark in marks if mark.sight is not None]
        outputs = list(tensors_in(out))
        owed = tuple(dict.fromkeys(key for _, mark in marks for key in mark.owed if key in self._owed))
        after = _padding(args) if func.overloadpacket is aten.constant_pad_nd else {}
        sights: list[Sight | None] = [None] * len(outputs)
        if given:
            found, known = sight_of(func, given, args, kwargs, outputs[0])
            sights = [*found] if isinstance(found, list) else [found] * len(outputs)
            if not known:
                self.unknown.setdefault(plain_name(func), []).append(self.where())
        for tensor, sight in zip(outputs, sights, strict=True):
            _mark(tensor, Mark(row, sight if tensor.dim() == outputs[0].dim() else None, owed, after))
        base = outputs[0]._base if func._schema.is_mutable else None
        if base is not None:
            _mark(base, _written(_marked(base), _marked(outputs[0]), base, outputs[0]))


def _is_leaf(module: nn.Module) -> bool:
    return all(name == "parametrizations" for name, _ in module.named_children())


def _moves(func: Any) -> bool:
    """Whether the operation only moves numbers about, or shows them in another shape."""
    return func.overloadpacket in COPIES or (aliases(func) and not func._schema.is_mutable)


def _sum(a: Count, b: Count) -> Count:
    return a if b is NOTHING else b if a is NOTHING else Count(*(x + y for x, y in zip(a, b, strict=True)))


def _written(before: Mark | None, written: Mark | None, base: Tensor, part: Tensor) -> Mark:
    """The mark of a tensor after something was written into a part of it."""
    old, new = (mark.sight if mark else None for mark in (before, written))
    if new is not None and (
        part.dim() != base.dim()
        or any(span.dim is not None and part.shape[span.dim] != base.shape[span.dim] for span in new)
    ):
        new = all_of([(part, new)])
    sights = [sight for sight in (old, new) if sight is not None]
    return Mark(written.row if written else None, merged(sights) if sights else None, before.owed if before else ())


def _padding(args: tuple[Any, ...]) -> dict[int, int]:
    """Units of padding at the end of each dimension behind `constant_pad_nd`."""
    x, sides = args[0], args[1]
    return {x.dim() - 1 - i: after for i, after in enumerate(sides[1::2]) if after > 0}


def _without_batch(tensor: Tensor) -> Shape:
    """The shape for one picture; where the network has folded other things into the batch they are shown."""
    return tuple(tensor.shape[1:] if tensor.dim() and tensor.shape[0] == 1 else tensor.shape)


def _mark(tensor: Tensor, mark: Mark) -> None:
    tensor.striate_mark = mark  # type: ignore[attr-defined]  # lives as long as the tensor


def _marked(tensor: Tensor) -> Mark | None:
    return getattr(tensor, "striate_mark", None)
