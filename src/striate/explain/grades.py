"""What a map is worth: three numbers a picture, and a sentence.

Deletion and insertion: RISE, Petsiuk, Das and Saenko, BMVC 2018, arXiv:1806.07421, section 4.3. The pixels are taken
from the picture, those that the map holds most important first, and the probability of the target is followed; a good
map brings it down soon (a small area under the curve). Or they are put into a picture that was blurred, and a good map
brings it up soon (a large area). Randomisation: `striate.explain.randomisation`.

Deviations: the paper moves 224 pixels a step, here as many as make STEPS steps; deleted pixels become 0, the mean
colour, as there; the blur spans a tenth of the picture (the paper's 5 pixels of 224 leave small pictures readable).
Pixels of equal importance are moved in a random order. Both areas count the first and the last picture.

A blob in the middle of the picture and an edge detector are measured too: a map that they are as good as is no
explanation of the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from striate.errors import ConfigError
from striate.explain.answers import answers, as_found, pairs, prepared, probabilities, scores
from striate.explain.centre_blob import centre_blob
from striate.explain.edge_detector import edge_detector
from striate.explain.methods import Maps
from striate.explain.randomisation import LIMIT, randomisation

STEPS = 20
MOVES = 0.05  # a probability that moves less than this, over all the curves, tells nothing about any map
BLUR = 0.1  # standard deviation as a share of each side


@dataclass(frozen=True)
class Grade:
    """What the map of one picture is worth.

    `deletion`, `insertion`: areas in 0..1, the first good when small, the second when large; `randomisation`: rank
    correlation with the maps of scrambled networks in 0..1, good below `LIMIT`; `verdict`: a sentence that begins with
    "passes", "fails" or "undecided"; `baselines`: (deletion, insertion) of "centre_blob" and "edge_detector".
    """

    deletion: float
    insertion: float
    randomisation: float
    verdict: str
    baselines: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return self.verdict.startswith("passes")


@dataclass(frozen=True)
class Curves:
    """The probability of the target while pixels move: (n, steps + 1) each, from none of them moved to all."""

    deletion: Tensor
    insertion: Tensor

    def areas(self) -> tuple[Tensor, Tensor]:
        """(n,) in 0..1 twice: under the curve of deletion and of insertion, by the trapezoidal rule."""
        width = self.deletion.shape[1] - 1
        return torch.trapezoid(self.deletion) / width, torch.trapezoid(self.insertion) / width


def grades(
    net: nn.Module,
    images: Tensor,
    maps: Maps,
    *,
    steps: int = STEPS,
    shuffles: int = 3,
    seed: int = 0,
    beside: Mapping[str, Curves] | None = None,
) -> list[Grade]:
    """The grade of each map that `explained(net, images, ...)` gave; the same again for the same `seed`.

    Costs 6 (`steps` + 1) answers of `net` a picture, and the method again `shuffles` times. `beside`: what `baselines`
    gave for these images, targets, steps and seed, which saves two thirds of the answers.
    """
    images, targets = prepared(net, images, maps.targets)
    changes = randomisation(net, images, maps, shuffles=shuffles, seed=seed).tolist()
    measured = {"": curves(net, images, targets, maps.maps, steps=steps, seed=seed)}
    measured |= baselines(net, images, targets, steps=steps, seed=seed) if beside is None else beside
    areas = {name: [*zip(*(a.tolist() for a in found.areas()), strict=True)] for name, found in measured.items()}
    every = torch.cat([tensor for found in measured.values() for tensor in (found.deletion, found.insertion)], 1)
    moves = (every.amax(1) - every.amin(1)).tolist()
    blank = (maps.maps.flatten(1).amax(1) == maps.maps.flatten(1).amin(1)).tolist()
    found = []
    for i, (deletion, insertion) in enumerate(areas.pop("")):
        others = {name: values[i] for name, values in areas.items()}
        rivals = {name: other for name, other in others.items() if name != maps.method}
        said = "fails: the map is blank." if blank[i] else _verdict((deletion, insertion), changes[i], rivals, moves[i])
        found.append(Grade(deletion, insertion, changes[i], said, others))
    return found


def baselines(
    net: nn.Module, images: Tensor, targets: Tensor, *, steps: int = STEPS, seed: int = 0
) -> dict[str, Curves]:
    """The curves of a blob in the centre and of an edge detector, by their names."""
    return {
        drawn.__name__: curves(net, images, targets, drawn(net, images, targets), steps=steps, seed=seed)
        for drawn in (centre_blob, edge_detector)
    }


def curves(
    net: nn.Module, images: Tensor, targets: Tensor, maps: Tensor, *, steps: int = STEPS, seed: int = 0
) -> Curves:
    """The probability of `targets` while the pixels of `images` are deleted and inserted in the order of `maps`."""
    if steps < 1:
        raise ConfigError(f"grades: steps is {steps}; it must be at least 1.")
    images, targets = prepared(net, images, targets)
    if maps.shape != (len(images), *images.shape[2:]):
        raise ConfigError(f"maps are {tuple(maps.shape)}; the pictures need {(len(images), *images.shape[2:])}.")
    places, start = _places(maps.to(images.device), seed), blurred(images)
    pixels = places[0].numel()
    found = images.new_zeros(2, len(images), steps + 1)
    with as_found(net), torch.no_grad():
        scores(net, images[:1], targets[:1])  # says whether there is such a class
        for picture, number in pairs(images, steps + 1):
            moved = places[picture] * steps < (number * pixels).view(-1, *[1] * (places.ndim - 1))
            whole, empty = images[picture], torch.zeros_like(images[picture])
            for row, (old, new) in enumerate(((whole, empty), (start[picture], whole))):
                answer = probabilities(answers(net, torch.where(moved[:, None], new, old)).to(found))
                found[row, picture, number] = answer.gather(1, targets[picture, None])[:, 0]
    return Curves(found[0].float(), found[1].float())


def blurred(images: Tensor) -> Tensor:
    """`images` under a Gaussian of BLUR of each side; at the border what lies inside counts for what is missing."""
    for axis in range(2, images.ndim):
        place = torch.arange(images.shape[axis], device=images.device, dtype=images.dtype)
        weights = torch.exp(-0.5 * ((place[:, None] - place) / (BLUR * len(place))) ** 2)
        images = (images.movedim(axis, -1) @ (weights / weights.sum(0)).to(images)).movedim(-1, axis)
    return images


def _places(maps: Tensor, seed: int) -> Tensor:
    """The place of each pixel in the order of importance, 0 first: (n, *spatial); ties fall at random."""
    draw = torch.Generator().manual_seed(seed)
    mixed = torch.randperm(maps[0].numel(), generator=draw).to(maps.device)
    order = mixed[maps.flatten(1)[:, mixed].argsort(dim=1, descending=True, stable=True)]
    return order.argsort(dim=1).view(maps.shape)


def _verdict(areas: tuple[float, float], change: float, rivals: Mapping[str, tuple[float, float]], moves: float) -> str:
    """`areas`: (deletion, insertion); a map is as good as insertion - deletion."""
    if change >= LIMIT:
        return (
            f"fails: the map stays much the same when the weights are scrambled (rank correlation {change:.2f}, limit "
            f"{LIMIT}): it shows the picture, not what the network learned."
        )
    if moves < MOVES:
        return (
            f"undecided: the probability of the target moves by {moves:.2f} only, whichever pixels are covered, so no "
            "map can be told from another."
        )
    own = areas[1] - areas[0]
    name, best = max(((name, i - d) for name, (d, i) in rivals.items()), key=lambda one: one[1])
    plain = {"centre_blob": "a blob in the centre", "edge_detector": "an edge detector"}[name]
    if own <= best:
        return (
            f"fails: {plain} finds the pixels that matter as well (insertion less deletion {best:.2f}, this map "
            f"{own:.2f})."
        )
    return (
        f"passes: it changes when the weights are scrambled (rank correlation {change:.2f}) and finds the pixels that "
        f"matter better than {plain} (insertion less deletion {own:.2f} against {best:.2f})."
    )
