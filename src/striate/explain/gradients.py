"""The slope of an answer with respect to the pixels, and rules that change what a ReLU passes back.

ReLUs are found in the graph that autograd recorded, so it does not matter whether they are modules, functions, used
twice or work in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from striate.errors import ConfigError
from striate.explain.answers import as_found, pairs, pictures_at_once, scores

Rule = Callable[[Tensor, Tensor], Tensor]  # (what ReLU would pass back, what it was handed) -> what it passes back

STEPS = ("Sign", "Round", "Floor", "Ceil", "Trunc", "Fix", "Heaviside")  # flat wherever they have a slope
STILL = "centre_blob, edge_detector and occlusion need no slope."


def gradients(net: nn.Module, images: Tensor, targets: Tensor, rule: Rule | None = None) -> Tensor:
    """(n, c, *spatial): the slope of each picture's score; `rule` changes what the ReLUs pass back.

    Takes what `prepared` gave. `ConfigError` where the score has no slope, or a rule finds no ReLU.
    """
    return gradients_and_scores(net, images, targets, rule)[0]


def gradients_and_scores(
    net: nn.Module, images: Tensor, targets: Tensor, rule: Rule | None = None
) -> tuple[Tensor, Tensor]:
    """`gradients`, and the scores (n,) themselves."""
    parts = pictures_at_once(images)
    both = zip(images.split(parts), targets.split(parts), strict=True)
    with as_found(net):
        found, score = zip(*[_gradient(net, x, wanted, rule) for x, wanted in both], strict=True)
    return torch.cat(found), torch.cat(score)


def weighted_gradients(
    net: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    weights: Tensor,
    copy: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """(n, c, *spatial): the sum of the slopes at changed copies of each picture, each times its weight (copies,).

    `copy(pictures, numbers)`: the copies with these numbers (m,) of these pictures (m, c, *spatial).
    """
    total, per_picture = torch.zeros_like(images), (-1, *[1] * (images.ndim - 1))
    with as_found(net):
        for picture, number in pairs(images, len(weights)):
            found, _ = _gradient(net, copy(images[picture], number), targets[picture])
            total.index_add_(0, picture, found * weights[number].view(per_picture))
    return total


def _gradient(net: nn.Module, images: Tensor, targets: Tensor, rule: Rule | None = None) -> tuple[Tensor, Tensor]:
    leaf = images.clone().requires_grad_()
    try:
        score = scores(net, leaf, targets)
    except RuntimeError as error:
        if "requires grad" not in str(error):
            raise
        raise ConfigError(f"the answer has no slope: {str(error).splitlines()[0]} {STILL}") from None
    return slope(score, leaf, rule), score.detach()


def slope(score: Tensor, of: Tensor, rule: Rule | None = None) -> Tensor:
    """The derivative of `score` (n,) with respect to `of` (n, ...); frees the graph."""
    total = score.sum()
    if not total.requires_grad:
        raise ConfigError(f"the answer has no slope: a part of the network cannot be differentiated. {STILL}")
    hooks = _ruled(total, rule) if rule else []
    steps = {name for node in _nodes(total) if (name := _operation(node)) in STEPS}
    try:
        (found,) = torch.autograd.grad(total, of, allow_unused=True)
    except (RuntimeError, NotImplementedError) as error:
        if not isinstance(error, NotImplementedError) and "derivative" not in str(error):
            raise
        raise ConfigError(f"the answer has no slope: {str(error).splitlines()[0]} {STILL}") from None
    finally:
        for hook in hooks:
            hook.remove()
    if found is None:
        raise ConfigError(f"the answer has no slope here: nothing that can be differentiated leads to it. {STILL}")
    if steps and not found.any():
        raise ConfigError(
            f"the answer has no slope: '{min(steps).lower()}' goes up in steps and is flat in between. {STILL}"
        )
    return found.detach()


def _ruled(total: Tensor, rule: Rule) -> list[Any]:
    def change(passed: tuple[Any, ...], handed: tuple[Any, ...]) -> tuple[Any, ...]:
        if passed[0] is None or handed[0] is None:
            return passed
        return (rule(passed[0], handed[0]), *passed[1:])

    found = [node for node in _nodes(total) if _is_rectifier(node)]
    if not found:
        raise ConfigError(
            "this network has no ReLU, and the method is a rule about ReLUs. saliency, smooth_grad, "
            "integrated_gradients and occlusion take any network."
        )
    return [node.register_hook(change) for node in found]


def _is_rectifier(node: Any) -> bool:
    """ReLU, ReLU6 and whatever else cuts at 0."""
    name = _operation(node)
    low = {"Hardtanh": "_saved_min_val", "Clamp": "_saved_min", "Threshold": "_saved_threshold"}.get(name)
    if low is None:
        return name == "Relu"
    cut = getattr(node, low)
    return cut is not None and not (isinstance(cut, Tensor) and cut.numel() > 1) and float(cut) == 0


def _operation(node: Any) -> str:
    """Relu of ReluBackward0."""
    return str(node.name()).partition("Backward")[0]


def _nodes(total: Tensor) -> Iterator[Any]:
    seen, waiting = set(), [total.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [following for following, _ in node.next_functions]
        yield node
