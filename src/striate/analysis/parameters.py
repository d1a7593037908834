"""Whose the parameters are: weights and biases apart, trainable or not, each once however often it is used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor, nn


class Own(NamedTuple):
    """Numbers of parameters: `weights + biases` in all, `trainable` of them take part in training."""

    weights: int = 0
    biases: int = 0
    trainable: int = 0

    def __add__(self, other: Own) -> Own:  # type: ignore[override]
        """Both together."""
        return Own(*(a + b for a, b in zip(self, other, strict=True)))


NONE = Own()


def of_tensor(name: str, tensor: Tensor) -> Own:
    """A parameter is a bias where its name ends in "bias": what is added, the beta of a norm among it.

    >>> of_tensor("conv.bias", nn.Conv2d(3, 6, 5).bias)
    Own(weights=0, biases=6, trainable=6)
    """
    n = tensor.numel()
    trainable = n if tensor.requires_grad else 0
    return Own(0, n, trainable) if name.endswith("bias") else Own(n, 0, trainable)


def of_module(module: nn.Module) -> Own:
    """What a module and its children own."""
    return sum((of_tensor(*named) for named in module.named_parameters()), NONE)


def size(tensors: Iterable[Tensor]) -> int:
    """Bytes of the tensors, each once."""
    return sum({id(tensor): tensor.numel() * tensor.element_size() for tensor in tensors}.values())
