"""How many multiplications and additions each operation takes: one small rule an operation, all in this file.

What is counted, and what the three numbers mean:

* `multiply_adds`: one for each pair of a weight and an input (or, in a matrix product, of two entries) that are
  multiplied and summed. Convolutions, transposed convolutions, fully connected layers and matrix products have them;
  nothing else has. Biases are not in it. Padding counts as if it were real.
* `multiplications`: all products and quotients written in the formula of the operation.
* `additions`: all sums and differences: a sum of K terms is K − 1, a bias one more.

Comparisons (ReLU, max-pooling) and functions (exp, tanh, square root) are neither. Counts are for the shapes the
operation was given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

aten = torch.ops.aten


class Count(NamedTuple):
    multiply_adds: int = 0
    multiplications: int = 0
    additions: int = 0


NOTHING = Count()


def count(func: Any, out: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Count:
    """What one call of an operation takes; nothing where it has no rule."""
    rule = RULES.get(func.overloadpacket)
    return NOTHING if rule is None else rule(out, *args, **kwargs)


def dot_products(results: int, terms: int, added: int = 0) -> Count:
    """`results` sums of `terms` products each, and `added` additions more."""
    return Count(results * terms, results * terms, results * (terms - 1) + added)


def convolution(
    out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any, *rest: Any
) -> Count:
    biases = out.numel() if bias is not None else 0
    if not rest[0]:
        return dot_products(out.numel(), weight[0].numel(), biases)
    # Each input is multiplied with weight[its map] and the products are added up where they fall, border included.
    products = x.numel() * weight[0].numel()
    axes = zip(x.shape[2:], weight.shape[2:], stride, dilation, strict=True)
    places = prod(len({i * s + k * d for i in range(n) for k in range(kernel)}) for n, kernel, s, d in axes)
    return Count(products, products, products - out.shape[0] * out.shape[1] * places + biases)


def product(out: Tensor, first: Tensor, second: Tensor, **_: Any) -> Count:
    return dot_products(out.numel(), first.shape[-1])


def product_and_sum(out: Tensor, added: Tensor, first: Tensor, second: Tensor, **_: Any) -> Count:
    return dot_products(out.numel(), first.shape[-1], out.numel())


def attention(out: Any, query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Count:
    """softmax(q kᵀ · scale) v."""
    scores = prod(query.shape[:-1]) * key.shape[-2]
    first, last = dot_products(scores, query.shape[-1]), dot_products(out[0].numel(), key.shape[-2])
    soft = _shares(scores, key.shape[-2])
    return Count(
        first.multiply_adds + last.multiply_adds,
        first.multiplications + scores + soft.multiplications + last.multiplications,
        first.additions + soft.additions + last.additions,
    )


def scale_and_shift(out: Any, x: Tensor, *rest: Any) -> Count:
    """Batch normalisation by running statistics: a number to multiply with and one to add for each map.

    By the statistics of the batch: as `normalise`, over everything but the maps.
    """
    if next((value for value in rest if isinstance(value, bool)), False):
        return _normalised(x.numel(), x.numel() // x.shape[1], affine=rest[0] is not None)
    return Count(0, x.numel(), x.numel())


def layer_norm(out: Any, x: Tensor, shape: Sequence[int], weight: Tensor | None, *_: Any) -> Count:
    return _normalised(x.numel(), prod(shape), affine=weight is not None)


def group_norm(
    out: Any, x: Tensor, weight: Tensor | None, bias: Any, n: int, c: int, pixels: int, groups: int, *_: Any
) -> Count:
    return _normalised(x.numel(), c * pixels // groups, affine=weight is not None)


def _normalised(elements: int, together: int, *, affine: bool) -> Count:
    """Mean, variance, (x − mean) · 1/deviation, then scale and shift: `together` elements share their statistics."""
    parts = elements // max(together, 1)
    multiplications = 2 * elements + 2 * parts  # the squares and the scaling; the mean and the variance
    return Count(0, multiplications + affine * elements, 3 * elements - 2 * parts + affine * elements)


def average_pool(out: Tensor, x: Tensor, kernel: Sequence[int], *_: Any, **__: Any) -> Count:
    axes = x.dim() - 2 if len(kernel) == 1 else len(kernel)
    window = prod(kernel) if len(kernel) == axes else kernel[0] ** axes
    return Count(0, out.numel(), out.numel() * (window - 1))


def adaptive_average_pool(out: Tensor, x: Tensor, size: Sequence[int]) -> Count:
    sides = zip(x.shape[-len(size) :], size, strict=True)
    windows = prod(sum(-(-(j + 1) * n // m) - j * n // m for j in range(m)) for n, m in sides)
    return Count(0, out.numel(), windows * prod(x.shape[: -len(size)]) - out.numel())


def summed(out: Tensor, x: Tensor, *_: Any, **__: Any) -> Count:
    return Count(0, 0, x.numel() - out.numel())


def averaged(out: Tensor, x: Tensor, *_: Any, **__: Any) -> Count:
    return Count(0, out.numel(), x.numel() - out.numel())


def length(out: Tensor, x: Tensor, *_: Any, **__: Any) -> Count:
    """Squares and their sum; the root is a function."""
    return Count(0, x.numel(), x.numel() - out.numel())


def softmax(out: Tensor, x: Tensor, dim: int, *_: Any) -> Count:
    return _shares(x.numel(), x.shape[dim])


def _shares(elements: int, together: int) -> Count:
    """The sum of `together` elements, and each divided by it."""
    return Count(0, elements, elements - elements // max(together, 1))


def added(out: Tensor, *_: Any, alpha: float = 1, **__: Any) -> Count:
    return Count(0, out.numel() * (alpha != 1), out.numel())


def multiplied(out: Tensor, *_: Any, **__: Any) -> Count:
    return Count(0, out.numel(), 0)


def multiplied_and_added(out: Tensor, *_: Any, **__: Any) -> Count:
    return Count(0, out.numel(), out.numel())


def power(out: Tensor, x: Any, exponent: Any = None) -> Count:
    """Whole powers by repeated multiplication; any other is a function."""
    whole = isinstance(exponent, (int, float)) and exponent == int(exponent) and exponent > 0
    return Count(0, out.numel() * (int(exponent) - 1), 0) if whole else NOTHING


def hard_swish(out: Tensor, *_: Any) -> Count:
    """x · min(max(x + 3, 0), 6) / 6."""
    return Count(0, 2 * out.numel(), out.numel())


def interpolation(points: int) -> Callable[..., Count]:
    """Each output a weighted sum of `points` inputs."""
    return lambda out, *_, **__: Count(0, out.numel() * points, out.numel() * (points - 1))


RULES: dict[Any, Callable[..., Count]] = {
    aten.convolution: convolution,
    **dict.fromkeys((aten.mm, aten.bmm, aten.mv, aten.dot), product),
    **dict.fromkeys((aten.addmm, aten.baddbmm, aten.addmv), product_and_sum),
    aten._scaled_dot_product_flash_attention_for_cpu: attention,
    **dict.fromkeys((aten.native_batch_norm, aten._native_batch_norm_legit), scale_and_shift),
    **dict.fromkeys((aten._native_batch_norm_legit_no_training, aten._batch_norm_no_update), scale_and_shift),
    aten.native_layer_norm: layer_norm,
    aten.native_group_norm: group_norm,
    **dict.fromkeys((aten.avg_pool1d, aten.avg_pool2d, aten.avg_pool3d), average_pool),
    **dict.fromkeys((aten._adaptive_avg_pool2d, aten._adaptive_avg_pool3d), adaptive_average_pool),
    aten.sum: summed,
    aten.mean: averaged,
    aten.linalg_vector_norm: length,
    **dict.fromkeys((aten._softmax, aten._log_softmax, aten._safe_softmax), softmax),
    **dict.fromkeys((aten.add, aten.add_, aten.sub, aten.sub_, aten.rsub), added),
    **dict.fromkeys((aten.mul, aten.mul_, aten.div, aten.div_, aten.reciprocal, aten.square), multiplied),
    **dict.fromkeys((aten.leaky_relu, aten.leaky_relu_, aten._prelu_kernel, aten.silu, aten.silu_), multiplied),
    **dict.fromkeys((aten.hardsigmoid, aten.hardsigmoid_, aten.lerp, aten.addcmul, aten.addcdiv), multiplied_and_added),
    **dict.fromkeys((aten.hardswish, aten.hardswish_), hard_swish),
    **dict.fromkeys((aten.pow, aten.pow_), power),
    aten.upsample_linear1d: interpolation(2),
    aten.upsample_bilinear2d: interpolation(4),
    aten.upsample_trilinear3d: interpolation(8),
    aten.upsample_bicubic2d: interpolation(16),
}
