"""Running any module on torch's meta device, where tensors have shapes but no data and take no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from striate.errors import ShapeError, StriateError
from striate.shapes import UNKNOWN, ShapesOnly, by_table

aten = torch.ops.aten

BLANK = {  # what makes a tensor of a shape, without reading one: such a tensor is something to compute in
    aten.empty, aten.zeros, aten.ones, aten.full, aten.rand, aten.randn, aten.empty_strided,
}  # fmt: skip
BY_INDEX = {aten.index, aten.index_put, aten.index_put_}
ASKS_DATA = {aten._local_scalar_dense, aten.equal, aten.nonzero, aten.masked_select}
SMALL = 10_000  # constants up to this many numbers keep their values, so that a forward may decide by them


@contextmanager
def on_meta(net: nn.Module) -> Iterator[dict[int, Tensor]]:
    """`net` with meta twins in the place of its parameters and buffers; afterwards it is exactly as it was.

    Gives the twins by the id of the tensor they stand for; a shared tensor has one twin. The swap is made in the module
    itself, not in a copy: nothing else may run `net` meanwhile.
    """
    twins: dict[int, Tensor] = {}
    modules = list(net.modules())
    attributes: list[dict[str, Any]] = [vars(module) for module in modules]
    held: list[dict[str, Any]] = [tensors for module in modules for tensors in (module._parameters, module._buffers)]
    kept = [dict(values) for values in (*held, *attributes)]
    try:
        for tensors in held:
            tensors.update({name: twin_of(t, twins) for name, t in tensors.items() if t is not None})
        yield twins
    finally:
        for values, before in zip((*held, *attributes), kept, strict=True):
            values.clear()
            values.update(before)


def twin_of(tensor: Tensor, twins: dict[int, Tensor]) -> Any:
    """The meta tensor that stands for `tensor`, made at the first call."""
    if id(tensor) not in twins:
        twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
        if isinstance(tensor, nn.Parameter):
            twin = nn.Parameter(twin, requires_grad=tensor.requires_grad)
        twins[id(tensor)] = twin
    return twins[id(tensor)]


def check_known(net: nn.Module) -> None:
    """Raise where the parameters of `net` do not exist yet, or its layers cannot be seen."""
    for path, module in net.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            where = f"'{path}' is" if path else "this is"
            raise StriateError(f"{where} a scripted module, which hides its layers. Give the module it was made of.")
    for name, tensor in net.named_parameters():
        if is_lazy(tensor):
            *path, _ = name.split(".")
            raise ShapeError(
                "a lazy module has no parameters before it has seen a picture. Run the network once on one.",
                tuple(path),
            )


class OnMeta(ShapesOnly):
    """Runs every operation on meta and shows it to `seen(func, args, kwargs, out)`.

    `supposed`: the operations whose result depends on data, with what was taken for it. `failed`: the operation that
    raised, and the shapes it was given.
    """

    def __init__(self, twins: dict[int, Tensor]):
        super().__init__()  # type: ignore[no-untyped-call]
        self.twins = twins
        self.standing: list[Tensor] = []  # keeps alive what is known by its id
        self.supposed: dict[str, str] = {}
        self.failed: tuple[str, tuple[tuple[int, ...], ...]] | None = None
        self._made: dict[Any, Any] = {}

    def seen(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Called after each operation."""
        raise NotImplementedError

    def where(self) -> str:
        """The module that is running, for notes."""
        return ""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self.failed = None
        tensors = list(tensors_in((args, kwargs)) if kwargs else tensors_in(args))
        if kwargs.get("device") is not None and tensors and any(t.is_meta for t in tensors):
            kwargs = {**kwargs, "device": torch.device("meta")}  # .cpu(), .to(device): there is nothing to move
        if any(not t.is_meta for t in tensors):
            args, kwargs = self._to_meta(args, kwargs, tensors)
            tensors = list(tensors_in((args, kwargs)))
        elif not tensors and func.overloadpacket in BLANK:
            kwargs = {**kwargs, "device": torch.device("meta")}
        try:
            out = self._run(func, args, kwargs, tensors)
        except Exception:
            self.failed = (plain_name(func), tuple(tuple(t.shape) for t in tensors))
            raise
        self.seen(func, args, kwargs, out)
        return out

    def _to_meta(self, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]) -> tuple[Any, Any]:
        """Tensors with data beside meta ones, or too large to compute with, are replaced by their twins."""
        mixed = any(t.is_meta for t in tensors)

        def replaced(t: Tensor) -> Tensor:
            if t.is_meta or (t.numel() <= SMALL and not mixed) or (t.dim() == 0 and not t.requires_grad):
                return t
            self.standing.append(t)
            return twin_of(t, self.twins)  # type: ignore[no-any-return]

        return mapped(replaced, args), mapped(replaced, kwargs)

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]) -> Any:
        packet, meta = func.overloadpacket, any(tensor.is_meta for tensor in tensors)
        if packet in ASKS_DATA and meta:
            return self._suppose(func, *args)
        if packet in BY_INDEX and any(index is not None and index.dtype == torch.bool for index in args[1]):
            args = (args[0], self._every_index(func, args[1]), *args[2:])
        out = by_table(func, args, kwargs)
        if out is not UNKNOWN:
            return out
        if func.namespace != "aten" or not meta or func._schema.is_mutable or aliases(func):
            return func(*args, **kwargs)
        key = (func, signature(args), signature(kwargs))
        if key not in self._made:  # the same operation on the same shapes gives the same shapes; asking torch is slow
            out = func(*args, **kwargs)
            self._made[key] = mapped(lambda t: Like(t.shape, t.stride(), t.dtype) if t.is_meta else None, out)
            return out
        return mapped(Like.tensor, self._made[key], Like)

    def _suppose(self, func: Any, source: Tensor, *others: Any) -> Any:
        """Something for what only the data could tell: true, 1, or all of the elements."""
        packet, name = func.overloadpacket, f"'{plain_name(func)}'{self.where()}"
        if packet is aten.nonzero:
            self.supposed[name] = "every element was taken"
            return torch.empty(source.numel(), source.dim(), dtype=torch.long, device="meta")
        if packet is aten.masked_select:
            self.supposed[name] = "every element was taken"
            every = torch.broadcast_shapes(source.shape, others[0].shape).numel()
            return torch.empty(every, dtype=source.dtype, device="meta")
        truth = packet is aten.equal or source.dtype == torch.bool
        self.supposed[name] = "it was taken as true" if truth else "it was taken as 1"
        return True if truth else torch.ones((), dtype=source.dtype).item()

    def _every_index(self, func: Any, indices: list[Tensor | None]) -> list[Tensor | None]:
        """Masks as the indices of all their elements: the most that a mask can choose."""
        self.supposed[f"'{plain_name(func)}' by a mask{self.where()}"] = "every element was taken"
        plain: list[Tensor | None] = []
        for index in indices:
            if index is not None and index.dtype == torch.bool:
                plain += [torch.empty(index.numel(), dtype=torch.long, device="meta")] * index.dim()
            else:
                plain.append(index)
        return plain


