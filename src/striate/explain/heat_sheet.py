"""Attribution maps over their picture, each with its grades, and the baselines beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from striate.explain.canvas import Canvas, text_width
from striate.explain.plates import MARGIN, SMALL, WORDS, Scale, below, fitted, headed, photograph, plane, shortened

SIDE = 300  # pixels of a picture's longer side
GAP, CAPTION = 28, 108
GRADED = 320  # pixels that the three numbers of a grade need
COLUMNS = 4
LINES = 3  # of a sentence below a map
FADED = 0.75  # how much of its colour the picture loses where the map says nothing
STRONGEST = 0.88  # how much of the colour is the map's where it is strongest
TOP = 0.995  # the share of numbers that the scale shows; the few above have its end's colour
GRADES = ("deletion", "insertion", "randomisation")


@dataclass(frozen=True)
class Heat:
    """One map: `name`, its `values` (h, w) of any size, its grades, and a sentence on them.

    `deletion`, `insertion`, `randomisation`: None where they were not measured. `baseline`: what no network was asked
    for, a blob in the middle or an edge detector.
    """

    name: str
    values: Tensor
    deletion: float | None = None
    insertion: float | None = None
    randomisation: float | None = None
    verdict: str = ""
    baseline: bool = False


def heat_sheet(picture: Tensor, maps: Sequence[Heat], title: str, *, words: Sequence[str] = ()) -> Image.Image:
    """`picture` (c, h, w), then each map over it: maps of both signs in orange and blue, of one from light to dark.

    `title`: what is explained, as "Why sunflower?"; `words`: lines under it.
    """
    image = photograph(picture)
    size = fitted(image.size, SIDE, SIDE)
    size = (round(size[0]), round(size[1]))
    cells = 1 + len(maps)
    columns = min(COLUMNS, cells)
    wide, tall = max(size[0], GRADED), size[1] + CAPTION
    rows, top = ceil(cells / columns), below(words)
    total = 2 * MARGIN + columns * (wide + GAP) - GAP
    canvas, _ = headed(total, top + rows * (tall + GAP) - GAP + MARGIN, title, words)
    for number in range(cells):
        row, column = divmod(number, columns)
        x, y = MARGIN + column * (wide + GAP), top + row * (tall + GAP)
        one = maps[number - 1] if number else None
        shown = image if one is None else overlay(image, one.values, size)
        canvas.paste(shown, (x, y, *size))
        canvas.box((x, y, *size), None, canvas.palette.line)
        if one is None:
            canvas.text((x, y + size[1] + 18), "the picture", WORDS, canvas.palette.ink, bold=True)
        else:
            _caption(canvas, one, (x, y + size[1]), wide)
    return canvas.finished()


def overlay(image: Image.Image, values: Tensor, size: tuple[int, int]) -> Image.Image:
    """`image` at `size` (w, h), grey and pale, with the map `values` (h, w) in colour: the stronger the denser."""
    flat = torch.nan_to_num(plane(values).detach().float().cpu(), 0, 0, 0)
    smooth = interpolate(flat[None, None], (size[1], size[0]), mode="bilinear", align_corners=False, antialias=True)[
        0, 0
    ]
    scale = _scale(smooth)
    colours = torch.frombuffer(bytearray(scale(smooth).tobytes()), dtype=torch.uint8).view(size[1], size[0], 3).float()
    large = image.resize(size, Image.Resampling.LANCZOS)
    pixels = torch.frombuffer(bytearray(large.tobytes()), dtype=torch.uint8).view(size[1], size[0], 3).float()
    grey = pixels.mean(2, keepdim=True)
    ground = 255 - (255 - (pixels + FADED * (grey - pixels))) * 0.75
    dense = STRONGEST * (smooth.abs() / scale.top).clamp(0, 1).sqrt()[..., None]
    mixed = ground + dense * (colours - ground)
    return Image.fromarray(mixed.round().clamp(0, 255).byte().numpy())


def _scale(values: Tensor) -> Scale:
    """The scale of a map; a few pixels far beyond all others do not make the rest pale."""
    strength = values.abs().flatten()
    top = float(strength.kthvalue(max(1, round(TOP * strength.numel()))).values) or float(strength.max())
    return Scale(max(top, 1e-12), bool((values < 0).any()))


def _caption(canvas: Canvas, one: Heat, at: tuple[float, float], width: float) -> None:
    x, y = at
    soft, ink = canvas.palette.soft, canvas.palette.ink
    name = shortened(one.name, width - (text_width("baseline", SMALL) + 12 if one.baseline else 0), WORDS)
    canvas.text((x, y + 18), name, WORDS, ink, bold=True)
    if one.baseline:
        canvas.text((x + width, y + 18), "baseline", SMALL, soft, anchor="r")
    grades = [(grade, getattr(one, grade)) for grade in GRADES if getattr(one, grade) is not None]
    along = 0.0
    for grade, value in grades:
        said = f"{grade} {value:.2f}"
        if along and along + text_width(said, SMALL) > width:
            break
        canvas.text((x + along, y + 40), said, SMALL, soft)
        along += text_width(said, SMALL) + 12
    passed = one.verdict.startswith("passes")
    for number, line in enumerate(lines(one.verdict, width, SMALL, LINES)):
        colour = canvas.palette.accent if passed else canvas.palette.warn
        canvas.text((x, y + 60 + 17 * number), line, SMALL, colour)


def lines(text: str, width: float, size: float, most: int) -> list[str]:
    """`text` in at most `most` lines no wider than `width` pixels; what does not fit ends in an ellipsis."""
    found: list[str] = []
    for word in text.split():
        if found and text_width(f"{found[-1]} {word}", size) <= width:
            found[-1] += f" {word}"
        else:
            found.append(word)
    if len(found) > most:
        rest = " ".join(found[most - 1 :])
        while rest and text_width(rest + " ...", size) > width:
            rest = rest.rpartition(" ")[0]
        found = [*found[: most - 1], rest + " ..."]
    return found
