"""A still sheet: what was given, the kernel with its numbers, and the result, side by side.

Pictures as they are, sounds as a curve, volumes as their middle slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from PIL import Image
from torch import Tensor

from striate.explain.canvas import Canvas, figure, fitting_size, mixed, text_width
from striate.explain.operations import Operation
from striate.explain.shown_values import as_pixels
from striate.explain.steps import divisor_of
from striate.palette import LIGHT, Palette

MARGIN, GAP, TOP = 48, 92, 116  # pixels: around, between the panels, above them
PANEL = 460  # pixels: the longer side of a picture
CURVE = (460, 220)  # pixels: width and height of a sound
MOST_NUMBERED = 9  # numbers along a side of a kernel that are written out; beyond, colours alone
KERNEL, LARGEST_CELL = 380, 60  # pixels: the longer side of a kernel, and of a cell
BETWEEN = 12  # pixels between the slices of a kernel


@dataclass(frozen=True)
class Panel:
    """One thing on the sheet: its size in pixels, the picture or curve to draw there, and what is said below."""

    width: float
    height: float
    shown: Tensor | None
    said: tuple[str, ...]


def sheet(
    given: Tensor,
    operation: Operation,
    result: Tensor,
    *,
    name: str,
    kernel: str,
    values: str,
    palette: Palette = LIGHT,
) -> tuple[Image.Image, str]:
    """The sheet of `operation` applied to `given`, and the rule by which the result is shown.

    `given`, `result`: their last axes are those of the kernel; before them may come channels. `name`, `kernel`: what
    they are called; `values`: one of `shown_values.VALUES`.
    """
    axes = operation.kernel.ndim
    weight = float(operation.kernel.sum()) if operation.name == "convolution" else None
    if axes == 1:
        peak = max(float(given.double().abs().max()), float(result.abs().max())) or 1.0
        rule = f"drawn from {figure(-peak)} to {figure(peak)}, as those given"
        panels = [_curve(given, peak, name), _curve(result, peak, "result")]
    else:
        before, of_pixels = _slice(given, axes), given.dtype is torch.uint8
        pixels, rule = as_pixels(_slice(result, axes), values, sum_of_kernel=weight, of_pixels=of_pixels)
        before = before if of_pixels else as_pixels(before.double(), of_pixels=False)[0]
        panels = [_picture(before, given, axes, name), _picture(pixels, result, axes, "result")]
    return _drawn(panels, operation, kernel, operation.formulas(tuple(given.shape[-axes:])), rule, palette), rule


def _slice(numbers: Tensor, axes: int) -> Tensor:
    """What is shown of pictures and volumes: (h, w), or (3, h, w) in colour."""
    if axes == 3:
        numbers = numbers[..., numbers.shape[-3] // 2, :, :]
    while numbers.ndim > 2 and not (numbers.ndim == 3 and numbers.shape[0] == 3 and axes == 2):
        numbers = numbers[0]
    return numbers


def _picture(pixels: Tensor, whole: Tensor, axes: int, said: str) -> Panel:
    height, width = pixels.shape[-2:]
    scale = PANEL / max(height, width)
    scale = scale if scale < 1 else max(1, int(scale))
    size = "×".join(str(n) for n in whole.shape[-axes:])
    more = (f"slice {whole.shape[-3] // 2 + 1} of {whole.shape[-3]}",) if axes == 3 else ()
    return Panel(max(1, width * scale), max(1, height * scale), pixels, (f"{said}, {size}", *more))


def _curve(sound: Tensor, peak: float, said: str) -> Panel:
    channels = sound.reshape(-1, sound.shape[-1])
    more = (f"channel 1 of {len(channels)}",) if len(channels) > 1 else ()
    return Panel(*CURVE, channels[0].double() / peak, (f"{said}, {sound.shape[-1]} samples", *more))


def _drawn(
    panels: list[Panel], operation: Operation, kernel: str, formulas: tuple[str, ...], rule: str, palette: Palette
) -> Image.Image:
    cell, slices = _kernel_cells(operation)
    wide, tall = slices.shape[-1] * cell, slices[:, :, 0].numel() * cell + (len(slices) - 1) * BETWEEN
    if operation.pools:
        wide, tall = 120, 60
    captions = max(120.0, wide, *(text_width(line, 16) for line in _kernel_said(operation, kernel)))
    widths = [max(p.width, *(text_width(line, 16) for line in p.said)) for p in panels]
    total = widths[0] + captions + widths[1] + 2 * GAP
    said = _sizes(formulas)
    width = max(total, text_width(said, 18), text_width(rule, 18) + 190, 640) + 2 * MARGIN
    middle = TOP + max(tall, *(p.height for p in panels)) / 2
    height = 2 * middle - TOP + 84 + 110
    canvas = Canvas(width, height, palette)
    canvas.text((MARGIN, 52), operation.title, 30, palette.ink, bold=True)
    said_by = [f"stride {_plain(operation.stride)}", f"padding {_plain(operation.padding)}"]
    said_by = [f"mode {operation.mode}", *said_by] if operation.name == "convolution" else said_by
    said_by += [f"dilation {_plain(operation.dilation)}"] if max(operation.dilation) > 1 else []
    canvas.text((width - MARGIN, 52), ",  ".join(said_by), 18, palette.soft, anchor="r")
    x = (width - total) / 2
    centres = [x + widths[0] / 2, x + widths[0] + GAP + captions / 2, x + total - widths[1] / 2]
    for panel, centre in zip(panels, (centres[0], centres[2]), strict=True):
        _panel(canvas, panel, centre, middle)
    _kernel(canvas, operation, (centres[1] - wide / 2, middle - tall / 2), cell, slices)
    _captions(canvas, centres[1], middle + tall / 2, _kernel_said(operation, kernel))
    signs = ("", "→") if operation.pools else ("*", "=")
    for sign, at in zip(signs, (x + widths[0] + GAP / 2, x + total - widths[1] - GAP / 2), strict=True):
        canvas.text((at, middle - (4 if sign == "*" else 0)), sign, 52 if sign == "*" else 40, palette.soft, anchor="m")
    canvas.line([(MARGIN, height - 104), (width - MARGIN, height - 104)], palette.line, 1)
    canvas.text((width / 2, height - 74), said, 18, palette.soft, anchor="m")
    canvas.text((width / 2, height - 40), f"numbers of the result:  {rule}", 18, palette.soft, anchor="m")
    return canvas.finished()


def _panel(canvas: Canvas, panel: Panel, centre: float, middle: float) -> None:
    left, top, paint = centre - panel.width / 2, middle - panel.height / 2, canvas.palette
    box = (left, top, panel.width, panel.height)
    assert panel.shown is not None
    if panel.shown.ndim == 1:
        canvas.box(box, paint.card, paint.line)
        canvas.line([(left, middle), (left + panel.width, middle)], paint.line)
        for x, low, high in _envelope(panel.shown, int(panel.width)):
            ends = [(left + x, middle - y * panel.height / 2) for y in (low, high)]
            canvas.line(ends if high - low > 0.01 else [ends[0], (ends[0][0], ends[0][1] - 1.5)], paint.accent, 1)
    else:
        pixels = panel.shown if panel.shown.ndim == 2 else panel.shown.permute(1, 2, 0)
        canvas.paste(Image.fromarray(pixels.contiguous().numpy()), box)
        canvas.box(box, None, paint.line)
    _captions(canvas, centre, middle + panel.height / 2, panel.said)


def _envelope(curve: Tensor, columns: int) -> list[tuple[int, float, float]]:
    """The least and the largest of the samples behind each column, which reaches to the next so that no gap is left."""
    found = []
    edges = torch.linspace(0, len(curve), columns + 1).long().tolist()
    for x, (start, end) in enumerate(pairwise(edges)):
        part = curve[start : max(end, start) + 1]
        found += [(x, float(part.min()), float(part.max()))] if len(part) else []
    return found


def _kernel_cells(operation: Operation) -> tuple[float, Tensor]:
    """Pixels of a cell, and the kernel as slices (s, h, w)."""
    kernel = operation.kernel.double()
    slices = kernel.reshape(-1, *(kernel.shape[-2:] if kernel.ndim > 1 else (1, len(kernel))))
    return min(LARGEST_CELL, KERNEL / max(slices.shape[2], slices.shape[0] * slices.shape[1])), slices


def _kernel(canvas: Canvas, operation: Operation, corner: tuple[float, float], cell: float, slices: Tensor) -> None:
    """The numbers, blue above 0 and orange below; whole numbers where one divisor makes them whole."""
    paint, (left, top) = canvas.palette, corner
    if operation.pools:
        word = "max" if operation.name == "max_pool" else "mean"
        canvas.text((left + 60, top + 30), word, 40, paint.ink, anchor="m")
        return
    divisor, most = divisor_of(operation.kernel) or 1, float(slices.abs().max()) or 1.0
    texts = [figure(float(number) * divisor) for number in slices.flatten()]
    numbered = max(slices.shape[1:]) <= MOST_NUMBERED and cell >= 22
    size = fitting_size(texts, cell * 0.82, cell * 0.4)
    rows, columns = slices.shape[1:]
    for number, (text, weight) in enumerate(zip(texts, slices.flatten().tolist(), strict=True)):
        r, c = divmod(number, columns)
        y = top + r * cell + (r // rows) * BETWEEN
        faces = paint.convolution if weight > 0 else paint.pool
        fill = mixed(paint.card, faces.front, 0.75 * abs(weight) / most)
        canvas.box((left + c * cell, y, cell, cell), fill, paint.line if numbered else None)
        if numbered:
            canvas.text((left + (c + 0.5) * cell, y + cell / 2), text, size, paint.ink, anchor="m")


def _kernel_said(operation: Operation, kernel: str) -> tuple[str, ...]:
    if operation.pools:
        return (f"of {_by(tuple(operation.kernel.shape))}",)
    divisor = divisor_of(operation.kernel)
    said = kernel + ("" if divisor in (1, None) else f" × 1/{divisor}") + (", rounded" if divisor is None else "")
    return said, "laid on turned by 180°" if operation.turned else "laid on as it is"


def _captions(canvas: Canvas, centre: float, top: float, lines: tuple[str, ...]) -> None:
    for number, line in enumerate(lines):
        colour = canvas.palette.soft if number else canvas.palette.ink
        canvas.text((centre, top + 26 + 24 * number), line, 16, colour, anchor="m")


def _sizes(formulas: tuple[str, ...]) -> str:
    names = {1: ("samples",), 2: ("rows", "columns")}.get(len(formulas), ("depth", "rows", "columns"))
    return "      ".join(f"{name}:  {formula}" for name, formula in zip(names, formulas, strict=True))


def _by(sizes: tuple[int, ...]) -> str:
    return "×".join(str(size) for size in sizes)


def _plain(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else _by(values)
