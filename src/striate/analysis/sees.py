"""What the outputs of an operation see of the image, by the rule of that operation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from striate.analysis import sight_mixes, sight_moves, sight_windows
from striate.analysis.sight import Given, Rule, Sight, all_of

RULES: dict[Any, Rule] = {**sight_windows.RULES, **sight_moves.RULES, **sight_mixes.RULES}


def sight_of(func: Any, given: Given, args: Any, kwargs: Any, first: Tensor) -> tuple[Sight | list[Sight], bool]:
    """What the outputs see (one sight for all of them, or a list), and whether the operation was known.

    `first`: the first output. Behind an operation that is not known, every unit is taken to see all.
    """
    packet = func.overloadpacket
    rule = RULES.get(packet) or RULES.get(_elsewhere(packet))
    if rule is not None:
        return rule(given, first, *args, **kwargs), True
    if torch.Tag.pointwise in func.tags or _is_pointwise(_elsewhere(packet)):
        return sight_mixes.each_element(given, first), True
    return all_of(given), False


def _elsewhere(packet: Any) -> Any:
    """The operation that gives in a new tensor what `packet` writes into its first: `relu` of `relu_`."""
    name = packet.__name__
    return getattr(torch.ops.aten, name[:-1], None) if name.endswith("_") else None


def _is_pointwise(packet: Any) -> bool:
    return packet is not None and any(
        torch.Tag.pointwise in getattr(packet, overload).tags for overload in packet.overloads()
    )
