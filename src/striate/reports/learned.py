"""The kernels of the first convolution, before and after training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from striate.explain.kernels import convolutions, kernels
from striate.reports.pictures import Picture, coloured, mosaic, signed
from striate.reports.words import by, count

MOST = 64
PLANES = 16  # channels of one kernel that are drawn


@dataclass(frozen=True)
class Learned:
    """`after` and `before` hold the same kernels in the same order and colours; `before` may be empty."""

    layer: str
    shape: str
    after: tuple[Picture, ...]
    before: tuple[Picture, ...]
    words: str
    note: str
    start: str  # what `before` is


def learned(net: nn.Module, initial: Tensor | None, *, reused: bool = False) -> Learned | None:
    """Pictures of the first convolution's kernels; None for a network without one.

    `initial`: those of before the training; `reused`: which began with weights that were there, not drawn at random.
    """
    names = convolutions(net)
    if not names:
        return None
    now = kernels(net).float().cpu()
    before = initial.float().cpu() if initial is not None and initial.shape == now.shape else None
    kept = reused and before is not None and torch.equal(before, now)
    before = None if kept else before
    top = max(_top(weights) for weights in (now, before) if weights is not None)
    maps, depth, *size = now.shape
    words = "Each is a small pattern that the layer looks for everywhere in the picture."
    if depth == 3 and len(size) == 2:
        words += " Drawn in the colours that excite it most; grey is no opinion."
    else:
        words += " Blue counts for the pattern, orange against it; pale is no opinion."
    words += " They are those of the weights that it started from: this layer did not learn." if kept else ""
    notes = [f"{MOST} of {count(maps)} are shown."] if maps > MOST else []
    if depth != 3 and depth * _slices(size) > PLANES:
        notes.append(f"Of each, the first {PLANES} of {count(depth * _slices(size))} planes.")
    return Learned(
        layer=names[0],
        shape=f"{count(maps)} of {by([depth, *size] if depth > 1 else size)}",
        after=_pictures(now, top, "Kernel"),
        before=() if before is None else _pictures(before, top, "Kernel before training"),
        words=words,
        note=" ".join(notes),
        start="in the weights that it started from" if reused else "as they were drawn at random",
    )


def _top(weights: Tensor) -> float:
    """The magnitude that gets full colour: of all but the strongest half percent, so that one weight hides no other."""
    magnitudes = weights.abs().flatten()
    return float(magnitudes.kthvalue(max(1, round(0.995 * len(magnitudes)))).values)


def _slices(size: list[int]) -> int:
    return size[0] if len(size) == 3 else 1


def _pictures(weights: Tensor, top: float, words: str) -> tuple[Picture, ...]:
    drawn = []
    for k, kernel in enumerate(weights[:MOST], 1):
        if kernel.ndim == 3 and kernel.shape[0] == 3:
            drawn.append(coloured(kernel, f"{words} {k}", top=top))
        else:
            drawn.append(signed(mosaic(_planes(kernel)[:PLANES]), f"{words} {k}", top=top))
    return tuple(drawn)


def _planes(kernel: Tensor) -> Tensor:
    """(c, *size) as (planes, height, width); a kernel along one axis is one plane of channels by length."""
    if kernel.ndim == 2:
        return kernel[None]
    return kernel if kernel.ndim == 3 else torch.flatten(kernel, 0, 1)
