"""What every layer makes of a picture, in one sheet: a row a layer with its name, its shape and its strongest maps."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch
from PIL import Image
from torch import Tensor, nn

from striate.explain.activations import Activation
from striate.explain.canvas import Canvas, text_width
from striate.explain.plates import MARGIN, SMALL, WORDS, Scale, below, fitted, headed, photograph, plane, shortened

LAYERS, CHANNELS = 16, 8
NAMES = 210  # pixels for the names of the layers
CELL, GAP, BETWEEN = 96, 8, 30  # pixels: of a map, to the next, and of the line under it
VECTOR = 24  # pixels: the height of a row of values
UNCHANGED = (nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


def activation_sheet(
    seen: Sequence[Activation], picture: Tensor, *, layers: int = LAYERS, channels: int = CHANNELS
) -> Image.Image:
    """The sheet of `seen`, what `activations(net, image)` gave for one picture; of more the first is shown.

    `picture`: (c, h, w) as a person sees it, uint8 or floats in 0..1. Of more than `layers` layers an even choice is
    shown; of each layer the `channels` most active channels, all in the colours of one scale a layer.
    """
    changed = [a for a in seen if not isinstance(a.layer, UNCHANGED) and a.output.numel()]
    shown = chosen(changed, layers)
    words = [f"the {channels} most active channels of each layer, counted from 0; every row has a scale of its own"]
    if len(shown) < len(changed):
        words.append(
            f"{len(shown)} of {len(changed)} layers are shown: the first, the last, and an even choice between"
        )
    image = photograph(picture)
    size = fitted(image.size, 2 * CELL, 1.5 * CELL)
    top = below(words) + size[1] + 36
    rows = [CELL + BETWEEN + GAP if maps(a) is not None else VECTOR + BETWEEN + 2 * GAP for a in shown]
    width = 0.0 + MARGIN + NAMES + channels * (CELL + GAP) - GAP + MARGIN
    canvas, width = headed(width, top + sum(rows) + MARGIN, "What every layer makes of this picture", words)
    canvas.paste(image, (MARGIN + NAMES, below(words), *size))
    canvas.text((MARGIN, below(words) + size[1] / 2), "the picture", WORDS, canvas.palette.ink, bold=True)
    y = top
    for one, tall in zip(shown, rows, strict=True):
        canvas.line([(MARGIN, y - GAP - 4), (width - MARGIN, y - GAP - 4)], canvas.palette.line)
        y += 4
        shape = "×".join(map(str, one.output.shape[1:])) or "1"
        scale = Scale.of(one.output[0])
        name = shortened(one.name or "the network", NAMES - 20, WORDS)
        canvas.text((MARGIN, y + 10), name, WORDS, canvas.palette.ink, bold=True)
        canvas.text((MARGIN, y + 30), f"{type(one.layer).__name__}  {shape}", SMALL, canvas.palette.soft)
        planes = maps(one)
        if planes is None:
            _values(canvas, one.output[0].flatten(), scale, (MARGIN + NAMES, y, width - 2 * MARGIN - NAMES))
        else:
            scale.draw(canvas, MARGIN + NAMES - 16, y + 56, 70)
            for place, channel in enumerate(most_active(planes, channels)):
                values = plane(planes[channel])
                box = fitted((values.shape[1], values.shape[0]), CELL, CELL)
                x = MARGIN + NAMES + place * (CELL + GAP)
                at = (x + (CELL - box[0]) / 2, y + (CELL - box[1]) / 2, *box)
                canvas.paste(scale(values), at)
                canvas.box(at, None, canvas.palette.line)
                canvas.text((x + CELL / 2, y + CELL + 11), str(channel), SMALL, canvas.palette.soft, anchor="m")
        y += tall - 4
    return canvas.finished()


def chosen(seen: Sequence[Activation], most: int) -> list[Activation]:
    """At most `most` of `seen`: the first, the last, and between them evenly those that end a step.

    A layer ends a step where the next one mixes channels or changes the size: of convolution, norm and activation it is
    the activation.
    """
    if len(seen) <= most:
        return list(seen)
    ends = [a for a, after in zip(seen, [*seen[1:], None], strict=True) if after is None or _mixes(after)]
    some = ends if len(ends) >= most else list(seen)
    if most == 1:
        return [some[-1]]
    return [some[round(k * (len(some) - 1) / (most - 1))] for k in range(most)]


def maps(one: Activation) -> Tensor | None:
    """(c, ...) of the first picture; None where the layer gives a vector."""
    return one.output[0] if one.output.ndim > 2 and one.output[0, 0].numel() > 1 else None


def most_active(values: Tensor, most: int) -> list[int]:
    """The `most` channels of `values` (c, ...) that differ most from place to place, in their own order.

    Not those of largest mean: behind a ReLU6 these are the same everywhere, and show nothing of the picture.
    """
    differ = torch.nan_to_num(values.float()).flatten(1).std(1, correction=0)
    return sorted(differ.topk(min(most, len(differ))).indices.tolist())


def _mixes(one: Activation) -> bool:
    weight = getattr(one.layer, "weight", None)
    return (isinstance(weight, Tensor) and weight.ndim > 1) or one.given != tuple(one.output.shape)


def _values(canvas: Canvas, values: Tensor, scale: Scale, where: tuple[float, float, float]) -> None:
    """A vector as a row of squares, of a long one the means of neighbours."""
    x, y, width = where
    shown, each = values, ceil(len(values) / (width / 3))
    if each > 1:
        padded = torch.cat([values, values[-1:].expand(-len(values) % each)])
        shown = padded.view(-1, each).float().mean(1)
    wide = min(width, len(shown) * VECTOR)
    canvas.paste(scale(shown[None]), (x, y, wide, VECTOR))
    canvas.box((x, y, wide, VECTOR), None, canvas.palette.line)
    best = int(values.argmax())
    said = f"largest: {best}" + (f"; each square is the mean of {each} values" if each > 1 else "")
    canvas.text((x, y + VECTOR + 13), said, SMALL, canvas.palette.soft)
    scale.draw(canvas, x + max(wide, text_width(said, SMALL) + 260), y + VECTOR + 13, 70)
