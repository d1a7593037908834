"""How the weights follow the gradient. Each rule is torch's own; here is what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from striate.training.config import TrainConfig

RATES = {"sgd": 0.15, "adam": 2e-3, "adamw": 2e-3, "rmsprop": 1e-3}  # the highest of the schedule


def optimizer_for(net: nn.Module, config: TrainConfig, shares: Mapping[str, float] | None = None) -> Optimizer:
    """The optimizer of `config`; weight decay on kernels and matrices, not on biases and norms unless it says so.

    `shares`: the part of the rate that each parameter follows, by its name, in its group's "share"; 1 without it.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            decayed = parameter.ndim > 1 or config.decay_all
            groups.setdefault(((shares or {}).get(name, 1.0), decayed), []).append(parameter)
    made = [
        {"params": groups[share, decayed], "weight_decay": config.weight_decay if decayed else 0.0, "share": share}
        for share, decayed in sorted(groups, reverse=True)
    ]
    for name in ("add_param_group", "load_state_dict", "state_dict"):  # these would import the compiler too
        plain = getattr(getattr(Optimizer, name), "__wrapped__", None)
        if plain is not None and not hasattr(plain, "__dynamo_disable"):
            plain.__dynamo_disable = plain
    return OPTIMIZERS[config.optimizer](made, config)


def step_of(optimizer: Optimizer) -> Callable[[], None]:
    """What takes a step of `optimizer`: torch's own rule, without the wrapper that imports torch's compiler.

    That import costs a second at the start of every training, and nothing is compiled there.
    """
    rule: Any = type(optimizer).step
    while hasattr(rule, "__wrapped__"):
        rule = rule.__wrapped__

    def step() -> None:
        with torch.no_grad():
            rule(optimizer)

    return step


def _sgd(groups: list[dict[str, Any]], config: TrainConfig) -> Optimizer:
    """Sutskever, Martens, Dahl, Hinton, On the importance of initialization and momentum, ICML 2013."""
    nesterov = config.nesterov and config.momentum > 0
    fused = not config.shard  # torch has no fused rule for weights that are cut over processes
    return torch.optim.SGD(groups, lr=highest(config), momentum=config.momentum, nesterov=nesterov, fused=fused)


def _adam(groups: list[dict[str, Any]], config: TrainConfig) -> Optimizer:
    """Kingma and Ba, Adam, ICLR 2015."""
    return torch.optim.Adam(groups, lr=highest(config), fused=True)


def _adamw(groups: list[dict[str, Any]], config: TrainConfig) -> Optimizer:
    """Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019."""
    return torch.optim.AdamW(groups, lr=highest(config), fused=True)


def _rmsprop(groups: list[dict[str, Any]], config: TrainConfig) -> Optimizer:
    """Tieleman and Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012."""
    return torch.optim.RMSprop(groups, lr=highest(config), momentum=config.momentum)


def highest(config: TrainConfig) -> float:
    """The highest learning rate: the one that is set, or the optimizer's."""
    return RATES[config.optimizer] if config.rate is None else config.rate


OPTIMIZERS: dict[str, Callable[[list[dict[str, Any]], TrainConfig], Optimizer]] = {
    "sgd": _sgd,
    "adam": _adam,
    "adamw": _adamw,
    "rmsprop": _rmsprop,
}
