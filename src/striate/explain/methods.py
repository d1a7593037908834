"""Why this answer: every method by its name, and one function for all.

>>> "Grad-CAM" in methods, "occlusion" in methods
(True, True)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from striate.errors import ConfigError
from striate.explain.answers import answers, as_found, pictures_at_once, prepared, refuse_unknown
from striate.explain.marks import Explanation
from striate.explain.target_layer import target_layer
from striate.registry import Registry

methods = Registry("explanation", "striate.explain", mark="explanation", group="striate.explanations")


@dataclass(frozen=True)
class Maps:
    """Explanations of a batch. `maps`: (n, *spatial), `targets`: (n,) the classes explained; both without a graph.

    `method`: its registered name; `layer`: the layer it looked at, None where it takes none.
    """

    maps: Tensor
    targets: Tensor
    method: str
    layer: str | None = None


def explained(
    net: nn.Module, images: Tensor, targets: Tensor | None = None, method: str = "grad_cam", layer: str | None = None
) -> Maps:
    """What speaks for `targets` (n,) in `images` (n, c, *spatial), normalised; None: for what `net` answers.

    `net` is left as it was found. `UnknownName` for a method or a layer that is not there, `ConfigError` for a target
    out of range, a layer given to a method that takes none, and a network that the method cannot explain.
    """
    name = methods.name_of(method)
    facts: Explanation = methods[name].explanation
    if targets is None:
        targets = answered(net, images)
    given, checked = prepared(net, images, targets)
    if not facts.asks_network:
        with as_found(net), torch.no_grad():
            refuse_unknown(net, checked, answers(net, given[:1]).shape[1])
    if not facts.layered:
        if layer is not None:
            takes = " and ".join(sorted(other for other in methods if methods[other].explanation.layered))
            raise ConfigError(f"{name} looks at pixels and takes no layer, but '{layer}' is given; {takes} take one.")
        maps = methods[name](net, given, checked)
    else:
        layer = target_layer(net, given) if layer is None else layer
        maps = methods[name](net, given, checked, layer=layer)
    broken = (~maps.isfinite()).flatten(1).any(1).nonzero()
    if len(broken):
        raise ConfigError(
            f"{name} of picture {int(broken[0])} is not a number everywhere: the network's values overflow there. Look "
            "at its weights and at how the picture was normalised."
        )
    return Maps(maps.detach(), checked, name, layer)


def answered(net: nn.Module, images: Tensor) -> Tensor:
    """(n,) int64: the class that `net` answers for each picture."""
    images, _ = prepared(net, images, torch.zeros(len(images), dtype=torch.int64))
    with as_found(net), torch.no_grad():
        return torch.cat([answers(net, part).argmax(1) for part in images.split(pictures_at_once(images))])
