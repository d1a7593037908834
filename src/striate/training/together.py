"""One of several processes, on torch's own engine: DistributedDataParallel, or FSDP2 where the weights are cut.

Small things (counts, flags, texts, sums of norms) stay on the CPU, whatever the network computes on: over sockets
between the processes of one machine, over gloo between machines.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from striate.training import sharded, synced_norm
from striate.training.ranks import Number, Ranks
from striate.training.wire import wire

BUCKET = {"cuda": 25, "cpu": 200}  # MiB of gradients that are sent at once; a CPU has nobody to send while it computes
SYNC = ("forward_sync_buffers", "broadcast_buffers")  # what torch calls it, the newest name first
LOST = ("gloo", "Connection closed", "Connection reset", "Broken pipe", "NCCL", "connection was", "recvValue failed")


class _Beside(nn.Module):
    """A network beside a weight that nothing uses: where all are used, torch says so on the standard error."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net
        self.unused = nn.Parameter(torch.zeros(1, device=next(net.parameters()).device))

    def forward(self, x: Tensor) -> Any:
        return self.net(x)


class Together(Ranks):
    """One of the processes of torch's default group, which exists already. `cut`: split the weights over them."""

    def __init__(self, rank: int, count: int, here: int, *, cut: bool = False):
        super().__init__(rank, count, here)
        self.cut = cut
        self._share = synced_norm.Share(self.sums)
        self._shared: nn.Module = nn.Identity()
        self._skeleton: nn.Module = nn.Identity()
        self.at_end: Callable[[], None] = lambda: None
        self._wire = wire(rank, count, self.gathered) if here == count else None

    def whole(self, pictures: int) -> int:
        return int(self.sums(torch.tensor([pictures])))

    def shared(self, net: nn.Module) -> nn.Module:
        if self.cut:
            self._skeleton = sharded.skeleton(net)
            self._shared = sharded.cut(net)
        else:
            others = any(b.is_floating_point() for b in _buffers_not_of_norms(net))
            sync: dict[str, Any] = {
                next(name for name in SYNC if name in inspect.signature(DistributedDataParallel).parameters): others
            }
            # Unused weights are looked for in every step: some networks have them, and without it torch orders its
            # buckets anew in the first step, so that sums of a resumed run would differ in the last bit.
            self._shared = DistributedDataParallel(
                _Beside(net),
                bucket_cap_mb=BUCKET[next(net.parameters()).device.type],
                gradient_as_bucket_view=True,
                find_unused_parameters=True,
                **sync,
            )
        return self._shared

    def norms(self, net: nn.Module) -> AbstractContextManager[None]:
        return synced_norm.synced(net, self._share)

    @contextmanager
    def part(self, pictures: int, *, last: bool) -> Iterator[None]:
        self._share.counted = pictures > 0
        if self.cut:
            self._shared.set_requires_gradient_sync(last)  # type: ignore[operator]
        ddp = self._shared
        waits = ddp.no_sync() if isinstance(ddp, DistributedDataParallel) and not last else nullcontext()
        with waits:
            yield

    def sums(self, values: Tensor) -> Tensor:
        if self._wire is not None and self._wire.takes(values):
            return torch.stack(self._wire.gather(values)).sum(0)
        dist.all_reduce(values)
        return values

    def greatest(self, *numbers: int) -> tuple[int, ...]:
        values = torch.tensor([int(number) for number in numbers])
        if self._wire is not None and self._wire.takes(values):
            return tuple(torch.stack(self._wire.gather(values)).amax(0).tolist())
        dist.all_reduce(values, dist.ReduceOp.MAX)
        return tuple(values.tolist())

    def agreed(self, value: Number) -> Number:
        held = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(held, 0)
        return type(value)(held.item())

    def told(self, text: str) -> str:
        return _text(self._spread(_bytes(text)))

    def gathered(self, text: str) -> list[str]:
        return [_text(self._spread(_bytes(text), rank)) for rank in range(self.count)]

    def handed(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        kinds = {name: [str(t.dtype).removeprefix("torch."), list(t.shape)] for name, t in tensors.items()}
        found = {}
        for name, (kind, shape) in json.loads(self.told(json.dumps(kinds))).items():
            held = tensors.get(name, torch.empty(0))
            raw = self._spread(held.contiguous().view(-1).view(torch.uint8))
            found[name] = raw.view(getattr(torch, kind)).view(shape)
        return found

    def own(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return sharded.own(tensors) if self.cut else list(tensors)

    def length(self, own: float) -> float:
        return math.sqrt(float(self.sums(torch.tensor(own**2, dtype=torch.float64)))) if self.cut else own

    def full(self, state: Any) -> Any:
        return sharded.full(state) if self.cut else state

    def cut_like(self, state: Mapping[Any, Any], like: Mapping[Any, Tensor]) -> Mapping[Any, Any]:
        return sharded.cut_like(state, like) if self.cut else state

    def plain(self, net: nn.Module) -> nn.Module:
        return sharded.plain(net, self._skeleton) if self.cut else net

    def lost(self, error: BaseException) -> bool:
        return is_lost(error)

    def finish(self) -> None:
        dist.barrier()
        self.at_end()

    def close(self) -> None:
        """Let go of what is open between the processes."""
        if self._wire is not None:
            self._wire.close()

    def _spread(self, content: Tensor, source: int = 0) -> Tensor:
        """(n,) uint8 of process `source`, in every one."""
        size = torch.tensor([len(content)])
        dist.broadcast(size, source)
        if source != self.rank:
            content = torch.empty(int(size), dtype=torch.uint8)
        if len(content):
            dist.broadcast(content, source)
        return content


def is_lost(error: BaseException) -> bool:
    """Whether `error` says that another process is not there any more."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and any(w in str(error) for w in LOST))


def _buffers_not_of_norms(net: nn.Module) -> Iterator[Tensor]:
    for module in net.modules():
        if not synced_norm.is_plain(module):
            yield from module.buffers(recurse=False)


def _bytes(text: str) -> Tensor:
    return torch.tensor(list(text.encode("utf-8", "surrogateescape")), dtype=torch.uint8)


def _text(content: Tensor) -> str:
    return bytes(content.tolist()).decode("utf-8", "surrogateescape")
