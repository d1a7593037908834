"""Depthwise convolutions in bfloat16 on a CPU whose backward is not slow.

The backward of torch 2.13's depthwise convolution in bfloat16 takes 20 to 80 times as long as in float32 where the
stride is over 1, and 2.5 to 5 times with kernels over 3 (measured on AMD Zen 5; dense and grouped ones are fine). Here
the forward stays in bfloat16, and the backward of those is computed in float32, which is no less exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from striate.training.machine import Machine


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, sizes: tuple[Any, ...]) -> Tensor:
        stride, padding, dilation, groups = sizes
        ctx.save_for_backward(x, weight)
        ctx.sizes, ctx.has_bias = sizes, bias is not None
        low = None if bias is None else bias.bfloat16()
        return functional.conv2d(x.bfloat16(), weight.bfloat16(), low, stride, padding, dilation, groups)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.sizes
        given = outer[0].float()
        of_x, of_weight, of_bias = torch.ops.aten.convolution_backward(
            given,
            x.float(),
            weight.float(),
            [weight.shape[0]] if ctx.has_bias else None,
            list(stride),
            list(padding),
            list(dilation),
            False,
            [0, 0],
            groups,
            [ctx.needs_input_grad[0], ctx.needs_input_grad[1], ctx.has_bias],
        )
        return (None if of_x is None else of_x.to(x.dtype)), of_weight, of_bias, None


@contextmanager
def quick_depthwise(net: nn.Module, machine: Machine) -> Iterator[None]:
    """Meanwhile slow depthwise convolutions of `net` go the quick way, where `machine` is a CPU with bfloat16."""
    slow = [layer for layer in net.modules() if is_slow(layer)]
    slow = slow if machine.precision == "bfloat16" and machine.device.type == "cpu" else []
    for layer in slow:
        layer._conv_forward = _forward_of(layer)
    try:
        yield
    finally:
        for layer in slow:
            vars(layer).pop("_conv_forward")


def is_slow(layer: nn.Module) -> bool:
    """Whether `layer` is a depthwise convolution whose backward in bfloat16 is slow."""
    if not isinstance(layer, nn.Conv2d) or layer.groups == 1 or layer.groups != layer.in_channels:
        return False
    plain = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return plain and (max(layer.stride) > 1 or max(layer.kernel_size) > 3)


def _forward_of(layer: nn.Module) -> Any:
    assert isinstance(layer, nn.Conv2d)
    sizes = (layer.stride, layer.padding, layer.dilation, layer.groups)
    usual: Any = layer._conv_forward

    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not torch.is_autocast_enabled("cpu"):  # it answers in full precision between the epochs
            return usual(x, weight, bias)  # type: ignore[no-any-return]
        return _Depthwise.apply(x, weight, bias, sizes)  # type: ignore[no-any-return,no-untyped-call]

    return forward
