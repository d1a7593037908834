"""Batch norm over a batch that several processes hold parts of: mean, variance and gradient are those of the whole.

Ioffe and Szegedy, Batch Normalization, 2015, arXiv 1502.03167. torch's own `SyncBatchNorm` computes on CUDA only. Here
torch's kernels for one process do the work on each part, on any device, and what is summed over the processes are two
numbers a channel forwards and two backwards, in float64. The layers stay what they are: while `synced` lasts they only
compute in another way, so that the network can be saved at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Sums = Callable[[Tensor], Tensor]


@dataclass
class Share:
    """What the norms of one process need to know. `sums`: the sum of a tensor over all processes, in every one.

    `counted`: whether this process has pictures in the batch; one that has none computes along, and is not counted.
    """

    sums: Sums
    counted: bool = True


@contextmanager
def synced(net: nn.Module, share: Share) -> Iterator[None]:
    """Meanwhile the batch norms of `net` that learn see the whole batch."""
    layers = [layer for layer in net.modules() if is_plain(layer)]
    for layer in layers:
        layer.forward = _forward_of(layer, share)
    try:
        yield
    finally:
        for layer in layers:
            vars(layer).pop("forward")


def is_plain(layer: nn.Module) -> bool:
    """Whether `layer` is a batch norm that computes as torch's do; a class with a forward of its own is left alone."""
    return isinstance(layer, _BatchNorm) and type(layer).forward is _BatchNorm.forward


def _forward_of(layer: Any, share: Share) -> Callable[[Tensor], Tensor]:
    def forward(x: Tensor) -> Tensor:
        if not (layer.training or layer.running_mean is None):
            return _BatchNorm.forward(layer, x)
        layer._check_input_dim(x)
        mean, variance, count = _statistics(x.detach(), share)
        if layer.training and layer.track_running_stats:
            _remember(layer, mean, variance, count)
        return _Normalise.apply(x, layer.weight, layer.bias, (mean, variance, count, layer.eps), share)  # type: ignore[no-any-return,no-untyped-call]

    return forward


def _statistics(x: Tensor, share: Share) -> tuple[Tensor, Tensor, float]:
    """(c,) mean and variance of each channel over all processes, and the values a channel that they are of."""
    kind = torch.float64 if x.dtype == torch.float64 else torch.float32
    mean, variance = torch.zeros(2, x.shape[1], dtype=kind, device=x.device)
    if share.counted:  # the running values of this call are thrown away; with them, low precision is summed in float32
        mean, variance = torch.batch_norm_update_stats(x, mean.clone(), variance.clone(), 0.0)
    own = x.numel() // x.shape[1] if share.counted else 0
    mean, variance = mean.double(), variance.double()
    sums = share.sums(torch.cat([own * mean, own * (variance + mean.square()), mean.new_tensor([own])]))
    count = float(sums[-1])
    mean, square = (sums[:-1] / max(1.0, count)).chunk(2)
    return mean.to(kind), (square - mean.square()).clamp_min(0).to(kind), count


@torch.no_grad()
def _remember(layer: Any, mean: Tensor, variance: Tensor, count: float) -> None:
    """Take a batch into the running mean and (unbiased) variance, as torch's batch norm does."""
    layer.num_batches_tracked.add_(1)
    share = 1 / float(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean.to(layer.running_mean.dtype), share)
    unbiased = variance * (count / max(1.0, count - 1))
    layer.running_var.lerp_(unbiased.to(layer.running_var.dtype), share)


class _Normalise(torch.autograd.Function):
    """Section 3 of the paper: weight * (x - mean) / sqrt(variance + eps) + bias, with statistics of the whole batch."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, known: tuple[Any, ...], share: Share
    ) -> Tensor:
        mean, variance, count, eps = known
        ctx.save_for_backward(x, weight, mean, (variance + eps).rsqrt())
        ctx.count, ctx.share, ctx.counted = count, share, share.counted
        return torch.native_batch_norm(x, weight, bias, mean, variance, False, 0.0, eps)[0]

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale = ctx.saved_tensors
        given = outer[0] if outer[0].stride() == x.stride() else torch.empty_like(x).copy_(outer[0])
        ones = torch.ones_like(mean) if weight is None else weight
        known = (given, x, ones, None, None, mean, scale, True, 0.0, [False, True, True])
        _, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(*known)
        sums = ctx.share.sums(torch.cat([of_weight, of_bias]).double()).to(mean.dtype) / max(1.0, ctx.count)
        of_input = None
        if ctx.needs_input_grad[0]:
            of_input = _of_input(x, given, ones, mean, scale, sums) if ctx.counted else torch.zeros_like(x)
        learns = (weight is not None and ctx.needs_input_grad[1], ctx.needs_input_grad[2])
        return of_input, of_weight if learns[0] else None, of_bias if learns[1] else None, None, None


def _of_input(x: Tensor, given: Tensor, weight: Tensor, mean: Tensor, scale: Tensor, sums: Tensor) -> Tensor:
    """weight * scale * (given - mean of given - normalised x * mean of given * normalised x), in two passes.

    `sums`: the means over the whole batch of (given * normalised x) and of given, one after the other.
    """
    of_weight, of_bias = sums.chunk(2)
    slope = weight * scale
    bend = -slope * scale * of_weight
    level = -slope * of_bias - bend * mean
    zeros, units = torch.zeros_like(mean), torch.ones_like(mean)
    flat = torch.native_batch_norm(given, slope, level, zeros, units, False, 0.0, 0.0)[0]  # slope * given + level
    return flat.addcmul_(x, bend.to(x.dtype).view(-1, *[1] * (x.ndim - 2)))
