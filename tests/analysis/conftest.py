"""Oracles: which pixels can change a unit, by the gradient of that unit; and the networks of other people."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class EveryPixelCounts(TorchFunctionMode):
    """Replaces what passes on the gradient of one pixel, or of none, by something that passes on all."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name.startswith("max_pool") and not name.endswith("indices"):
            return self._average(int(name[8]), *args, **kwargs)
        if name in ("relu", "relu_", "hardtanh", "hardtanh_", "relu6"):
            return args[0] * 0.5
        return func(*args, **kwargs)

    def _average(self, axes, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **_):
        kernel = (kernel_size,) * axes if isinstance(kernel_size, int) else tuple(kernel_size)
        assert dilation in (1, (1,) * axes)
        pool = (None, nn.functional.avg_pool1d, nn.functional.avg_pool2d, nn.functional.avg_pool3d)[axes]
        return pool(x, kernel, stride, padding, ceil_mode)


def with_positive_weights(net: nn.Module) -> nn.Module:
    """Random weights above zero that average: nothing cancels and nothing saturates."""
    draw = torch.Generator().manual_seed(0)
    net = net.double().eval()
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.rand(parameter.shape, generator=draw) + 0.5)
                parameter.div_(parameter[0].numel())
            else:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
    return net


def outputs_of(net: nn.Module, names: list[str], image: tuple[int, ...]) -> tuple[Tensor, dict[str, Tensor]]:
    """The image and what the modules called `names` give at their first call."""
    kept: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_hook(lambda _, __, out, name=name: kept.setdefault(name, out * 1.0) is None or None)
        for name, module in net.named_modules()
        if name in names
    ]
    x = torch.rand(1, *image, generator=torch.Generator().manual_seed(1), dtype=torch.double).requires_grad_()
    with EveryPixelCounts():
        kept[""] = net(x)
    for hook in hooks:
        hook.remove()
    return x, kept


def support(x: Tensor, out: Tensor, unit: tuple[int, ...]) -> list[tuple[int, int]]:
    """First and last pixel along each axis that can change the unit at a place of `out` (n, c, ...)."""
    (grad,) = torch.autograd.grad(out[(0, slice(None), *unit)].sum(), x, retain_graph=True)
    seen = grad[0].abs().sum(0).nonzero()
    return list(zip(seen.min(0).values.tolist(), seen.max(0).values.tolist(), strict=True))


@pytest.fixture(scope="session")
def gradients() -> SimpleNamespace:
    """`with_positive_weights`, `outputs_of` and `support`."""
    return SimpleNamespace(with_positive_weights=with_positive_weights, outputs_of=outputs_of, support=support)
