"""A data set as one picture: thumbnails where `embedding` puts them, with a frame in the colour of their class."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch
from PIL import Image
from torch import Tensor

from striate.explain.canvas import Canvas, text_width
from striate.explain.plates import MARGIN, SMALL, below, fitted, headed, photograph

SIDE = 1000  # pixels of the plane
SIDES = (72, 64, 56, 48, 42, 36)  # pixels of a thumbnail: the first at which enough of them find room
ENOUGH = 0.3  # of the pictures
FRAME = 2.5
# Twelve colours that people who confuse red and green tell apart by lightness as well; more classes begin anew.
CLASSES = (
    "#1d5b9e", "#e08a1e", "#3f9aa8", "#8a5a9e", "#a3672a", "#7cb8ee",
    "#1c2430", "#d65f8a", "#6b7f2a", "#b9a6d8", "#f2c14e", "#7f8894",
)  # fmt: skip


def embedding_sheet(
    points: Tensor,
    thumbnails: Sequence[Tensor],
    labels: Sequence[int] | None = None,
    *,
    classes: Sequence[str] = (),
    title: str = "The data set as the network sees it",
    words: Sequence[str] = (),
) -> Image.Image:
    """The plane of `points` (n, 2), each with its thumbnail (c, h, w); where they would lie upon each other, fewer.

    `labels`: class of each, named in `classes`, which gives frames and a legend; `words`: lines under the title. Points
    whose thumbnail is left out are dots of their class's colour, so every picture is there.
    """
    places = _placed(points)
    side, shown = _thumbnails(places)
    said = [*words]
    if len(shown) < len(places):
        said.append(f"{len(places):,} pictures; {len(shown):,} of them as thumbnails, so that none lies upon another")
    else:
        said.append(f"{len(places):,} pictures")
    named = list(classes) if labels is not None else []
    present = sorted(set(labels or ()))
    legend = _legend([named[k] if k < len(named) else str(k) for k in present])
    top = below(said)
    canvas, _ = headed(SIDE + 2 * MARGIN, top + SIDE + 20 + len(legend) * 26 + MARGIN, title, said)
    canvas.box((MARGIN, top, SIDE, SIDE), canvas.palette.card, canvas.palette.line)
    corners = places * (SIDE - side - 12) + 6 + torch.tensor([MARGIN, top], dtype=places.dtype)
    whole = set(shown)
    order = [k for k in range(len(places)) if k not in whole] + shown
    for k in order:
        x, y = corners[k].tolist()
        colour = canvas.palette.soft if labels is None else CLASSES[labels[k] % len(CLASSES)]
        if k in whole:
            _thumbnail(canvas, thumbnails[k], (x, y), side, colour if labels is not None else None)
        else:
            canvas.box((x + side / 2 - 2.5, y + side / 2 - 2.5, 5, 5), colour, None)
    _write(canvas, legend, present, top + SIDE + 34)
    return canvas.finished()


def _placed(points: Tensor) -> Tensor:
    """The points in 0..1, both axes with the same scale, the second upwards."""
    flat = points.detach().double().cpu() * torch.tensor([1.0, -1.0], dtype=torch.double)
    low, high = flat.amin(0), flat.amax(0)
    span = float((high - low).max()) or 1.0
    return (flat - (low + high) / 2) / span + 0.5


def _thumbnails(places: Tensor) -> tuple[float, list[int]]:
    """Pixels of a thumbnail, and the pictures that have one."""
    side, shown = SIDES[0], _apart(places * (SIDE - SIDES[0]), SIDES[0])
    for side in SIDES:
        shown = _apart(places * (SIDE - side), side)
        if len(shown) >= ENOUGH * len(places):
            break
    return side, shown


def _apart(corners: Tensor, side: float) -> list[int]:
    """The pictures whose thumbnails do not touch one that was taken before; in the order in which they are given."""
    taken: list[int] = []
    for k in range(len(corners)):
        near = (corners[taken] - corners[k]).abs().amax(1) if taken else torch.empty(0)
        if not len(near) or float(near.min()) >= side + 2:
            taken.append(k)
    return taken


def _thumbnail(canvas: Canvas, picture: Tensor, at: tuple[float, float], side: float, colour: str | None) -> None:
    image = photograph(picture)
    size = fitted(image.size, side - 2 * FRAME, side - 2 * FRAME)
    box = (at[0] + (side - size[0]) / 2, at[1] + (side - size[1]) / 2, *size)
    canvas.paste(image, box)
    canvas.box(box, None, colour or canvas.palette.line, FRAME if colour else 1)


def _legend(names: Sequence[str]) -> list[list[tuple[int, str]]]:
    """The names in lines that fit the width, each with its place."""
    lines: list[list[tuple[int, str]]] = []
    room = 0.0
    for place, name in enumerate(names):
        wide = text_width(name, SMALL) + 46
        if not lines or wide > room:
            lines.append([])
            room = SIDE
        lines[-1].append((place, name))
        room -= wide
    return lines


def _write(canvas: Canvas, legend: list[list[tuple[int, str]]], present: Sequence[int], y: float) -> None:
    for number, line in enumerate(legend):
        x = float(MARGIN)
        for place, name in line:
            canvas.box((x, y + 26 * number - 6, 12, 12), CLASSES[present[place] % len(CLASSES)], None)
            canvas.text((x + 20, y + 26 * number), name, SMALL, canvas.palette.ink)
            x += ceil(text_width(name, SMALL)) + 46
