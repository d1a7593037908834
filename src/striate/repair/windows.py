"""Changes for a layer that looks through a window: it is too large, its border too wide, its sizes impossible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from striate.layers.pooling import avg_pool, max_pool
from striate.misfit import POOLS, TRANSPOSED
from striate.repair.changes import Change, Instead, Set, change, resized
from striate.repair.layers import along, axes_in, by, short, value
from striate.repair.mistake import Mistake, Step
from striate.rows import deconv


def is_pool(layer: Any) -> bool:
    return isinstance(layer, (*POOLS, max_pool, avg_pool))


def is_transposed(layer: Any) -> bool:
    return isinstance(layer, (*TRANSPOSED, deconv))


def window_of(layer: Any, axes: int) -> tuple[tuple[int, ...], ...] | None:
    """Kernel, stride, padding and dilation of each axis; None for a layer that has no window."""
    kernel = value(layer, "kernel")
    if kernel is None:
        return None
    sizes = along(kernel, axes, 1)
    stride = value(layer, "stride")
    default = sizes if stride is None and is_pool(layer) else along(stride, axes, 1)
    return sizes, default, along(value(layer, "padding"), axes, 0), along(value(layer, "dilation"), axes, 1)


def shortage(mistake: Mistake) -> tuple[int, ...] | None:
    """By how many pixels of each axis the window is larger than what it looks at; None where it is not."""
    layer, given = mistake.layer, mistake.given
    if given is None or len(given) < 2 or is_transposed(layer) or isinstance(value(layer, "padding"), str):
        return None
    axes = axes_in(layer, given)
    sizes = window_of(layer, axes)
    if sizes is None or len(given) != axes + 1:
        return None
    kernel, _, padding, dilation = sizes
    short = (d * (k - 1) + 1 - n - 2 * p for n, k, p, d in zip(given[1:], kernel, padding, dilation, strict=True))
    missing = tuple(max(0, pixels) for pixels in short)
    return missing if any(missing) else None


def worded(mistake: Mistake) -> str:
    """The problem in the words of the page, where it is a window that is too large."""
    layer, given = mistake.layer, mistake.given
    sizes = window_of(layer, axes_in(layer, given)) if given and shortage(mistake) else None
    if sizes is None or given is None or "window" not in mistake.problem:
        return mistake.problem
    kernel, _, padding, dilation = sizes
    extent = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    border = f", and are padded by {by_each(padding)}" if any(padding) else ""
    size = by(extent) if len(extent) > 1 else f"window of {extent[0]}"
    named = f"A {size} window" if len(extent) > 1 else f"A {size}"
    return f"{named} does not fit: the maps that arrive here are only {by(given[1:])}{border}."


def too_large(mistake: Mistake) -> Iterator[Change]:
    """The window does not fit into the maps: gaps, border, kernel, or an average of all that is left."""
    layer, given, short_by = mistake.layer, mistake.given, shortage(mistake)
    if given is None or short_by is None:
        return
    axes = axes_in(layer, given)
    kernel, _, padding, dilation = window_of(layer, axes) or ((), (), (), ())
    path = mistake.path
    if max(dilation) > 1:
        gaps = tuple(
            max(1, min(d, (n + 2 * p - 1) // max(1, k - 1)))
            for n, k, p, d in zip(given[1:], kernel, padding, dilation, strict=True)
        )
        yield change("dilation", f"Dilate by {by_each(gaps)}", Set(path, {"dilation": short(gaps)}))
    more = tuple(p + max(0, -(-s // 2)) for p, s in zip(padding, short_by, strict=True))
    if len(set(kernel)) == 1 and len(set(given[1:])) > 1:
        more = more if is_pool(layer) else (max(more),) * axes
    if not is_pool(layer) or all(2 * p <= d * (k - 1) + 1 for p, k, d in zip(more, kernel, dilation, strict=True)):
        yield change("padding", f"Pad by {by_each(more)}", Set(path, {"padding": short(more)}))
    half = half_border(Step(path, layer, given), axes)
    if half is not None and half != more and not is_pool(layer):
        yield change("padding", f"Pad by half the window, {by_each(half)}", Set(path, {"padding": short(half)}))
    fits = tuple(
        min(k, (n + 2 * p - 1) // d + 1) for n, k, p, d in zip(given[1:], kernel, padding, dilation, strict=True)
    )
    fits = (min(fits),) * axes if len(set(kernel)) == 1 else fits
    if min(fits) >= 1 and (max(fits) > 1 or not is_pool(layer)):
        yield change("kernel", f"Look through a window of {by(fits)}", Set(path, {"kernel": short(fits)}))


def averaged(mistake: Mistake) -> Iterator[Change]:
    """In the place of a pool that is too large, the average of all that is left."""
    if mistake.given is not None and is_pool(mistake.layer) and shortage(mistake):
        whole = resized((1,) * (len(mistake.given) - 1))
        yield change("gap", "Average all that is left", Instead(mistake.path, (whole,), mistake.given))


def wide_border(mistake: Mistake) -> Iterator[Change]:
    """A pool may be padded by half its window at most."""
    layer, given = mistake.layer, mistake.given
    sizes = window_of(layer, axes_in(layer, given)) if given and len(given) > 1 and is_pool(layer) else None
    if sizes is None:
        return
    kernel, _, padding, dilation = sizes
    most = tuple(min(p, (d * (k - 1) + 1) // 2) for k, p, d in zip(kernel, padding, dilation, strict=True))
    if most != padding:
        yield change("padding", f"Pad by {by_each(most)}", Set(mistake.path, {"padding": short(most)}))
        wide = tuple(max(k, 2 * p) for k, p in zip(kernel, padding, strict=True))
        yield change("kernel", f"Look through a window of {by(wide)}", Set(mistake.path, {"kernel": short(wide)}))


def impossible(mistake: Mistake) -> Iterator[Change]:
    """Sizes below 1, paddings below 0, more numbers than axes."""
    layer, given = mistake.layer, mistake.given
    for size, least in (("out", 1), ("kernel", 1), ("stride", 1), ("dilation", 1), ("groups", 1), ("padding", 0)):
        number = value(layer, size)
        if (
            isinstance(number, (int, tuple))
            and number != ()
            and min(along(number, len(number) if isinstance(number, tuple) else 1, least)) < least
        ):
            mended = max(least, number) if isinstance(number, int) else tuple(max(least, n) for n in number)
            yield change(size, f"Write {size} {mended}", Set(mistake.path, {size: mended}))
        axes = axes_in(layer, given) if given is not None and len(given) > 1 and value(layer, "kernel") else 0
        if axes and isinstance(number, tuple) and len(number) not in (1, axes):
            yield change(size, f"Write {number[0]} as {size} of all axes", Set(mistake.path, {size: number[0]}))
            cut = (number + (number[-1],) * axes)[:axes]
            yield change(size, f"Write {by(cut)} as {size}", Set(mistake.path, {size: cut}))


def transposed(mistake: Mistake) -> Iterator[Change]:
    """A transposed convolution that gives nothing, or adds more at the end than its stride leaves room for."""
    layer, given, path = mistake.layer, mistake.given, mistake.path
    if given is None or len(given) < 2 or not is_transposed(layer):
        return
    axes = axes_in(layer, given)
    sizes = window_of(layer, axes)
    if sizes is None or len(given) != axes + 1:
        return
    kernel, stride, padding, dilation = sizes
    extra = along(value(layer, "output_padding"), axes, 0)
    most = tuple(min(o, max(s, d) - 1) for o, s, d in zip(extra, stride, dilation, strict=True))
    if most != extra:
        yield change("output_padding", f"Add {by_each(most)} at the end", Set(path, {"output_padding": short(most)}))
        steps = tuple(max(s, o + 1) for s, o in zip(stride, extra, strict=True))
        yield change("stride", f"Stride {by_each(steps)}", Set(path, {"stride": short(steps)}))
    spread = [
        (n - 1) * s + d * (k - 1) + o for n, k, s, d, o in zip(given[1:], kernel, stride, dilation, most, strict=True)
    ]
    narrow = tuple(min(p, total // 2) for p, total in zip(padding, spread, strict=True))
    if narrow != padding:
        mended = {"padding": short(narrow)} | ({"output_padding": short(most)} if most != extra else {})
        yield change("padding", f"Cut {by_each(narrow)} from each side", Set(path, mended))
        wide = tuple(max(k, 2 * p + 1) for k, p in zip(kernel, padding, strict=True))
        yield change("kernel", f"Look through a window of {by(wide)}", Set(path, {"kernel": short(wide)}))


def half_border(step: Step, axes: int) -> tuple[int, ...] | None:
    """Half the window of a layer, where it has one and is padded by less."""
    sizes = window_of(step.layer, axes)
    if sizes is None or is_transposed(step.layer) or isinstance(value(step.layer, "padding"), str):
        return None
    kernel, _, padding, dilation = sizes
    half = tuple(max(p, d * (k - 1) // 2) for k, p, d in zip(kernel, padding, dilation, strict=True))
    if is_pool(step.layer):
        half = tuple(max(p, k // 2) for k, p in zip(kernel, padding, strict=True))
    return half if half != padding else None


def same_size(step: Step, axes: int) -> dict[str, Any] | None:
    """The sizes with which a layer keeps the size of its maps; None where it has no window or keeps it already."""
    sizes = window_of(step.layer, axes)
    if sizes is None or is_transposed(step.layer):
        return None
    kernel, stride, padding, dilation = sizes
    if any(d * (k - 1) % 2 for k, d in zip(kernel, dilation, strict=True)):
        if isinstance(step.layer, nn.Module):
            odd = tuple(k + 1 - k % 2 for k in kernel)
            half = tuple(d * (k - 1) // 2 for k, d in zip(odd, dilation, strict=True))
            return {"kernel": short(odd), "stride": 1, "padding": short(half)}
        return None if value(step.layer, "padding") == "same" and max(stride) == 1 else {"stride": 1, "padding": "same"}
    half = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    if half == padding and max(stride) == 1:
        return None
    return ({"stride": 1} if max(stride) > 1 else {}) | ({"padding": short(half)} if half != padding else {})


def by_each(numbers: tuple[int, ...]) -> str:
    """1, or 1 × 2 where the axes differ."""
    return str(numbers[0]) if len(set(numbers)) == 1 else by(numbers)
