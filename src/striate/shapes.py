"""The shapes that common operations give, without asking torch.

Torch's own meta kernels are written in Python and import a compiler (sympy and more than 800 modules: a second, and 80
MB) the first time one is used. The operations of nearly every network are in the table below instead, one small
function each; whatever is not, or is not plainly right, is left to torch, and so are all error messages. The tests
compare each function with torch's kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from striate.arithmetic import output_size, transposed_size

aten = torch.ops.aten
UNKNOWN: Any = object()  # what a rule gives where torch must be asked


class ShapesOnly(TorchDispatchMode):
    """Runs operations on meta tensors by the table, where it can: `with ShapesOnly(): net(image)`."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch wraps this mode in its compiler, and imports it for that

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = by_table(func, args, kwargs or {})
        return func(*args, **(kwargs or {})) if out is UNKNOWN else out


def by_table(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What the operation gives, of meta tensors; `UNKNOWN` where the table does not say."""
    rule = RULES.get(func.overloadpacket)
    if rule is None or not args or not isinstance(args[0], (Tensor, list)):
        return UNKNOWN
    return rule(func, *args, **kwargs)


def like(tensor: Tensor) -> Tensor:
    """A contiguous meta tensor with the shape and type of another."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")


def new(tensor: Tensor, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
    """A meta tensor of `shape`, of the type of another."""
    return torch.empty(shape, dtype=dtype or tensor.dtype, device="meta")


def floating(*tensors: Any) -> bool:
    """Whether all are meta tensors of one floating type (or None)."""
    given = [tensor for tensor in tensors if tensor is not None]
    return all(
        isinstance(tensor, Tensor) and tensor.is_meta and tensor.is_floating_point() and tensor.dtype == given[0].dtype
        for tensor in given
    )


def plain(*tensors: Any) -> bool:
    """Whether they are contiguous besides, or would be without gaps and repeats: what comes out of them then is."""
    return floating(*tensors) and all(x is None or x.is_contiguous() or in_order(x) for x in tensors)


def in_order(tensor: Tensor) -> bool:
    """Whether the later sides lie closer together in memory."""
    strides = [stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if size > 1 and stride > 0]
    return all(first >= second for first, second in pairwise(strides))


def element_wise(func: Any, *args: Any, **_: Any) -> Any:
    """One shape in, the same out; sides of 1 are spread."""
    tensors = [value for value in args if isinstance(value, Tensor)]
    if func._schema.is_mutable and len(tensors) == 1 and tensors[0].is_meta:
        return tensors[0]
    if not plain(*tensors) or (len(args) > 1 and isinstance(args[1], (list, tuple))):
        return UNKNOWN
    first = tensors[0]
    shape = first.shape
    if any(tensor.shape != shape for tensor in tensors):
        try:
            shape = torch.Size(np.broadcast_shapes(*(tensor.shape for tensor in tensors)))  # torch's imports sympy
        except ValueError:
            return UNKNOWN
    if func._schema.is_mutable:
        return first if first.shape == shape else UNKNOWN
    return new(first, *shape)


def convolution(
    func: Any, x: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
    output_padding: Any, groups: int,
) -> Any:  # fmt: skip
    axes = weight.dim() - 2
    if x.dim() != axes + 2:  # torch refuses this on every device but meta
        raise RuntimeError(f"a convolution along {axes} axes is given {x.dim() - 2}")
    if not plain(x, weight, bias) or any(len(v) != axes for v in (stride, padding, dilation)):
        return UNKNOWN
    maps = weight.shape[1] * groups if transposed else weight.shape[0]
    channels = weight.shape[0] if transposed else weight.shape[1] * groups
    numbers = zip(x.shape[2:], weight.shape[2:], stride, [2 * p for p in padding], dilation, strict=True)
    if transposed:
        _refuse_transposed(x, channels, stride, dilation, output_padding)
        size = [transposed_size(*axis, extra) for axis, extra in zip(numbers, output_padding, strict=True)]
    else:
        size = [output_size(*axis) for axis in numbers]
    right = x.shape[1] == channels and maps % groups == 0 and min(size) > 0 and (bias is None or bias.shape == (maps,))
    return new(x, x.shape[0], maps, *size) if right else UNKNOWN


def _refuse_transposed(x: Tensor, channels: int, stride: Any, dilation: Any, output_padding: Any) -> None:
    """What torch refuses on every device but meta, where it gives a shape all the same."""
    if x.shape[1] != channels:
        raise RuntimeError(f"a transposed convolution of {channels} channels is given {x.shape[1]}")
    if any(o >= max(s, d) for o, s, d in zip(output_padding, stride, dilation, strict=True)):
        raise RuntimeError("output padding must be smaller than either stride or dilation")


def convolution_backward(func: Any, grad: Tensor, x: Tensor, weight: Tensor, *rest: Any) -> Any:
    if not plain(grad, x, weight):
        return UNKNOWN
    of_input, of_weight, of_bias = rest[-1]
    maps = grad.shape[1]
    return like(x) if of_input else None, like(weight) if of_weight else None, new(x, maps) if of_bias else None


def batch_norm(
    func: Any, x: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, momentum: Any, eps: Any
) -> Any:
    own = [tensor for tensor in (weight, bias, mean, variance) if tensor is not None]
    if not plain(x, *own) or any(tensor.shape != x.shape[1:2] for tensor in own):
        return UNKNOWN
    saved = x.shape[1] if training else 0
    return like(x), new(x, saved), new(x, saved)


def batch_norm_backward(func: Any, grad: Tensor, x: Tensor, weight: Any, *rest: Any) -> Any:
    if not plain(grad, x, weight):
        return UNKNOWN
    of_input, of_weight, of_bias = rest[-1]
    return like(x) if of_input else None, *(new(x, x.shape[1]) if needed else None for needed in (of_weight, of_bias))


def layer_norm(func: Any, x: Tensor, shape: Sequence[int], weight: Any, bias: Any, eps: float) -> Any:
    if not plain(x, weight, bias) or list(x.shape[x.dim() - len(shape) :]) != list(shape):
        return UNKNOWN
    saved = [*x.shape[: x.dim() - len(shape)], *[1] * len(shape)]
    return like(x), new(x, *saved), new(x, *saved)


def layer_norm_backward(
    func: Any, grad: Tensor, x: Tensor, shape: Any, mean: Any, rstd: Any, weight: Any, bias: Any, mask: Any
) -> Any:
    if not plain(grad, x, weight, bias):
        return UNKNOWN
    given = zip((x, weight, bias), mask, strict=True)
    return tuple(like(tensor) if needed and tensor is not None else None for tensor, needed in given)


def max_pool(
    func: Any, x: Tensor, kernel: Any, stride: Any = (), padding: Any = (0,), dilation: Any = (1,), ceil: bool = False
) -> Any:
    size = _pooled(x, kernel, stride, padding, dilation, ceil)
    return UNKNOWN if size is None else (new(x, *size), new(x, *size, dtype=torch.long))


def average_pool(
    func: Any, x: Tensor, kernel: Any, stride: Any = (), padding: Any = (0,), ceil: bool = False, *_: Any
) -> Any:
    size = _pooled(x, kernel, stride, padding, (1,), ceil)
    return UNKNOWN if size is None else new(x, *size)


def average_pool_3d(func: Any, x: Tensor, kernel: Any, *rest: Any) -> Any:
    """Torch refuses a window that is larger than the volume without its border on every device but meta."""
    if any(k > n for k, n in zip(kernel if len(kernel) == 3 else [*kernel] * 3, x.shape[-3:], strict=True)):
        raise RuntimeError("the window of avg_pool3d is larger than its input")
    return average_pool(func, x, kernel, *rest)


def _pooled(x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> list[int] | None:
    axes = len(kernel)
    stride, padding, dilation = (
        list(value)[:axes] * (axes if len(value) == 1 else 1) for value in (stride or kernel, padding, dilation)
    )
    if not plain(x) or not 1 <= x.dim() - axes <= 2 or any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        return None
    numbers = zip(x.shape[-axes:], kernel, stride, [2 * p for p in padding], dilation, strict=True)
    size = [output_size(*axis, ceil=ceil) for axis in numbers]
    return [*x.shape[:-axes], *size] if min(size) > 0 else None


def resize(func: Any, x: Tensor, size: Sequence[int], *_: Any, **__: Any) -> Any:
    right = plain(x) and size is not None and x.dim() == 4 and min(size) > 0
    return new(x, *x.shape[:2], *size) if right else UNKNOWN


def constant_pad(func: Any, x: Tensor, pad: Sequence[int], value: float = 0) -> Any:
    """`pad`: pixels before and after along the last axis, then along the one before it, ...; below 0 they go."""
    more = [first + last for first, last in zip(pad[::2], pad[1::2], strict=True)][::-1]
    size = [n + m for n, m in zip(x.shape, [0] * (x.dim() - len(more)) + more, strict=True)]
    return new(x, *size) if plain(x) and min(size) > 0 else UNKNOWN


def upsample_backward(func: Any, grad: Tensor, size: Any, input_size: Sequence[int], *_: Any, **__: Any) -> Any:
    return new(grad, *input_size) if plain(grad) else UNKNOWN


def second(func: Any, grad: Tensor, x: Tensor, *_: Any, **__: Any) -> Any:
    """The gradient of an input has its shape."""
    return like(x) if plain(grad, x) else UNKNOWN


def matrix(func: Any, first: Tensor, second: Tensor) -> Any:
    """(m, k) by (k, n), or a batch of them; views of weights are often transposed."""
    rank = first.dim()
    same = isinstance(second, Tensor) and first.is_meta and second.is_meta and first.dtype == second.dtype
    if not same or second.dim() != rank or first.shape[-1] != second.shape[-2] or first.shape[:-2] != second.shape[:-2]:
        return UNKNOWN
    return new(first, *first.shape[:-1], second.shape[-1])


def matrix_and_sum(func: Any, added: Tensor, first: Tensor, second: Tensor, **_: Any) -> Any:
    out = matrix(func, first, second)
    if out is UNKNOWN or added.dtype != out.dtype or added.shape not in (out.shape, out.shape[-1:]):
        return UNKNOWN
    return out


def reduction(func: Any, x: Tensor, dims: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    if not floating(x) or dtype is not None or func._schema.overload_name not in ("", "dim", "dim_IntList"):
        return UNKNOWN
    gone = {dim % x.dim() for dim in dims} if dims else set(range(x.dim()))
    shape = [1 if dim in gone else side for dim, side in enumerate(x.shape) if keepdim or dim not in gone]
    return new(x, *shape)


def cat(func: Any, tensors: Sequence[Tensor], dim: int = 0) -> Any:
    if not plain(*tensors) or any(tensor.dim() != tensors[0].dim() for tensor in tensors):
        return UNKNOWN
    shape, dim = list(tensors[0].shape), dim % max(tensors[0].dim(), 1)
    if any([*t.shape[:dim], *t.shape[dim + 1 :]] != [*shape[:dim], *shape[dim + 1 :]] for t in tensors):
        return UNKNOWN
    shape[dim] = sum(tensor.shape[dim] for tensor in tensors)
    return new(tensors[0], *shape)


def softmax(func: Any, x: Tensor, dim: int, half: bool) -> Any:
    return like(x) if plain(x) and not half else UNKNOWN


def empty_like(func: Any, x: Tensor, *, dtype: Any = None, memory_format: Any = None, **_: Any) -> Any:
    return new(x, *x.shape, dtype=dtype) if plain(x) else UNKNOWN


def of_size(func: Any, x: Tensor, size: Sequence[int], *_: Any, dtype: Any = None, **__: Any) -> Any:
    """A new tensor of a given size; the gradient of a slice is one of all that it was cut from."""
    return new(x, *size, dtype=dtype) if floating(x) else UNKNOWN


ELEMENT_WISE = (
    "add", "sub", "mul", "div", "pow", "square", "neg", "exp", "sqrt", "rsqrt", "abs", "rsub", "maximum", "minimum",
    "relu", "hardtanh", "sigmoid", "tanh", "silu", "gelu", "hardswish", "hardsigmoid", "leaky_relu", "elu", "clamp_min",
    "add_", "sub_", "mul_", "div_", "relu_", "hardtanh_", "sigmoid_", "tanh_", "silu_", "hardswish_", "hardsigmoid_",
    "leaky_relu_", "elu_", "threshold_backward", "hardtanh_backward", "sigmoid_backward", "tanh_backward",
    "silu_backward", "gelu_backward", "hardswish_backward", "hardsigmoid_backward", "leaky_relu_backward",
    "elu_backward",
)  # fmt: skip
RULES: dict[Any, Callable[..., Any]] = {
    **{getattr(aten, name): element_wise for name in ELEMENT_WISE},
    **dict.fromkeys((aten.max_pool2d_with_indices_backward, aten.avg_pool2d_backward), second),
    **dict.fromkeys((aten.avg_pool3d_backward, aten._adaptive_avg_pool2d_backward), second),
    **dict.fromkeys((aten._adaptive_avg_pool2d, aten.upsample_nearest2d, aten.upsample_bilinear2d), resize),
    **dict.fromkeys((aten.upsample_nearest2d_backward, aten.upsample_bilinear2d_backward), upsample_backward),
    **dict.fromkeys((aten.mm, aten.bmm), matrix),
    **dict.fromkeys((aten.addmm, aten.baddbmm), matrix_and_sum),
    **dict.fromkeys((aten.mean, aten.sum), reduction),
    **dict.fromkeys((aten._softmax, aten._log_softmax), softmax),
    **dict.fromkeys((aten.empty_like, aten.zeros_like, aten.ones_like), empty_like),
    **dict.fromkeys((aten.new_empty, aten.new_zeros, aten.new_ones, aten.new_full), of_size),
    **dict.fromkeys((aten.slice_backward, aten.select_backward), of_size),
    aten.convolution: convolution,
    aten.convolution_backward: convolution_backward,
    aten.native_batch_norm: batch_norm,
    aten.native_batch_norm_backward: batch_norm_backward,
    aten.native_layer_norm: layer_norm,
    aten.native_layer_norm_backward: layer_norm_backward,
    aten.max_pool2d_with_indices: max_pool,
    aten.avg_pool2d: average_pool,
    aten.avg_pool3d: average_pool_3d,
    aten.constant_pad_nd: constant_pad,
    aten.cat: cat,
}
