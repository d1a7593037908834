"""Weights that are cut over the processes (FSDP2), for networks that do not fit with their gradients and averages.

Zhao and others, PyTorch FSDP: Experiences on Scaling Fully Sharded Data Parallel, 2023, arXiv 2304.11277. Each process
holds a part of every weight; a block's weights are put together while the block computes. What is saved is whole.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

BLOCKS = 16  # a block whose weights are put together at once has at most one part in so many, if it can be divided


def skeleton(net: nn.Module) -> nn.Module:
    """A copy of `net` as it is before it is cut, without weights, for `plain`."""
    memo: dict[int, Any] = {
        id(p): nn.Parameter(torch.empty_like(p, device="meta"), requires_grad=p.requires_grad) for p in net.parameters()
    }
    return copy.deepcopy(net, memo)


def cut(net: nn.Module) -> nn.Module:
    """`net` itself, its weights cut over all processes; all of them call this with the same weights."""
    net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for tensor in [*net.parameters(), *net.buffers()]:
        dist.broadcast(tensor.data, 0)
    device = next(net.parameters()).device.type
    mesh = init_device_mesh(device, (dist.get_world_size(),))
    names = [name for name, _ in net.named_parameters(remove_duplicate=False)]
    tied = len(names) > len(list(net.parameters()))  # a weight that two blocks use belongs to the whole
    for block in [] if tied else _blocks(net, sum(p.numel() for p in net.parameters()) // BLOCKS):
        fully_shard(block, mesh=mesh)
    fully_shard(net, mesh=mesh)
    return net


def _blocks(net: nn.Module, most: int) -> Iterator[nn.Module]:
    """The largest modules inside `net` with at most `most` weights each, or that cannot be divided."""
    for child in net.children():
        weights = sum(p.numel() for p in child.parameters())
        holds = isinstance(child, nn.ModuleList | nn.ModuleDict)  # has no forward
        if weights and not holds and (weights <= most or not list(child.children())):
            yield child
        elif weights:
            yield from _blocks(child, most)


def own(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The part of each that this process holds."""
    return [t.to_local() if isinstance(t, DTensor) else t for t in tensors]


def full(state: Any) -> Any:
    """A nested state with every tensor whole, on the CPU where it was cut; all processes call this together."""
    if isinstance(state, DTensor):
        return state.full_tensor().detach().cpu()
    if isinstance(state, Mapping):
        return {key: full(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(full(value) for value in state)
    return state


def cut_like(state: Mapping[Any, Any], like: Mapping[Any, Tensor]) -> dict[Any, Any]:
    """`state` with each tensor cut as the one of `like` under the same key, where the shapes are the same.

    A value may be a mapping itself, as the optimizer's for one weight is; all processes call this together.
    """
    return {key: _cut_as(value, like.get(key)) for key, value in state.items()}


def _cut_as(value: Any, like: Tensor | None) -> Any:
    if isinstance(value, Mapping):
        return {key: _cut_as(one, like) for key, one in value.items()}
    if isinstance(like, DTensor) and isinstance(value, Tensor) and value.shape == like.shape:
        return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)
    return value


def plain(net: nn.Module, skeleton: nn.Module) -> nn.Module:
    """`skeleton` with the weights of the cut `net`, on the CPU; all processes call this together."""
    weights = {name: value.cpu() for name, value in full(net.state_dict()).items()}
    skeleton.load_state_dict(weights, assign=True)
    return skeleton.train(net.training)
