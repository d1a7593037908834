"""A volume as lectures draw it: an oblique box with its channels and its size beneath.

The front is as wide as there are channels and as high as the maps, the end goes back as far as the maps are wide, all
on gentle scales, so that 224 and 1 can both be seen. What is only features is an upright bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2, prod

from striate.analysis.diagram_graph import Volume
from striate.analysis.diagram_scene import Bar, Face, Mark, Ring, Titled, Words, words_width
from striate.analysis.result import Shape

SIDES = {"features": "convolution", "join": "other", "module": "convolution"}
STRIPE = 3  # pixels


@dataclass(frozen=True)
class Style:
    """How large a part of the drawing is: of the boxes, of the letters, and between them."""

    scale: float = 1
    letters: float = 13
    gap: float = 14
    wired: bool = False  # whether wires join what stands in a row
    inside: bool = False  # whether it lies on a panel

    @property
    def lane(self) -> Style:
        """The style of many lanes side by side."""
        return Style(min(self.scale, 0.5), 11, 10, True, self.inside)


@dataclass(frozen=True)
class Block:
    """A piece of the drawing; its wire is at y = 0, from x = `left` to x = `right`."""

    width: float
    up: float  # how far it reaches above the wire
    down: float  # and below
    left: float
    right: float
    marks: tuple[Mark, ...]

    def at(self, x: float, y: float = 0) -> tuple[Mark, ...]:
        """Its marks, moved."""
        return tuple(mark.moved(x, y) for mark in self.marks)


def extent(shape: Shape, scale: float) -> tuple[float, float, float]:
    """(thickness, height, depth) of the box of a shape, in pixels."""
    if len(shape) < 2:
        return 10 * scale**0.5, (10 + 9 * log2(prod(shape) + 1)) * scale, 0
    side = [(10 + 15 * log2(n + 1)) * scale for n in shape[-2:]]
    thick = (5 + 4.6 * log2(max(1, shape[0]))) * scale
    return (thick, side[0], side[1] * 0.3) if len(shape) > 2 else (thick, side[1], 6 * scale)


def size_text(shape: Shape) -> str:
    """The size of the maps of a shape: 28², 28×14, 8³, 120; nothing where it has none."""
    size = shape[1:]
    if len(size) > 1 and len(set(size)) == 1:
        return f"{size[0]}{'²' if len(size) == 2 else '³'}"
    return "×".join(map(str, size))


def grouped(number: int) -> str:
    """A number with its thousands apart: 61 706."""
    return f"{number:,}".replace(",", "\u2009")


def about(every: Sequence[Volume]) -> str:
    """What a pointer is told of volumes: the layers, the last shape, parameters and multiply-adds."""
    layers = [layer for volume in every for layer in volume.layers]
    if not layers:
        return f"picture\n{' × '.join(map(str, every[0].output))}"
    lines = [f"{layer.name} {layer.kind}{f' {layer.detail}' if layer.detail else ''}" for layer in layers]
    if len(lines) > 8:
        lines = [*lines[:4], f"… {len(lines) - 7} more", *lines[-3:]]
    parameters, multiply_adds = sum(v.parameters for v in every), sum(v.multiply_adds for v in every)
    counts = [f"{grouped(parameters)} parameters"] * bool(parameters)
    counts += [f"{grouped(multiply_adds)} multiply-adds"] * bool(multiply_adds)
    return "\n".join([*lines, " × ".join(map(str, every[-1].output)), *counts])


def volume_block(volume: Volume, style: Style, base: float) -> Block:
    """A box with its labels, the first of these `base` pixels below the wire."""
    if volume.is_junction:
        radius = 9 * style.scale**0.5
        ring = Ring(radius, 0, radius, "+" if volume.look == "sum" else "×")
        return Block(2 * radius, radius, radius, 0, 2 * radius, (Titled(about([volume]), (ring,)),))
    if volume.look == "omitted":
        words = Words(40, 4, f"… {volume.kind} …", 13, "soft")
        return Block(words_width(words.text, 13), 10, 10, 0, 80, (words,))
    w, h, k = extent(volume.output, style.scale)
    labels = (
        []
        if volume.look == "thin"
        else [("×".join(map(str, volume.output[:1])), True), (size_text(volume.output), False)]
    )
    if volume.look == "module":
        labels.append((f"{len(volume.layers)} layers", False))
    labels = [label for label in labels if label[0]]
    if volume.look == "thin":
        w = STRIPE
    width = max([w + k, *(words_width(text, style.letters, bold=bold) for text, bold in labels)])
    x, y = (width - w - k) / 2, (k - h) / 2
    lines = tuple(
        Words(x + (w + k) / 2, base + style.letters * (1.2 + 1.2 * i), text, style.letters, ("soft", "ink")[bold], bold)
        for i, (text, bold) in enumerate(labels)
    )
    down = max((h + k) / 2, base + style.letters * (0.4 + 1.2 * len(lines)) if lines else 0)
    marks: tuple[Mark, ...] = (Titled(about([volume]), _box(volume, x, y, (w, h, k))), *lines)
    return Block(width, (h + k) / 2, down, x, x + w + k, marks)


def _box(volume: Volume, x: float, y: float, sides: tuple[float, float, float]) -> tuple[Mark, ...]:
    """The three faces of a box whose front has its upper left corner at (x, y), with its stripes and seams."""
    w, h, k = sides
    faces = SIDES.get(volume.look, volume.look)
    if volume.look == "thin":
        faces = "convolution"
    if not k:
        front = "features" if volume.look == "features" else f"{faces}.front"
        marks: list[Mark] = [Bar(x, y, w, h, "stripe" if volume.look == "thin" else front, radius=min(3, w / 2))]
    else:
        marks = [
            Face(((x, y), (x + k, y - k), (x + w + k, y - k), (x + w, y)), f"{faces}.top"),
            Face(((x + w, y), (x + w + k, y - k), (x + w + k, y - k + h), (x + w, y + h)), f"{faces}.end"),
            Bar(x, y, w, h, "stripe" if volume.look == "thin" else f"{faces}.front"),
        ]
    if volume.before:
        marks.append(Bar(x, y, STRIPE, h, "stripe"))
    if volume.after and volume.look != "thin":
        marks.append(Bar(x + w - STRIPE, y, STRIPE, h, "stripe"))
    seams = [i / 4 for i in (1, 2, 3)] if volume.look == "module" else []
    if sum(volume.shares):
        seams = [sum(volume.shares[:i]) / sum(volume.shares) for i in range(1, len(volume.shares))]
    for seam in seams:
        at = x + w * seam
        marks.append(Bar(at - 0.5, y, 1, h, f"{faces}.end"))
        marks.append(Face(((at - 0.5, y), (at + k - 0.5, y - k), (at + k + 0.5, y - k), (at + 0.5, y)), f"{faces}.end"))
    return tuple(marks)
