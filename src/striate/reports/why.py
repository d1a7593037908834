"""Why it answered so: right and wrong answers with a map of what spoke for them, each map with its grade."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import inf

import torch
from PIL import Image
from torch import Tensor, nn

from striate.analysis.result import Analysis
from striate.data.placement import placement
from striate.data.preprocess import Preprocess
from striate.errors import StriateError
from striate.explain.grades import STEPS, Grade, grades
from striate.explain.heat_sheet import overlay
from striate.explain.kernels import convolutions
from striate.explain.methods import explained
from striate.explain.plates import fitted
from striate.explain.plates import photograph as as_image
from striate.reports.pictures import Picture, photograph, plain_picture
from striate.reports.record import Record
from striate.reports.words import percent
from striate.training.machine import fast_bfloat16

METHOD = "grad_cam"
MOST, GRADED, FEWEST = 12, 4, 2  # pictures: at most, that are worth full grades, at least
COARSE = 10  # steps of a grade where full ones take too long
SECONDS = 6.0  # that the section may take, as reckoned here
MULTIPLY_ADDS, BYTES = 60e9, 6e9  # a second, of two cores in float32
ANSWERS = 6  # curves of a grade: two of the map, and of each baseline
MAPS = 12  # answers that the maps take, those of scrambled networks too, with their slopes
SIDE = 192  # pixels of a map's longer side
COLOURS = 128


@dataclass(frozen=True)
class Why:
    """One picture with its map. `grade`: words, empty where it was not measured; `passed`: what they say."""

    picture: Picture
    map: Picture
    truth: str
    answer: str
    sure: str
    right: bool
    grade: str = ""
    verdict: str = ""
    passed: bool = False


@dataclass(frozen=True)
class Whys:
    """The section: `shown`, right answers first; `words` says how the maps were made, or why there are none."""

    layer: str
    shown: tuple[Why, ...]
    words: str


def whys(
    net: nn.Module, ready: tuple[Tensor, Tensor], record: Record, analysis: Analysis, preprocess: Preprocess | None
) -> Whys | None:
    """The section; None where the run kept no picture with its label.

    `ready`: the samples and the worst mistakes as `net` takes them. `preprocess`: how they came to be so.
    """
    chosen = _chosen(net, ready, record)
    if not chosen:
        return None
    if not convolutions(net):
        return Whys("", (), "This network has no convolution, so there are no maps for Grad-CAM to look at.")
    most, steps = affordable(analysis)
    some = _some(chosen, most)
    images = torch.cat([one.ready for one in some])
    targets = torch.tensor([one.answer for one in some])
    try:
        quick = copy.deepcopy(net).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        found = explained(quick, images, targets, METHOD)
        graded: list[Grade | None] = [None] * len(some)
        if steps:
            with torch.autocast(images.device.type, torch.bfloat16, enabled=fast_bfloat16(images.device)):
                graded = [*grades(quick, images, found, steps=steps)]
    except (StriateError, RuntimeError) as error:  # a network of anybody's own may fail in any way of torch's
        said = str(error).strip().splitlines()
        return Whys("", (), f"The answers could not be explained: {said[0] if said else type(error).__name__}")
    shown = tuple(
        _why(one, values, grade, record.classes, preprocess)
        for one, values, grade in zip(some, found.maps.float().cpu(), graded, strict=True)
    )
    return Whys(found.layer or "", shown, f"{_tally(shown)}{_words(steps)}")


def affordable(analysis: Analysis) -> tuple[int, int]:
    """How many pictures are explained, and the steps of their grades (0: none), by the size of the network.

    It does not depend on how quick the machine is, so a report that is written again shows the same.
    """
    once = analysis.multiply_adds / MULTIPLY_ADDS + analysis.activation_bytes / analysis.batch / BYTES
    for steps in (STEPS, COARSE):
        number = SECONDS / (once * (ANSWERS * (steps + 1) + MAPS)) if once else inf
        if number >= (GRADED if steps == STEPS else FEWEST):
            return int(min(MOST, number)), steps
    return FEWEST, 0


@dataclass(frozen=True)
class _Chosen:
    """A picture that may be shown: as it was kept, as the network takes it, its label, the answer, and how sure."""

    image: Tensor
    ready: Tensor
    label: int
    answer: int
    sure: float


def _chosen(net: nn.Module, ready: tuple[Tensor, Tensor], record: Record) -> list[_Chosen]:
    """The kept pictures that have a label."""
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    if record.samples is not None and record.sample_labels is not None:
        kept.append((record.samples, ready[0], record.sample_labels))
    if record.answers is not None:
        kept.append((record.answers.worst_images, ready[1], record.answers.labels[record.answers.worst]))
    found, seen = [], set()
    for images, inputs, labels in kept:
        if not len(images):
            continue
        sure, answer = _scores(net, inputs).softmax(1).max(1)
        for k in range(len(images)):
            key = images[k].numpy().tobytes()
            if key not in seen:
                seen.add(key)
                found.append(_Chosen(images[k], inputs[k : k + 1], int(labels[k]), int(answer[k]), float(sure[k])))
    return found


def _some(chosen: list[_Chosen], most: int) -> list[_Chosen]:
    """Right answers and then wrong ones, about as many of each, at most `most`."""
    right = [one for one in chosen if one.label == one.answer]
    wrong = [one for one in chosen if one.label != one.answer]
    half = max(most - len(wrong), most // 2)
    return right[:half] + wrong[: most - min(half, len(right))]


def _scores(net: nn.Module, ready: Tensor) -> Tensor:
    training = {layer: layer.training for layer in net.modules()}
    try:
        with torch.no_grad():
            found: Tensor = net.eval()(ready)
            return found.float().cpu()
    finally:
        for layer, flag in training.items():
            layer.training = flag


def _why(
    one: _Chosen, values: Tensor, grade: Grade | None, names: tuple[str, ...], preprocess: Preprocess | None
) -> Why:
    truth, answer, right = names[one.label], names[one.answer], one.label == one.answer
    said = answer if right else f"{truth}, answered {answer}"
    if preprocess is not None:
        values = placement(preprocess, (one.image.shape[1], one.image.shape[2])).on_picture(values)
    image = as_image(one.image)
    wide, tall = fitted(image.size, SIDE, SIDE)
    drawn = overlay(image, values, (max(1, round(wide)), max(1, round(tall))))
    drawn = drawn.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return Why(
        picture=photograph(one.image, f"Picture that is explained: {said}"),
        map=plain_picture(drawn, f"Picture of what spoke for {answer}: {said}"),
        truth=truth,
        answer=answer,
        sure=percent(one.sure),
        right=right,
        grade="" if grade is None else _figures(grade),
        verdict="" if grade is None else grade.verdict,
        passed=grade is not None and grade.passed,
    )


def _figures(grade: Grade) -> str:
    return f"deletion {grade.deletion:.2f} · insertion {grade.insertion:.2f} · randomisation {grade.randomisation:.2f}"


def _tally(shown: tuple[Why, ...]) -> str:
    """How many of the maps pass, and what to try where few do."""
    graded = [one for one in shown if one.grade]
    passed = sum(one.passed for one in graded)
    if not graded or 2 * passed > len(graded):
        return f"{passed} of {len(graded)} maps pass. " if graded else ""
    other = "`striate explain RUN IMAGE --method all` tries the other methods"
    return f"{passed or 'None'} of {len(graded)} maps {'pass' if passed > 1 else 'passes'}: {other}. "


def _words(steps: int) -> str:
    if not steps:
        return "To grade maps of so large a network would take minutes; `striate explain` does it for a picture."
    coarse = f" The areas are of {steps} steps, for speed." if steps < STEPS else ""
    return (
        "Deletion: how much of the answer stays while the pixels that matter most on the map are taken away; small is "
        "good. Insertion: how soon it comes when they are put into a blurred picture; large is good. Randomisation: "
        "how much of the map stays when the weights are scrambled; from 0.5 on it shows the picture, not what was "
        f"learned. A map that is no better than a blob in the centre or an edge detector fails, and says so.{coarse}"
    )
