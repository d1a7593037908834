"""Bytes that a network needs: counted while it runs on meta, where each tensor takes none but says how many it would.

A training step is really taken there, forward and backward, so what autograd saves, what the gradients take on their
way and when each is freed is not modelled but watched. Added by rule are the optimizer, by the table below, and the
copies that a convolution works on.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from functools import partial, reduce
from operator import add
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from striate.analysis.meta import OnMeta, tensors_in
from striate.analysis.parameters import size
from striate.errors import ConfigError
from striate.registry import nearest

aten = torch.ops.aten


class Optimizer(NamedTuple):
    """What torch's optimizer keeps beside each parameter, and how many copies of one it makes while it steps."""

    kept: int
    working: int


OPTIMIZERS = {
    "sgd": Optimizer(0, 0),
    "momentum": Optimizer(1, 0),
    "nesterov": Optimizer(1, 1),
    "rmsprop": Optimizer(1, 1),
    "adagrad": Optimizer(1, 1),
    "adam": Optimizer(2, 2),
    "adamw": Optimizer(2, 2),
    "amsgrad": Optimizer(3, 2),
}


def optimizer_named(name: str) -> Optimizer:
    """The optimizer called `name`; `ConfigError` offers the nearest."""
    if name not in OPTIMIZERS:
        close = nearest(name, list(OPTIMIZERS)) or sorted(OPTIMIZERS)
        raise ConfigError(f"optimizer: there is none called '{name}'. Did you mean {' or '.join(close)}?")
    return OPTIMIZERS[name]


class Ledger:
    """Bytes of the tensors that are alive, each storage once; `peak` is the most there were at one time."""

    def __init__(self) -> None:
        self.live = self.peak = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    def hold(self, tensors: Iterable[Tensor]) -> None:
        """Count `tensors` until their storage is freed."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            key, taken = storage._cdata, storage.nbytes()
            if taken and key not in self._known:
                self._known[key] = weakref.ref(storage, partial(self._freed, key, taken))
                self.live += taken
        self.peak = max(self.peak, self.live)

    def need(self, more: int) -> None:
        """Count `more` bytes for a moment."""
        self.peak = max(self.peak, self.live + more)

    def _freed(self, key: int, taken: int, _: Any) -> None:
        del self._known[key]
        self.live -= taken


def blocked(tensor: Tensor | None) -> int:
    """Bytes of a copy of maps (n, c, ...) in blocks of 16, as oneDNN works on: 3 maps take as much as 16."""
    if tensor is None or tensor.dtype == torch.double:  # which it does not take
        return 0
    return tensor.numel() // tensor.shape[1] * -(-tensor.shape[1] // 16) * 16 * tensor.element_size()


class Watch(OnMeta):
    """Counts every tensor that an operation gives in `ledger`."""

    def __init__(self, twins: dict[int, Tensor], ledger: Ledger):
        super().__init__(twins)
        self.ledger = ledger

    def seen(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        self.ledger.hold(tensors_in(out))
        if func.overloadpacket is aten.convolution_backward:
            self._copies(args[0], args[1], out)

    def _copies(self, grad: Tensor, x: Tensor, out: tuple[Tensor | None, ...]) -> None:
        """What the backward pass of a convolution works on: for the gradient of its input, when nothing of `out` is
        there yet, then for that of its weights. Pictures of up to three maps are taken as they are.
        """
        given = sum(tensor.untyped_storage().nbytes() for tensor in out if tensor is not None)
        first, second = blocked(out[0]) - given, blocked(x) if x.shape[1] > 3 else 0
        self.ledger.need(blocked(grad) + max(first, second))


def training_step(net: nn.Module, image: Tensor, twins: dict[int, Tensor], optimizer: Optimizer) -> int:
    """Most bytes at any time of one training step of `net` (already on meta, with `twins`) on the batch `image`.

    Parameters, buffers and the optimizer's memory are there all the time; the batch, what autograd saves and the
    gradients of activations come and go; the gradients of the parameters add up on the way back.
    """
    ledger = Ledger()
    ledger.hold([*twins.values(), image])
    net.train()
    with torch.enable_grad(), Watch(twins, ledger):
        outputs = [out for out in tensors_in(net(image)) if out.requires_grad]
        if outputs:
            reduce(add, [out.sum() for out in outputs]).backward()
    trained = [p.numel() * p.element_size() for p in twins.values() if p.grad is not None]
    standing = size([*twins.values(), image])
    stepping = standing + sum(trained) + optimizer.working * max(trained, default=0)
    return optimizer.kept * sum(trained) + max(ledger.peak, stepping)