class Like:
    """The shape, strides and type of a tensor that an operation gave."""

    def __init__(self, shape: torch.Size, stride: tuple[int, ...], dtype: torch.dtype):
        self.shape, self.stride, self.dtype = shape, stride, dtype

    def tensor(self) -> Tensor:
        return torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device="meta")


def plain_name(func: Any) -> str:
    """An operation's name without its overload: `max_pool2d_with_indices`."""
    return str(func.overloadpacket.__name__)


def aliases(func: Any) -> bool:
    """Whether the operation gives views of what it is given."""
    return any(returned.alias_info is not None for returned in func._schema.returns)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and dictionaries, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


def mapped(change: Callable[[Any], Any], value: Any, kind: type = Tensor) -> Any:
    """`value` with each `kind` in its nested tuples, lists and dictionaries changed."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, (tuple, list)):
        return type(value)(mapped(change, item, kind) for item in value)
    if isinstance(value, dict):
        return {key: mapped(change, item, kind) for key, item in value.items()}
    return value


def signature(value: Any) -> Any:
    """What of an argument decides the shapes that come out, as something that can be looked up."""
    if isinstance(value, Tensor):
        return value.shape, value.stride(), value.dtype, value.device.type
    if isinstance(value, (tuple, list)):
        return tuple([signature(item) for item in value])
    if isinstance(value, dict):
        return tuple([(key, signature(item)) for key, item in value.items()])
    return type(value), value
