"""What units see after tensors are combined, summed over or normalised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from striate.analysis.receptive_field import mixed, whole
from striate.analysis.sight import Given, Rule, Sight, all_of, along, merged, positive, renumbered
from striate.analysis.sight_moves import broadcast

aten = torch.ops.aten


def each_element(given: Given, out: Tensor, *_: Any, **__: Any) -> Sight:
    """Each unit from those at its place."""
    return merged([tuple(broadcast(span, tensor, out) for span in sight) for tensor, sight in given])


def batch_norm(given: Given, out: Tensor, x: Tensor, weight: Any, bias: Any, *rest: Any) -> Sight:
    """With running statistics each unit from its own place; with those of the batch from the whole map."""
    own = each_element([(tensor, sight) for tensor, sight in given if tensor is x], out)
    training = next((value for value in rest if isinstance(value, bool)), False)
    return tuple(mixed(span) for span in own) if training else own


def group_norm(given: Given, out: Tensor, *_: Any) -> Sight:
    """The statistics are those of the whole map."""
    return tuple(mixed(span) for span in given[0][1])


def layer_norm(given: Given, out: Tensor, x: Tensor, shape: Sequence[int], *_: Any) -> Sight:
    return along(given[0][1], range(x.dim() - len(shape), x.dim()), lambda span, _: mixed(span))


def over_one(given: Given, out: Tensor, x: Tensor, dim: int = -1, *_: Any, **__: Any) -> Sight:
    """Units keep their places and depend on all along `dim`: softmax, running sums."""
    return along(given[0][1], positive(dim, x.dim()), lambda span, _: mixed(span))


def reduced(given: Given, out: Tensor, x: Tensor, dims: Any = None, *_: Any, **__: Any) -> Sight:
    """Sums, means, largest values: nothing is left of the dimensions."""
    if isinstance(dims, bool):  # std.default(x, unbiased)
        dims = None
    gone = positive(dims, x.dim())
    sight = along(given[0][1], gone, lambda span, _: whole([span]))
    if out.dim() == x.dim():
        return sight
    return renumbered(sight, [None if dim in gone else dim - sum(g < dim for g in gone) for dim in range(x.dim())])


def vector_norm(given: Given, out: Tensor, x: Tensor, order: Any = 2, dims: Any = None, *_: Any, **__: Any) -> Sight:
    return reduced(given, out, x, dims)


def top(given: Given, out: Tensor, x: Tensor, k: int, dim: int = -1, *_: Any, **__: Any) -> Sight:
    return along(given[0][1], positive(dim, x.dim()), lambda span, _: whole([span]))


def product(given: Given, out: Tensor, first: Tensor, second: Tensor, *_: Any, **__: Any) -> Sight:
    """Matrix product (..., m, k) by (..., k, n): places along k are summed over, those along m and n stay."""
    sights = []
    for tensor, sight in given:
        summed = tensor.dim() - (1 if tensor is first else 2)
        sights.append(along(sight, [summed], lambda span, _: whole([span])))
    return merged(sights)


def product_and_sum(
    given: Given, out: Tensor, added: Tensor, first: Tensor, second: Tensor, *_: Any, **__: Any
) -> Sight:
    terms = [each_element([pair], out) for pair in given if pair[0] is added]
    factors = [pair for pair in given if pair[0] is not added]
    return merged([*terms, *([product(factors, out, first, second)] if factors else [])])


def attention(given: Given, out: Tensor, query: Tensor, *_: Any, **__: Any) -> Sight:
    """A query keeps its place and sees every key and value."""
    return merged([sight if tensor is query else all_of([(tensor, sight)]) for tensor, sight in given])


RULES: dict[Any, Rule] = {
    **dict.fromkeys((aten.clone, aten._to_copy, aten.copy, aten.tril, aten.triu, aten.lift_fresh), each_element),
    **dict.fromkeys((aten.masked_fill, aten.native_dropout, aten._prelu_kernel), each_element),
    **dict.fromkeys(
        (aten.bernoulli, aten.rrelu_with_noise, aten.glu, aten.hardswish, aten.log_sigmoid_forward), each_element
    ),
    **dict.fromkeys((aten.native_batch_norm, aten._native_batch_norm_legit), batch_norm),
    **dict.fromkeys((aten._native_batch_norm_legit_no_training, aten._batch_norm_no_update), batch_norm),
    **dict.fromkeys((aten._softmax, aten._log_softmax, aten._safe_softmax, aten.cumsum, aten.sort), over_one),
    **dict.fromkeys((aten.mean, aten.sum, aten.prod, aten.amax, aten.amin, aten.max, aten.min), reduced),
    **dict.fromkeys((aten.var, aten.std, aten.var_mean, aten.std_mean, aten.argmax, aten.argmin), reduced),
    **dict.fromkeys((aten.logsumexp, aten.any, aten.all, aten.median), reduced),
    **dict.fromkeys((aten.mm, aten.bmm, aten.mv, aten.dot), product),
    **dict.fromkeys((aten.addmm, aten.baddbmm, aten.addmv), product_and_sum),
    aten._scaled_dot_product_flash_attention_for_cpu: attention,
    aten._scaled_dot_product_attention_math: attention,
    aten._scaled_dot_product_efficient_attention: attention,
    aten._scaled_dot_product_flash_attention: attention,
    aten.native_group_norm: group_norm,
    aten.native_layer_norm: layer_norm,
    aten.linalg_vector_norm: vector_norm,
    aten.topk: top,
}
