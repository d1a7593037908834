"""What the arguments of an operation say, for tables: its windows along each axis, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from striate.analysis.remainder import Window
from striate.analysis.sight import per_axis

aten = torch.ops.aten

POOLS = {aten.max_pool2d_with_indices, aten.max_pool3d_with_indices, aten.avg_pool2d, aten.avg_pool3d}
AVERAGES = {aten.avg_pool2d, aten.avg_pool3d}
PRODUCTS = {aten.mm, aten.addmm}
KINDS = {  # how people call what torch's dispatcher calls otherwise
    "convolution": "conv", "addmm": "linear", "mm": "matmul", "bmm": "matmul", "baddbmm": "matmul",
    "max_pool2d_with_indices": "max_pool2d", "max_pool3d_with_indices": "max_pool3d", "native_batch_norm": "batch_norm",
    "native_layer_norm": "layer_norm", "native_group_norm": "group_norm", "_softmax": "softmax",
    "_log_softmax": "log_softmax", "_safe_softmax": "softmax", "constant_pad_nd": "pad", "native_dropout": "dropout",
    "_adaptive_avg_pool2d": "adaptive_avg_pool2d", "_adaptive_avg_pool3d": "adaptive_avg_pool3d",
    "_scaled_dot_product_flash_attention_for_cpu": "attention", "_prelu_kernel": "prelu",
}  # fmt: skip


class Detail(NamedTuple):
    words: str
    windows: tuple[Window, ...] = ()


def kind_of(name: str) -> str:
    """An operation's name as people say it.

    >>> kind_of("convolution"), kind_of("add_"), kind_of("sigmoid")
    ('conv', 'add', 'sigmoid')
    """
    return KINDS.get(name) or name.rstrip("_")


def detail_of(func: Any, args: tuple[Any, ...], after: dict[int, int]) -> Detail | None:
    """The detail of a convolution, pool or product; None of others. `after`: padding at the end of dimensions."""
    packet = func.overloadpacket
    if packet is aten.convolution:
        return _convolution(after, *args)
    if packet in POOLS:
        return _pool(after, *args, average=packet in AVERAGES)
    if packet in PRODUCTS:
        inputs, outputs = args[-1].shape
        return Detail(f"{inputs} to {outputs}")
    return None


def _convolution(
    after: dict[int, int], x: Tensor, weight: Tensor, _: Any, stride: Any, padding: Any, dilation: Any,
    transposed: bool, __: Any, groups: int,
) -> Detail:  # fmt: skip
    kernel = list(weight.shape[2:])
    stride, padding, dilation = (per_axis(value, len(kernel)) for value in (stride, padding, dilation))
    words = _words(kernel, stride, padding, dilation, groups)
    return Detail(words) if transposed else Detail(words, _windows(after, x, kernel, stride, padding, dilation))


def _pool(
    after: dict[int, int], x: Tensor, kernel: Any, stride: Any = (), padding: Any = 0, fourth: Any = None,
    fifth: Any = False, *_: Any, average: bool,
) -> Detail:  # fmt: skip
    axes = min(len(kernel), x.dim() - 1) if len(kernel) > 1 else x.dim() - 2
    kernel, padding = per_axis(kernel, axes), per_axis(padding, axes)
    stride = per_axis(stride, axes, kernel)
    dilation = per_axis(1 if average or fourth is None else fourth, axes)
    ceil = bool(fourth) if average else bool(fifth)
    if axes == 2 and x.shape[-2] == kernel[0] == 1:  # how torch takes a pool along one axis
        kernel, stride, padding, dilation = (values[1:] for values in (kernel, stride, padding, dilation))
    words = _words(kernel, stride, padding, dilation, 1) + (", ceil" if ceil else "")
    return Detail(words) if ceil else Detail(words, _windows(after, x, kernel, stride, padding, dilation))


def _windows(after: dict[int, int], x: Tensor, *numbers: Sequence[int]) -> tuple[Window, ...]:
    front = x.dim() - len(numbers[0])
    return tuple(
        Window(x.shape[dim], kernel, stride, padding, dilation, after.get(dim, 0))
        for dim, (kernel, stride, padding, dilation) in enumerate(zip(*numbers, strict=True), front)
    )


def _words(
    kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int
) -> str:
    said = ["x".join(map(str, kernel))]
    for word, values, usual in ("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1):
        if any(value != usual for value in values):
            said.append(f"{word} {values[0] if len(set(values)) == 1 else 'x'.join(map(str, values))}")
    return ", ".join([*said, f"{groups} groups"] if groups > 1 else said)
