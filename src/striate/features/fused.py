"""A network that only answers, quicker once more: a convolution and the activation behind it are one pass over memory,
and its weights lie as the processor reads them.

oneDNN, which computes torch's convolutions on a CPU, can apply an activation to each number before it is written, and
otherwise brings the weights into its own order at each call. torch has both as operations of its own, which its
compiler uses; here they take the place of the modules. On ResNet-50 and 10 pictures they take 4 tenths of the time off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from striate.analysis.result import Layer, Shape
from striate.features.folded import put
from striate.layers.same_padding import SameConv2d

ACTIVATIONS: dict[type[nn.Module], tuple[str, list[float]]] = {  # oneDNN's names, and their numbers
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
    nn.SiLU: ("swish", []),
    nn.Hardswish: ("hardswish", []),
}
OPERATIONS = ("_convolution_pointwise", "_reorder_convolution_weight")


class Fused(nn.Module):
    """`convolution`, and then the activation that oneDNN calls `name`. On a CPU, where nothing learns.

    `given`: the (n, c, h, w) that it is best for; it takes others. Its numbers stay of the convolution's type.
    """

    def __init__(self, convolution: nn.Conv2d, given: Shape, name: str = "none", numbers: Sequence[float] = ()):
        super().__init__()
        padding, stride, dilation = convolution.padding, convolution.stride, convolution.dilation
        self.sizes: tuple[Any, ...] = (list(padding), list(stride), list(dilation), convolution.groups)
        self.activation = (name, list(numbers), "")
        self.bias = convolution.bias
        self.weight: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
            convolution.weight.detach().contiguous(), *self.sizes, list(given)
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self.weight, self.bias, *self.sizes, *self.activation
        )
        return found


def there(dtype: torch.dtype = torch.float32) -> bool:
    """Whether this torch has the operations, and this processor `dtype`."""
    if not torch.backends.mkldnn.is_available() or not all(hasattr(torch.ops.mkldnn, name) for name in OPERATIONS):
        return False
    return dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def fuse(net: nn.Module, layers: Sequence[Layer], image: Shape, batch: int) -> int:
    """Fuse in `net`, which changes, what can be; gives how many activations. `layers`: as `analyse` found them for
    pictures of `image`, norms still apart. `batch`: pictures at once that it is to be best for.

    An activation is fused where it alone reads a plain convolution, perhaps by way of a norm that was folded, and each
    is called once.
    """
    readers = Counter(name for layer in layers for name in layer.inputs)
    calls = Counter(layer.name.partition(":")[0] for layer in layers)
    modules = dict(net.named_modules())
    owners = Counter(id(module) for _, module in net.named_modules(remove_duplicate=False))
    before = {layer.name: layer.inputs[0] for layer in layers if len(layer.inputs) == 1}
    shapes = {"": image} | {layer.name: layer.output for layer in layers}
    reads_maps = {name: shapes[first] for name, first in before.items() if len(shapes[first]) == 3}
    for name, (_, height, width) in reads_maps.items():
        module = modules.get(name)
        if isinstance(module, SameConv2d) and calls[name] == max(module.dilation) == 1 and not _is_watched(module):
            modules[name] = module.plain((height, width))
    plain = {name: (batch, *shape) for name, shape in reads_maps.items() if _is_plain(modules.get(name))}
    activations: dict[str, str] = {}  # by the name of their convolution
    for name in before:
        activation = modules.get(name)
        if activation is None or type(activation) not in ACTIVATIONS:
            continue
        chain = [name, before[name]]
        while isinstance(modules.get(chain[-1]), nn.Identity) and chain[-1] in before:
            chain.append(before[chain[-1]])
        single = all(calls[each] == 1 and owners[id(modules.get(each))] <= 1 for each in chain)
        if single and chain[-1] in plain and not any(readers[each] != 1 for each in chain[1:]):
            activations[chain[-1]] = name
    for name, given in plain.items():
        convolution, activation = modules[name], activations.get(name)
        assert isinstance(convolution, nn.Conv2d)
        put(net, name, Fused(convolution, given, *(ACTIVATIONS[type(modules[activation])] if activation else ())))
        if activation:
            put(net, activation, nn.Identity())
    return len(activations)


def _is_plain(module: nn.Module | None) -> bool:
    """Whether it is a convolution of torch's own, with zeros around, and nobody watches or changes it."""
    if type(module) is not nn.Conv2d or _is_watched(module):
        return False
    return module.padding_mode == "zeros" and not isinstance(module.padding, str)


def _is_watched(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)
