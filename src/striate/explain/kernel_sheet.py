"""The learned kernels of one layer in one grid, with the scale of their numbers."""

from __future__ import annotations

from math import ceil, sqrt

import torch
from PIL import Image
from torch import Tensor

from striate.explain.canvas import figure
from striate.explain.plates import MARGIN, Scale, below, headed, plane

WIDTH, TALLEST = 960, 1200  # pixels for the kernels
CELL = 88  # pixels of a kernel at most
LEAST = 10  # pixels of a plane at least
GAP = 6
MOST = 256  # kernels
ROWS, COLUMNS = 48, 32  # of a table of kernels by what they look at


def kernel_sheet(kernels: Tensor, layer: str, *, most: int = MOST) -> Image.Image:
    """The sheet of `kernels` (maps, channels, *kernel): one square each where they look at one channel or at colours,
    else a table, a row a kernel and a column a channel it looks at. All share one scale, but colours, whose grey is 0.
    """
    maps, channels = kernels.shape[:2]
    size = "×".join(map(str, kernels.shape[2:])) or "1"
    flat = torch.stack([torch.stack([plane(k) for k in one]) for one in kernels.detach().float().cpu()])
    scale = Scale.of(flat)
    scale = Scale(scale.top, True)
    said = f"{maps} kernels of {size} over {channels} channel{'s' if channels > 1 else ''}"
    if channels == 3 and kernels.ndim == 4:
        words = [said + _shown(maps, most), _grey(scale)]
        return _grid([_coloured(k, scale.top) for k in flat[:most]], layer, words, None)
    if channels == 1:
        return _grid([scale(k[0]) for k in flat[:most]], layer, [said + _shown(maps, most)], scale)
    return _table(flat, scale, layer, said)


def _shown(there: int, most: int) -> str:
    return f"; the first {most} are shown" if there > most else ""


def _grey(scale: Scale) -> str:
    return f"colours are those it answers to most; grey is 0, full colour {figure(scale.top)}"


def _coloured(kernel: Tensor, top: float) -> Image.Image:
    pixels = ((kernel / top / 2 + 0.5).clamp(0, 1) * 255).round().byte()
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def _grid(cells: list[Image.Image], layer: str, words: list[str], scale: Scale | None) -> Image.Image:
    """The cells in rows, nearly as wide as high."""
    wide, tall = cells[0].size
    columns = min(len(cells), max(1, round(sqrt(len(cells) * tall / wide * WIDTH / (0.7 * WIDTH)))))
    cell = min(CELL, (WIDTH - (columns - 1) * GAP) / columns)
    cell = max(1, int(cell / wide)) * wide if cell >= wide else cell
    height = cell * tall / wide
    rows = ceil(len(cells) / columns)
    top = below(words)
    end = top + rows * (height + GAP) - GAP + MARGIN + (34 if scale else 0)
    canvas, width = headed(max(columns * (cell + GAP) - GAP + 2 * MARGIN, 480), end, _title(layer), words)
    for number, picture in enumerate(cells):
        row, column = divmod(number, columns)
        box = (MARGIN + column * (cell + GAP), top + row * (height + GAP), cell, height)
        canvas.paste(picture, box)
        canvas.box(box, None, canvas.palette.line)
    if scale is not None:
        scale.draw(canvas, width - MARGIN, end - MARGIN + 4)
    return canvas.finished()


def _table(flat: Tensor, scale: Scale, layer: str, said: str) -> Image.Image:
    """A row for each kernel, a column for each channel."""
    maps, channels, tall, wide = flat.shape
    by_strength = flat.abs().sum((2, 3))
    columns = by_strength.sum(0).topk(min(channels, COLUMNS)).indices.sort().values
    rows = by_strength.sum(1).topk(min(maps, ROWS)).indices.sort().values
    words = [said, "a row is a kernel, a column a channel that it looks at"]
    if len(rows) < maps or len(columns) < channels:
        words.append(f"shown are the {len(rows)} kernels and the {len(columns)} channels with the largest weights")
    gap = 3
    cell = min(40, (WIDTH - 60) / len(columns) - gap, (TALLEST / len(rows) - gap) * wide / tall)
    cell = max(LEAST, int(cell / wide) * wide if cell >= wide else cell)
    height = cell * tall / wide
    left, top = MARGIN + 44, below(words) + 22
    size = (left + len(columns) * (cell + gap) - gap + MARGIN, top + len(rows) * (height + gap) + MARGIN + 34)
    canvas, width = headed(max(size[0], 480), size[1], _title(layer), words)
    for r, k in enumerate(rows.tolist()):
        y = top + r * (height + gap)
        if height + gap >= 14 or r % ceil(14 / (height + gap)) == 0:
            canvas.text((left - 8, y + height / 2), str(k), 11, canvas.palette.soft, anchor="r")
        for c, channel in enumerate(columns.tolist()):
            canvas.paste(scale(flat[k, channel]), (left + c * (cell + gap), y, cell, height))
    every = ceil(24 / (cell + gap))
    for c, channel in enumerate(columns.tolist()):
        if c % every == 0:
            canvas.text(
                (left + c * (cell + gap) + cell / 2, top - 12), str(channel), 11, canvas.palette.soft, anchor="m"
            )
    scale.draw(canvas, width - MARGIN, size[1] - MARGIN + 4)
    return canvas.finished()


def _title(layer: str) -> str:
    return f"Kernels of {layer}" if layer else "Kernels"
