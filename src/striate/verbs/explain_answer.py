"""Why this answer: maps over the picture as it came, each with its grade, and the baselines beside them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from striate.data.classes import class_number
from striate.data.decode import open_picture
from striate.data.placement import Placement, placement
from striate.errors import ConfigError
from striate.explain.centre_blob import centre_blob
from striate.explain.edge_detector import edge_detector
from striate.explain.grades import Grade, grades
from striate.explain.grades import baselines as curves_of_baselines
from striate.explain.heat_sheet import Heat, heat_sheet
from striate.explain.kernels import convolutions
from striate.explain.methods import explained, methods
from striate.explain.painting import resized
from striate.verbs.explain import ALL, Explained, ExplainSettings
from striate.verbs.explain_model import refuse_unknown, without_convolutions

if TYPE_CHECKING:
    from striate.model import Model

SIDE = 640  # pixels of the longer side that a picture on a sheet needs
UNSEEN = 0.6  # of the paper's white over what the network is not shown
BASELINES = (centre_blob, edge_detector)


@dataclass(frozen=True)
class Looked:
    """A picture: `shown` (c, h, w) uint8 upright and not larger than a sheet needs, `given` (1, c, h, w) uint8 to the
    network, and where that lies on `shown`."""

    shown: Tensor
    given: Tensor
    place: Placement

    @property
    def said(self) -> str:
        """What of the picture the network was not shown, or nothing."""
        if self.place.whole:
            return ""
        place = self.place
        share = prod(
            side * scale / whole for side, scale, whole in zip(place.image, place.scale, place.picture, strict=True)
        )
        return f"the network is shown the bright part only, {share:.0%} of the picture"


@dataclass(frozen=True)
class Map:
    """One map of one picture, (h, w) of the network's input, with its grade."""

    method: str
    layer: str | None
    values: Tensor
    grade: Grade


def looked(model: Model, file: Path, *, side: int | None = SIDE) -> Looked:
    """The picture file, as it is shown and as the network takes it. `DataError` names one that cannot be read."""
    pixels = open_picture(file)
    longest = max(pixels.shape[1:])
    if side is not None and longest > side:
        size = (max(1, round(pixels.shape[1] * side / longest)), max(1, round(pixels.shape[2] * side / longest)))
        pixels = (resized(pixels[None].float() / 255, size).clamp(0, 1)[0] * 255).round().byte()
    height, width = pixels.shape[1:]
    return Looked(pixels, model.preprocess.open(file)[None], placement(model.preprocess, (height, width)))


def prepared(model: Model, given: Tensor) -> Tensor:
    """What the network takes, normalised, where the network is."""
    return model.preprocess.normalise(given).to(next((p.device for p in model.net.parameters()), "cpu"))


def answer(model: Model, file: Path, asked: ExplainSettings, method: str, said: str) -> Explained:
    """The sheet of one picture: the map of `method`, or of all of them, beside both baselines."""
    if asked.layer is not None:
        refuse_unknown(model.net, asked.layer, model.reference.text)
    seen = looked(model, file)
    probabilities = model.probabilities(seen.given)[0]
    best = int(probabilities.argmax())
    number = best if asked.target is None else class_number(asked.target, model.classes)
    label, target = model.classes[best], model.classes[number]
    maps, left_out = drawn(model, seen.given, asked, method, number)
    shares = {"label": label, "probability": float(probabilities[best])}
    told = tuple(
        {**as_json(one, target), **shares, "target_probability": float(probabilities[number]), "picture": str(file)}
        | ({"note": said} if said else {})
        for one in maps
    )
    words = [f"{model.reference.text} sees {label} with {shares['probability']:.1%}"]
    words[0] += "" if number == best else f", and {target} with {float(probabilities[number]):.1%}"
    layers = {one.layer for one in maps if one.layer}
    words += [f"maps of layer {', '.join(sorted(layers))}"] if layers else []
    words += [line for line in (seen.said, said) if line]
    heats = [heat(one, seen.place) for one in maps] + baselines(model, seen, maps)
    image = heat_sheet(veiled(seen), heats, f"Why {target}?", words=words)
    lines = [f"{file}: {words[0]}"]
    for one in maps:
        at = f" at layer {one.layer}" if one.layer else ""
        lines += [f"{one.method} of {target}{at}: {figures(one.grade)}", f"  {one.grade.verdict}"]
    beside = [f"{h.name} deletion {h.deletion:.2f}, insertion {h.insertion:.2f}" for h in heats if h.baseline]
    return Explained(image, told, (*lines, *beside, *(f"left out: {why}" for why in left_out), *words[1:]))


