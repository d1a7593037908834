"""Sanity Checks for Saliency Maps. Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, NeurIPS 2018, arXiv:1810.03292.

An explanation of what a network learned must change when that is taken away. On a copy of the network the numbers
inside each weight tensor are shuffled, which keeps their mean and spread, and the map is computed again. The rank
correlation between the two maps says how much of the first had nothing to do with what was learned.

The paper draws new weights instead and sets no limit. Here the limit is LIMIT: below it less than a quarter of the
variation of the ranks (0.5 squared) is shared. Smooth maps correlate by chance, so the size of the correlation is
averaged over several shuffles.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from striate.errors import ConfigError
from striate.explain.methods import Maps, explained

LIMIT = 0.5


def randomisation(net: nn.Module, images: Tensor, maps: Maps, *, shuffles: int = 3, seed: int = 0) -> Tensor:
    """(n,) in 0..1: the mean size of the rank correlation of each map with those of `shuffles` scrambled copies."""
    if shuffles < 1:
        raise ConfigError(f"randomisation: shuffles is {shuffles}; it must be at least 1.")
    found = []
    for number in range(shuffles):
        again = explained(scrambled(net, seed=seed + number), images, maps.targets, maps.method, maps.layer)
        found.append(rank_correlation(maps.maps, again.maps).abs())
    return torch.stack(found).mean(0)


def cascade(net: nn.Module, images: Tensor, maps: Maps, *, seed: int = 0) -> Iterator[tuple[str, Tensor]]:
    """From the answer down to the picture, each layer with weights and the rank correlation (n,) of the maps once it
    is scrambled too (section 3.1, "cascading randomisation"); the last has all of them scrambled."""
    names = list(dict.fromkeys(name.rpartition(".")[0] for name, _ in net.named_parameters()))
    for depth, name in enumerate(reversed(names), 1):
        other = scrambled(net, seed=seed, layers=set(names[-depth:]))
        again = explained(other, images, maps.targets, maps.method, maps.layer)
        yield name, rank_correlation(maps.maps, again.maps)


def scrambled(net: nn.Module, *, seed: int = 0, layers: set[str] | None = None) -> nn.Module:
    """A copy of `net` with the numbers inside each parameter shuffled; `layers`: key paths, None for all.

    >>> net = nn.Linear(3, 2)
    >>> scrambled(net).weight.sort().values.sum().isclose(net.weight.sum()).item()
    True
    """
    with torch.inference_mode(False), torch.no_grad():
        other = copy.deepcopy(net)
        for number, (name, parameter) in enumerate(other.named_parameters()):
            if layers is None or name.rpartition(".")[0] in layers:
                draw = torch.Generator().manual_seed(1_000_003 * seed + number)
                order = torch.randperm(parameter.numel(), generator=draw).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return other


def rank_correlation(a: Tensor, b: Tensor) -> Tensor:
    """(n,) in -1..1: Spearman's correlation of each pair of maps (n, ...); 0 where one of them is blank."""
    ranks = [torch.stack([_ranks(one.flatten()) for one in maps]) for maps in (a, b)]
    x, y = (r - r.mean(1, keepdim=True) for r in ranks)
    length = (x.square().sum(1) * y.square().sum(1)).sqrt()
    return torch.where(length > 0, (x * y).sum(1) / length.clamp_min(1e-300), 0.0)


def _ranks(values: Tensor) -> Tensor:
    """The place of each number in the order of all; equal numbers share the mean of their places."""
    _, where, counts = values.unique(return_inverse=True, return_counts=True)
    places: Tensor = (counts.cumsum(0) - (counts - 1) / 2).double()
    return places[where]
