"""The kernels of a convolution: what each of its maps looks for."""

from __future__ import annotations

from torch import Tensor, nn

from striate.errors import ConfigError, UnknownName
from striate.misfit import CONVOLUTIONS
from striate.registry import nearest


def convolutions(net: nn.Module) -> list[str]:
    """The key paths of the convolutions of `net` in the order they were registered; "" if `net` itself is one.

    >>> convolutions(nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Conv2d(6, 16, 5)))
    ['0', '2']
    """
    return [name for name, layer in net.named_modules() if isinstance(layer, CONVOLUTIONS)]


def kernels(net: nn.Module, layer: str | None = None) -> Tensor:
    """A copy of the kernels of the convolution called `layer`, or of the first: (maps, channels / groups, *kernel).

    Raises `UnknownName` for a layer that is not there (nearest names offered), `ConfigError` for one without kernels
    and for a network without convolutions.
    """
    known = convolutions(net)
    modules = dict(net.named_modules())
    if not known:
        raise ConfigError("this network has no convolution, so it has no kernels to show.")
    name = known[0] if layer is None else layer
    if name not in modules:
        close = nearest(name, known) or known[:3]
        raise UnknownName(f"there is no layer called '{name}'. Did you mean {' or '.join(close)}?")
    if name not in known:
        kind = type(modules[name]).__name__
        raise ConfigError(f"layer '{name}' is {kind}, which has no kernels. Convolutions are {', '.join(known[:8])}.")
    weight = modules[name].weight
    assert isinstance(weight, Tensor)  # nn.Module gives Tensor | Module
    return weight.detach().clone()