def drawn(model: Model, given: Tensor, asked: ExplainSettings, method: str, target: int) -> tuple[list[Map], list[str]]:
    """The graded maps, and why others of "all" are left out."""
    from striate.explain.marks import Explanation

    facts: dict[str, Explanation] = {name: methods[name].explanation for name in methods}
    asking = [name for name in sorted(facts) if facts[name].asks_network]
    names = asking if method == ALL else [method]
    if not convolutions(model.net) and method != ALL and facts[method].layered:
        raise without_convolutions(model, method)
    ready = prepared(model, given)
    targets = torch.tensor([target])
    beside = curves_of_baselines(model.net, ready, targets, seed=asked.seed)
    maps: list[Map] = []
    left_out: list[str] = []
    for name in names:
        layer = asked.layer if facts[name].layered or method != ALL else None
        try:
            found = explained(model.net, ready, targets, name, layer)
        except ConfigError as error:
            if method != ALL or len(left_out) + 1 == len(names):
                raise
            left_out.append(f"{name}: {error}")
            continue
        (grade,) = grades(model.net, ready, found, seed=asked.seed, beside=beside)
        maps.append(Map(name, found.layer, found.maps[0].float().cpu(), grade))
    return maps, left_out


def as_json(one: Map, target: str) -> dict[str, Any]:
    """What a program is told of a map."""
    grade = one.grade
    return {
        "method": one.method,
        "layer": one.layer,
        "target": target,
        "deletion": grade.deletion,
        "insertion": grade.insertion,
        "randomisation": grade.randomisation,
        "verdict": grade.verdict,
        "baselines": {name: {"deletion": d, "insertion": i} for name, (d, i) in grade.baselines.items()},
    }


def figures(grade: Grade) -> str:
    """The three numbers of a grade."""
    return f"deletion {grade.deletion:.2f}, insertion {grade.insertion:.2f}, randomisation {grade.randomisation:.2f}"


def heat(one: Map, place: Placement) -> Heat:
    """The map as it stands on a sheet, over the part of the picture that it is of."""
    values, grade = place.on_picture(one.values), one.grade
    return Heat(one.method, values, grade.deletion, grade.insertion, grade.randomisation, grade.verdict)


def baselines(model: Model, seen: Looked, maps: list[Map]) -> list[Heat]:
    """What no network was asked for, with the areas that the maps are measured against."""
    ready = prepared(model, seen.given)
    zero, beside = torch.zeros(1, dtype=torch.int64), []
    for baseline in BASELINES:
        name = baseline.__name__
        if name in {one.method for one in maps}:
            continue
        values = seen.place.on_picture(baseline(model.net, ready, zero)[0].float().cpu())
        beside.append(Heat(name, values, *maps[0].grade.baselines[name], baseline=True))
    return beside


def veiled(seen: Looked) -> Tensor:
    """The picture, pale where the network is not shown it."""
    top, left, bottom, right = seen.place.seen
    shown = seen.shown.float()
    pale = shown + UNSEEN * (255 - shown)
    pale[:, top:bottom, left:right] = shown[:, top:bottom, left:right]
    return pale.round().byte()
