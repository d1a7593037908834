"""A network that only answers, made quicker: each batch norm becomes part of the convolution before it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from striate.analysis.result import Layer

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def folded(net: nn.Module, layers: Sequence[Layer]) -> nn.Module:
    """A copy of `net` in eval mode that gives the same numbers, but for rounding, with fewer layers.

    `layers`: as `analyse` found them. A batch norm is folded where it alone reads a convolution, and each of the two is
    called once; its place is taken by `nn.Identity`. Nothing is assumed of a layer that the analysis did not see.
    """
    made = copy.deepcopy(net).eval().requires_grad_(False)
    readers = Counter(name for layer in layers for name in layer.inputs)
    calls = Counter(layer.name.partition(":")[0] for layer in layers)
    modules = dict(made.named_modules())
    owners = Counter(id(module) for _, module in made.named_modules(remove_duplicate=False))
    for layer in layers:
        if len(layer.inputs) != 1 or readers[layer.inputs[0]] != 1 or calls[layer.name] != 1:
            continue
        before = layer.inputs[0]
        norm, convolution = modules.get(layer.name), modules.get(before)
        if not isinstance(norm, NORMS) or not isinstance(convolution, CONVOLUTIONS) or calls[before] != 1:
            continue
        mean, variance = norm.running_mean, norm.running_var
        if mean is None or variance is None or max(owners[id(norm)], owners[id(convolution)]) > 1:
            continue
        convolution.weight, convolution.bias = fuse_conv_bn_weights(
            convolution.weight, convolution.bias, mean, variance, norm.eps, norm.weight, norm.bias
        )
        put(made, layer.name, nn.Identity())
    return made.requires_grad_(False)


def put(net: nn.Module, name: str, module: nn.Module) -> None:
    """Have `module` stand in `net` under `name`, a key path such as "layer1.0.conv1"."""
    parent, _, child = name.rpartition(".")
    setattr(net.get_submodule(parent), child, module)
