"""A long network, folded until it can be read: what repeats is drawn once, then what is alike, then whole modules.

Each step is taken only if the drawing is still too long after the one before it. A network of a `FEW` volumes is drawn
as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from math import prod

from striate.analysis.diagram_graph import (
    Item,
    Lanes,
    Repeat,
    Series,
    Volume,
    contracted,
    graph_of,
    merged,
    path_of,
    tree_of,
)
from striate.analysis.result import Analysis

FEW = 26  # volumes
LONG, MANY = 40, 64  # volumes one after another, and volumes in all, at most
LONGEST = 64  # items of a sequence that is sought again
SAME_LANES = 4  # so many lanes that are the same are drawn; more are folded

Likeness = Callable[[Volume], Hashable]


def folded(analysis: Analysis) -> Series:
    """The network as items, few enough to draw."""
    graph = graph_of(analysis)
    tree = _same_lanes(tree_of(merged(graph)))
    if volumes(tree) <= FEW:
        return tree
    tree = _by_steps(tree)
    deepest = max(len(path_of(layer.name)) for layer in analysis.layers)
    for depth in range(deepest - 1, 0, -1):
        if _is_short(tree):
            return tree
        tree = _by_steps(tree_of(merged(contracted(graph, depth))))
    return tree if _is_short(tree) else _elided(tree)


def _by_steps(tree: Series) -> Series:
    """The tree, folded no further than it needs to be."""
    for step in STEPS:
        tree = fold(tree, *step)
        if _is_short(tree):
            break
    return tree


def _is_short(tree: Series) -> bool:
    return columns(tree) <= LONG and volumes(tree) <= MANY


def volumes(item: Item | Series) -> int:
    """How many volumes are drawn of it; a place where lanes meet is none."""
    match item:
        case Volume():
            return not item.is_junction
        case Lanes():
            return sum(map(volumes, item.lanes))
        case Repeat():
            return volumes(item.copies[0])
        case Series():
            return sum(map(volumes, item.items))


def columns(item: Item | Series) -> int:
    """How many volumes stand one after another in the drawing of it."""
    match item:
        case Volume():
            return not item.is_junction
        case Lanes():
            return max(map(columns, item.lanes))
        case Repeat():
            return columns(item.copies[0])
        case Series():
            return sum(map(columns, item.items))


def every_volume(item: Item | Series) -> Iterator[Volume]:
    """All the volumes of it, those of copies that are not drawn too, in their order."""
    if isinstance(item, Volume):
        yield item
    else:
        inner = item.items if isinstance(item, Series) else item.lanes if isinstance(item, Lanes) else item.copies
        for part in inner:
            yield from every_volume(part)


def is_branched(item: Item | Series) -> bool:
    """Whether anything in it is not simply one after another."""
    match item:
        case Volume():
            return False
        case Lanes():
            return True
        case Repeat():
            return is_branched(item.copies[0])
        case Series():
            return bool(item.links) or any(map(is_branched, item.items))


def same(volume: Volume) -> Hashable:
    """Equal for volumes that differ in nothing but their names and weights."""
    layers = ((a.kind, a.detail, a.output, a.parameters, a.multiply_adds) for a in volume.layers)
    return (volume.look, *layers)


def similar(volume: Volume) -> Hashable:
    """Equal for volumes that look the same and have maps of one size, however many maps."""
    inside = tuple(layer.kind for layer in volume.layers) if volume.look == "module" else ()
    return volume.look, len(volume.output), volume.output[1:], inside


def same_output(volume: Volume) -> Hashable:
    """Equal for volumes that look the same and give the same shape, whatever they read."""
    return volume.look, volume.output


def signature(item: Item | Series, likeness: Likeness) -> Hashable:
    """Equal for items that are alike in every volume and in how these are joined."""
    match item:
        case Volume():
            return likeness(item)
        case Lanes(lanes, shortcut):
            return "lanes", shortcut, *(signature(lane, likeness) for lane in lanes)
        case Repeat(copies):
            return "repeat", len(copies), signature(copies[0], likeness)
        case Series(items, links, gaps):
            return "series", links, gaps, *(signature(inner, likeness) for inner in items)


STEPS: tuple[tuple[Likeness, int], ...] = ((same, 2), (similar, MANY), (similar, 2))


def fold(series: Series, likeness: Likeness, saving: int) -> Series:
    """The series with what comes again at once drawn once, inside its lanes too.

    A fold must save `saving` volumes, or be one of a block with lanes of its own.
    """
    items = [_inside(item, likeness, saving) for item in series.items]
    series = replace(series, items=tuple(items))
    while runs := _runs(series.items, likeness, saving):
        series = _with_repeats(series, runs)
    return series


def _inside(item: Item, likeness: Likeness, saving: int) -> Item:
    match item:
        case Lanes(lanes, shortcut):
            return Lanes(tuple(fold(lane, likeness, saving) for lane in lanes), shortcut)
        case Repeat(copies, note):
            copies = tuple(fold(copy, likeness, saving) for copy in copies)
            inner = [copy.items[0] for copy in copies if len(copy.items) == 1]
            if len(inner) == len(copies) and all(isinstance(item, Repeat) for item in inner):
                copies = tuple(copy for item in inner if isinstance(item, Repeat) for copy in item.copies)
                note = _differences(copies, False)
            return Repeat(copies, note)
        case _:
            return item


def _same_lanes(series: Series) -> Series:
    """The series with many lanes that are all the same as one of them, side by side."""
    items: list[Item] = []
    for item in series.items:
        if isinstance(item, Lanes):
            inner = tuple(map(_same_lanes, item.lanes))
            if len(inner) > SAME_LANES and len({signature(lane, same_output) for lane in inner}) == 1:
                side = Repeat(inner, "side by side")
                item = Lanes((Series((side,)),), True) if item.shortcut else side
            else:
                item = Lanes(inner, item.shortcut)
        items.append(item)
    return replace(series, items=tuple(items))


def _runs(items: Sequence[Item], likeness: Likeness, saving: int) -> list[tuple[int, int, int]]:
    """(start, period, count) of what comes again, those that save most first, none upon another."""
    known: dict[Hashable, int] = {}
    ids = [known.setdefault(signature(item, likeness), len(known)) for item in items]
    found: list[tuple[int, int, int, int]] = []
    for period in range(1, min(LONGEST, len(ids) // 2) + 1):
        start = 0
        while start + period < len(ids):
            stop = start
            while stop + period < len(ids) and ids[stop] == ids[stop + period]:
                stop += 1
            for first in range(start, stop - period + 1):
                body = items[first : first + period]
                count = (stop + period - first) // period
                saved = (count - 1) * sum(map(volumes, body))
                if _whole(body) and (saved >= saving or any(isinstance(item, Lanes) for item in body)):
                    found.append((-saved, period, first, count))
                    break
            start = stop + 1
    chosen: list[tuple[int, int, int]] = []
    for _, period, first, count in sorted(found):
        end = first + period * count
        if all(end <= other or other + p * n <= first for other, p, n in chosen):
            chosen.append((first, period, count))
    return chosen


def _whole(body: Sequence[Item]) -> bool:
    """Whether lanes and the place where they meet stay together."""
    first, last = body[0], body[-1]
    meets = isinstance(first, Volume) and (first.is_junction or first.look in ("join", "image"))
    return not meets and not isinstance(last, Lanes) and not (len(body) == 1 and isinstance(first, Repeat))


def _with_repeats(series: Series, runs: list[tuple[int, int, int]]) -> Series:
    items: list[Item] = []
    place: dict[int, int] = {-1: -1}  # from the old index of an item to the new
    begins = {start: (period, count) for start, period, count in runs}
    i = 0
    while i < len(series.items):
        period, count = begins.get(i, (1, 1))
        if count == 1:
            items.append(series.items[i])
        else:
            starts = range(i, i + period * count, period)
            copies = tuple(part_of(series, at, at + period) for at in starts)
            inside = sum(len(copy.links) for copy in copies)
            touching = [link for link in series.links if not _leads([(i, period, count)], *link)]
            items.append(Repeat(copies, _differences(copies, len(touching) > inside)))
        place.update((old, len(items) - 1) for old in range(i, i + period * count))
        i += period * count
    place[len(series.items)] = len(items)
    kept = {(place[a], place[b]) for a, b in series.links if _leads(runs, a, b) and place[b] - place[a] > 1}
    gaps = frozenset(place[i] for i in series.gaps if place[i] != place[i + 1])
    return Series(tuple(items), tuple(sorted(kept)), gaps)


def _leads(runs: list[tuple[int, int, int]], start: int, stop: int) -> bool:
    """Whether a wire leaves no run but at its end and enters none but at its beginning."""
    for first, period, count in runs:
        end = first + period * count
        if first <= start < end - 1 or first < stop < end:
            return False
    return True


def part_of(series: Series, start: int, stop: int) -> Series:
    """The items of a series from `start` to before `stop`, with the wires between them."""
    links = tuple((a - start, b - start) for a, b in series.links if start <= a and b < stop)
    gaps = frozenset(i - start for i in series.gaps if start <= i < stop - 1)
    return Series(series.items[start:stop], links, gaps)


def _differences(copies: Sequence[Series], crossed: bool) -> str:
    """What the copies do not have in common: the maps they give, or that they read further back."""
    last = [prod([*every_volume(copy)][-1].output[:1]) for copy in copies]
    notes = ["read earlier ones too"] * crossed
    if len(set(last)) > 1:
        notes.insert(0, f"{', '.join(map(str, last))} maps" if len(last) < 4 else f"{min(last)} to {max(last)} maps")
    elif len({signature(copy, same) for copy in copies}) > 1:
        notes.insert(0, "not all alike inside")
    return "\n".join(notes)


def _elided(series: Series) -> Series:
    """The two ends of a series, and between them how many volumes are left out."""
    ends = LONG // 2 - 1
    inner = series.items[ends:-ends]
    if len(inner) < 2:
        return series
    left_out = sum(1 for item in inner for _ in every_volume(item))
    gap = Volume("omitted", f"{left_out} more", ())
    first, last = part_of(series, 0, ends), part_of(series, len(series.items) - ends, len(series.items))
    links = (*first.links, *((a + ends + 1, b + ends + 1) for a, b in last.links))
    gaps = {*first.gaps, *(i + ends + 1 for i in last.gaps)}
    return Series((*first.items, gap, *last.items), links, frozenset(gaps))
