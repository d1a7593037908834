"""The stages of a network from the first to the last, and which of them learn: for any module that was analysed.

A stage is all layers between two places where the maps become smaller for good, so that a squeeze to one number and
back is none. The last stage is the classifier: all layers behind the maps, or the last layer where maps are the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from torch import nn

from striate.analysis.result import Layer

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
FEWEST = 3  # stages; a network with fewer is cut into thirds of its layers, and the classifier
SHARE = 0.5  # of the rate of the stage behind it


@dataclass(frozen=True)
class Plan:
    """What of a network learns. `frozen`: names of modules that stay as they are; `learning`: of the other layers.

    `shares`: the part of the rate that a parameter follows, by its name; 1 where it is not there. `keeps_norms`: batch
    norms keep the means that came with the weights, though what they multiply with may learn.
    """

    frozen: tuple[str, ...] = ()
    learning: tuple[str, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    keeps_norms: bool = False

    def freeze(self, net: nn.Module) -> None:
        """Let no gradient reach the parameters of what is frozen."""
        for name in self.frozen:
            for parameter in net.get_submodule(name).parameters(recurse=False):
                parameter.requires_grad_(False)

    def begin(self, net: nn.Module) -> None:
        """Set `net` to learn; what is frozen, dropout among it, goes on to answer, and so do norms that are kept."""
        net.train()
        for name in self.frozen:
            net.get_submodule(name).training = False
        for module in net.modules():
            if self.keeps_norms and isinstance(module, NORMS):
                module.training = False


WHOLE = Plan()  # everything learns, at one rate


def plan(net: nn.Module, layers: Sequence[Layer], regime: str) -> Plan:
    """Which layers of `net` learn in `regime`: of "last" the last convolution stage and the classifier, else all.

    Each stage has half the rate of the one behind it. `layers`: as `analyse` found them.
    """
    calls = _calls(net, layers)
    groups = stages(net, layers)
    stage_of = {name: number for number, group in enumerate(groups) for name in group}
    learning = [name for group in (groups[-2:] if regime == "last" else groups) for name in group]
    if regime == "last":
        learning = _from_the_block(net, learning, groups)
    first = min(calls.index(name) for name in learning)
    kept = [name for name in calls[:first] if name not in learning]
    frozen = [name for name, module in net.named_modules() if name and _all_in(net, name, module, set(kept))]
    shares = {}
    for path, _ in net.named_parameters():
        owner = path.rpartition(".")[0]
        number = stage_of.get(owner, _first_inside(owner, stage_of))
        shares[path] = SHARE ** (len(groups) - 1 - number)
    return Plan(tuple(frozen if regime == "last" else ()), tuple(learning), shares, keeps_norms=True)


def stages(net: nn.Module, layers: Sequence[Layer]) -> list[list[str]]:
    """The names of the layers with parameters by stage, at least `FEWEST` where there are as many layers."""
    areas: dict[str, int] = {}
    largest = 0
    for layer in reversed(layers):
        largest = max(largest, prod(layer.output[1:]) if len(layer.output) > 2 else 1)
        areas[layer.name.partition(":")[0]] = largest  # the first call is the last that is met
    called = [name for name in _calls(net, layers) if any(True for _ in net.get_submodule(name).parameters(False))]
    found: list[list[str]] = []
    for name in called:
        if not found or areas[name] != areas[found[-1][-1]]:
            found.append([])
        found[-1].append(name)
    if found and areas[found[-1][0]] > 1:  # maps to the end
        found.append([found[-1].pop()])
    found = _with_convolutions(net, [group for group in found if group])
    if len(found) >= min(FEWEST, len(called)):
        return found
    *inner, last = called
    third = -(-len(inner) // 3)
    return [inner[i : i + third] for i in range(0, len(inner), third)] + [[last]]


def _with_convolutions(net: nn.Module, found: list[list[str]]) -> list[list[str]]:
    """The stages, those before the last without a convolution of their own joined to the one before."""
    joined: list[list[str]] = []
    for group in found[:-1]:
        kernels = (p.ndim for name in group for p in net.get_submodule(name).parameters(False))
        if joined and max(kernels) < 3:
            joined[-1] += group
        else:
            joined.append(group)
    return [*joined, *found[-1:]]


def _from_the_block(net: nn.Module, learning: list[str], groups: list[list[str]]) -> list[str]:
    """`learning` from the beginning of the block that it begins in: a block in which the maps become smaller early.

    The block is the largest module most of whose layers learn anyway, the others being of one stage.
    """
    whole = [name for group in groups for name in group]
    parts = learning[0].split(".")
    for depth in range(1, len(parts)):
        inside = [name for name in whole if name.startswith(".".join(parts[:depth]) + ".")]
        before = [name for name in inside if name not in learning]
        if len(groups) > 2 and set(before) < set(groups[-3]) and 2 * len(before) < len(inside):
            return before + learning
    return learning


def _calls(net: nn.Module, layers: Sequence[Layer]) -> list[str]:
    """The names of the modules without children in the order of their first calls."""
    modules = dict(net.named_modules())
    names = dict.fromkeys(layer.name.partition(":")[0] for layer in layers)
    return [name for name in names if name in modules and not any(True for _ in modules[name].children())]


def _all_in(net: nn.Module, name: str, module: nn.Module, kept: set[str]) -> bool:
    """Whether all that `module` is made of is in `kept`."""
    leaves = [inner for inner, part in module.named_modules() if not any(True for _ in part.children())]
    return all((f"{name}.{inner}" if inner else name) in kept for inner in leaves)


def _first_inside(owner: str, stage_of: Mapping[str, int]) -> int:
    """The stage of what a module holds that has parameters of its own beside its children; the first where nothing."""
    return min((number for name, number in stage_of.items() if name.startswith(f"{owner}.") or not owner), default=0)
