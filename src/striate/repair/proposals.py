"""All changes that may mend a mistake, the smallest first: none of them is known to help before it is tried."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from striate.repair import channels, ranks, sums, windows
from striate.repair.changes import LEFT_OUT, Change, Image, Instead, Set, Shape, change
from striate.repair.channels import name_of
from striate.repair.layers import by, short
from striate.repair.mistake import Mistake, Step
from striate.repair.windows import is_pool, same_size, window_of

SIDES = (
    8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 299, 320, 384, 448, 512, 1024,
)  # fmt: skip
FACTORS = (2, 3, 4, 6, 8, 16, 32)
MULTIPLES = (2, 4, 8, 16, 32)
LARGEST = (4096, 1024, 128)  # sides of signals, pictures and volumes
LARGER, SMALLER, REACH = 12, 6, 6  # pictures and earlier layers that are tried


def proposals(mistake: Mistake, image: Shape) -> Iterator[Change]:
    """Changes of the failing layer first, then of the picture, of the layers above, and last to leave the layer out."""
    return chain(
        windows.impossible(mistake),
        windows.too_large(mistake),
        windows.wide_border(mistake),
        windows.transposed(mistake),
        channels.grouped(mistake),
        channels.more_or_fewer(mistake, image),
        channels.features(mistake),
        channels.shaped(mistake),
        ranks.other_axes(mistake),
        channels.multiples(mistake),
        sums.added(mistake),
        sums.joined(mistake),
        pictures(mistake, image),
        windows.averaged(mistake),
        above(mistake, len(image) - 1),
        sums.reshaped(mistake),
        channels.other_outputs(mistake),
        everywhere(mistake, len(image) - 1),
        left_out(mistake),
        channels.last_axis(mistake),
    )


def pictures(mistake: Mistake, image: Shape) -> Iterator[Change]:
    """Other pictures: larger ones first, then smaller ones; of other axes where a layer works on those."""
    size = image[1:]
    if not size:
        return
    if mistake.given == image and "spatial ax" in (mistake.formula or "") and mistake.axes != len(size):
        side = max(size)
        yield take((image[0], *(side,) * mistake.axes))
    if len(set(size)) == 1:
        larger = [(side,) * len(size) for side in SIDES if side > size[0]]
        smaller = [(side,) * len(size) for side in reversed(SIDES) if side < size[0]]
    else:
        even = [tuple(-(-n // m) * m for n in size) for m in MULTIPLES]
        larger = [*even, *(tuple(factor * n for n in size) for factor in FACTORS)]
        smaller = [tuple(max(1, n // factor) for n in size) for factor in FACTORS[:3]]
    most = max(LARGEST[len(size) - 1], *(4 * n for n in size))
    for other in dict.fromkeys([*larger[:LARGER], *smaller[:SMALLER]]):
        if other != size and max(other) <= most:
            yield take((image[0], *other))


def take(image: Shape) -> Change:
    kind = ("signals", "pictures", "volumes")[len(image) - 2]
    return change(
        "image",
        f"Take {kind} of {by(image[1:])}" if len(image) != 3 else f"Take {by(image[1:])} pictures",
        Image(image),
    )


def above(mistake: Mistake, axes: int) -> Iterator[Change]:
    """The layers above leave larger maps: no strides, no pooling, or a border."""
    windowed = [step for step in mistake.trail if window_of(step.layer, axes) is not None]
    for step in islice((step for step in reversed(windowed) if shrinks(step, axes)), REACH):
        if is_pool(step.layer):
            yield change("above", f"Leave {name_of(step.path)} out", Instead(step.path, (), step.given or ()))
        else:
            yield change("above", f"Take no stride in {name_of(step.path)}", Set(step.path, {"stride": 1}))
    borders = [
        Set(step.path, {"padding": new["padding"]})
        for step in windowed
        if not is_pool(step.layer) and (new := same_size(step, axes)) and set(new) == {"padding"}
    ]
    for border in borders[:REACH]:
        yield change("border", f"Pad {name_of(border.path)} so that it keeps the size", border)
    if len(borders) > 1:
        yield change("border", "Pad the convolutions above so that they keep the size", *borders)


def everywhere(mistake: Mistake, axes: int) -> Iterator[Change]:
    """Where maps become too small again and again: half a window of border, or no strides, in all layers."""
    if windows.shortage(mistake) is None:
        return
    own = Step(mistake.path, mistake.layer, mistake.given)
    for layers, where in (
        ((own, *mistake.ahead), "from here on"),
        ((*mistake.trail, own, *mistake.ahead), "everywhere"),
    ):
        borders = [
            Set(step.path, {"padding": short(half)}) for step in layers if (half := windows.half_border(step, axes))
        ]
        strides = [Set(step.path, {"stride": 1}) for step in layers if shrinks(step, axes)]
        if len(borders) > 1:
            yield change("everywhere", f"Pad by half the window {where}", *borders)
        if len(strides) > 1:
            yield change("no strides", f"Take no strides {where}", *strides)
            yield change("everywhere", f"Pad by half the window and take no strides {where}", *borders, *strides)


def shrinks(step: Step, axes: int) -> bool:
    sizes = window_of(step.layer, axes)
    return sizes is not None and max(sizes[1]) > 1


def left_out(mistake: Mistake) -> Iterator[Change]:
    """Without the layer."""
    if mistake.path:
        yield change(LEFT_OUT, f"Leave {name_of(mistake.path)} out", Instead(mistake.path, (), mistake.given or ()))
