"""Where everything in the drawing of a network stands, in blocks.

A block is a piece of the drawing around the wire that runs through it from left to right. Lanes lie over one another;
a shortcut is an arc over the block that it goes past, and a short lane rides upon such an arc.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import accumulate
from math import prod

from striate.analysis.diagram_fold import every_volume
from striate.analysis.diagram_graph import Item, Lanes, Repeat, Series, Volume
from striate.analysis.diagram_scene import Bar, Mark, Titled, Words, bent, swing, words_width
from striate.analysis.diagram_volume import Block, Style, about, extent, volume_block

FAN = 26  # pixels in which wires part or meet
STEP = 14  # pixels between an arc and what it goes over


def as_arc(lanes: Lanes) -> bool:
    """Whether all but one of the lanes is a shortcut or a single volume, and so is drawn as an arc over the other."""
    if len(lanes.lanes) == 1:
        return True
    return len(lanes.lanes) == 2 and not lanes.shortcut and 1 in map(_length, lanes.lanes)


def _length(lane: Series) -> int:
    return len(lane.items) if all(isinstance(item, Volume) for item in lane.items) else 2


def arc_lanes(lanes: Lanes) -> tuple[Series, Series | None]:
    """The lane that goes straight on, and the one that rides on the arc over it, if any."""
    if len(lanes.lanes) == 1:
        return lanes.lanes[0], None
    first, second = lanes.lanes
    return (second, first) if _length(first) == 1 else (first, second)


def is_valley(item: Item, meeting: Item | None) -> bool:
    """Whether a shortcut goes past smaller maps to where they have grown again: drawn as a U, not as an arc."""
    if not isinstance(item, Lanes) or not item.shortcut or len(item.lanes) != 1 or not isinstance(meeting, Volume):
        return False
    axes, there = len(meeting.output), prod(meeting.output[1:])
    sizes = [prod(v.output[1:]) for v in every_volume(item.lanes[0]) if len(v.output) == axes > 1]
    return meeting.look in ("join", "sum") and any(size < there for size in sizes)


def reach(item: Series | Item, style: Style) -> float:
    """How far below the wire the volumes of one row go: their labels stand beneath the lowest."""
    match item:
        case Volume():
            _, height, depth = extent(item.output or (1,), style.scale)
            return 0 if item.is_junction or item.look == "thin" else (height + depth) / 2
        case Lanes():
            return reach(arc_lanes(item)[0], style) if as_arc(item) else 0
        case Repeat():
            return reach(item.copies[0], style)
        case Series():
            after = (*item.items[1:], None)
            seen = [inner for inner, next_ in zip(item.items, after, strict=True) if not is_valley(inner, next_)]
            return max((reach(inner, style) for inner in seen), default=0)


def row(blocks: Sequence[Block], style: Style, gaps: Collection[int] = ()) -> Block:
    """Blocks one after another, with a wire after each but those in `gaps`."""
    marks: list[Mark] = []
    x = 0.0
    for i, block in enumerate(blocks):
        if i and style.wired and i - 1 not in gaps:
            before = blocks[i - 1]
            marks.append(bent([(x - style.gap - before.width + before.right, 0), (x + block.left, 0)]))
        marks += block.at(x)
        x += block.width + style.gap
    width = x - style.gap
    up, down = (max((getattr(block, side) for block in blocks), default=0) for side in ("up", "down"))
    right = width - blocks[-1].width + blocks[-1].right
    return Block(width, up, down, blocks[0].left, right, tuple(marks))


def series_block(series: Series, style: Style, base: float) -> Block:
    """The items of a series in a row, and its further wires as arcs over them."""
    blocks: list[Block] = []
    place = {-1: -1}  # the block that each item is in
    i = 0
    while i < len(series.items):
        item = series.items[i]
        place[i] = len(blocks)
        if isinstance(item, Lanes):
            after = series.items[i + 1] if i + 1 < len(series.items) else None
            meeting = after if isinstance(after, Volume) else None
            blocks.append(lanes_block(item, meeting, style, base))
            i += meeting is not None
            place[i] = place[i - 1] if meeting else place[i]
        elif isinstance(item, Repeat):
            blocks.append(repeat_block(item, style, base))
        elif isinstance(item, Volume):
            blocks.append(volume_block(item, style, base))
        i += 1
    place[len(series.items)] = len(blocks)
    whole = row(blocks, style, {place[i] for i in series.gaps})
    links = sorted({(place[a], place[b]) for a, b in series.links}, key=lambda link: (link[1] - link[0], link))
    return _with_links(whole, blocks, links, style)


def _with_links(whole: Block, blocks: Sequence[Block], links: Sequence[tuple[int, int]], style: Style) -> Block:
    """A row with an arc for each further wire, above what it goes over and apart from the arcs that it crosses."""
    starts = [*accumulate((block.width + style.gap for block in blocks), initial=0.0)]
    marks = list(whole.marks)
    placed: list[tuple[float, float, float]] = []
    for a, b in links:
        start = starts[a] + blocks[a].right if a >= 0 else -style.gap
        stop = starts[b] + blocks[b].left if b < len(blocks) else whole.width + style.gap
        out, back = start + style.gap * 0.35, stop - style.gap * 0.35
        y = max((block.up for block in blocks[a + 1 : b]), default=0) + STEP * 0.7
        over = [height for left, right, height in placed if left <= back and out <= right]
        while any(abs(y - height) < STEP * 0.5 for height in over):
            y += STEP * 0.5
        placed.append((out, back, y))
        marks.append(bent([(start, 0), (out, 0), (out, -y), (back, -y), (back, 0), (stop, 0)], 6))
    up = max([whole.up, *(y for _, _, y in placed)])
    return Block(whole.width, up, whole.down, whole.left, whole.right, tuple(marks))


def lanes_block(lanes: Lanes, meeting: Volume | None, style: Style, base: float) -> Block:
    """Lanes side by side, and where they meet."""
    wired = replace(style, wired=True)
    end = volume_block(meeting, wired, base) if meeting else None
    if end and is_valley(lanes, meeting):
        return _valley(lanes, end, wired)
    return _arc(lanes, end, wired, base) if as_arc(lanes) else _fan(lanes, end, wired)


def _arc(lanes: Lanes, end: Block | None, style: Style, base: float) -> Block:
    straight, rider = arc_lanes(lanes)
    body = series_block(straight, style, base)
    over = series_block(rider, style.lane, reach(rider, style.lane)) if rider else None
    y = body.up + STEP + (over.down if over else 0)
    after = STEP + body.width + STEP
    x = STEP + (body.width - over.width) / 2 if over else 0
    marks: list[Mark] = [bent([(0, 0), (STEP + body.left, 0)]), *body.at(STEP)]
    corners = [(0, 0), (STEP / 2, 0), (STEP / 2, -y)]
    if over:
        marks += [bent([*corners, (x + over.left, -y)]), *over.at(x, -y)]
        corners = [(x + over.right, -y)]
    if end:
        middle = after + (end.left + end.right) / 2
        marks.append(bent([(STEP + body.right, 0), (after + end.left, 0)], arrow=True))
        marks.append(bent([*corners, (middle, -y), (middle, -end.up)], arrow=True))
        marks += end.at(after)
    up = max(y + (over.up if over else 0), end.up if end else 0) + 1
    down = max(body.down, end.down if end else 0)
    width, right = (after + end.width, after + end.right) if end else (after, STEP + body.right)
    return Block(width, up, down, 0, right, tuple(marks))


def _valley(lanes: Lanes, end: Block, style: Style) -> Block:
    """The lane beneath its shortcut, which goes straight on."""
    body = series_block(lanes.lanes[0], style, reach(lanes.lanes[0], style))
    y, near = body.up + STEP, STEP
    after = near + body.width + STEP
    marks: list[Mark] = [
        bent([(0, 0), (after + end.left, 0)], arrow=True),
        bent([(0, 0), (near / 2, 0), (near / 2, y), (near + body.left, y)]),
        bent([(near + body.right, y), (after - STEP / 2, y), (after - STEP / 2, 0), (after + end.left, 0)]),
        *body.at(near, y),
        *end.at(after),
    ]
    return Block(after + end.width, end.up, max(end.down, y + body.down), 0, after + end.right, tuple(marks))


def _fan(lanes: Lanes, end: Block | None, style: Style) -> Block:
    blocks = [series_block(lane, style.lane, reach(lane, style.lane)) for lane in lanes.lanes]
    if lanes.shortcut:
        blocks.insert(0, Block(0, 3, 3, 0, 0, ()))
    between = 8
    total = sum(block.up + block.down for block in blocks) + between * (len(blocks) - 1)
    wide = max(block.width for block in blocks)
    after = FAN + wide + FAN
    marks: list[Mark] = []
    y = -total / 2
    for block in blocks:
        y += block.up
        x = FAN + (wide - block.width) / 2
        marks.append(swing((0, 0), (FAN, y)))
        marks.append(bent([(FAN, y), (x + block.left, y)]))
        if end:
            marks.append(bent([(x + block.right, y), (FAN + wide, y)]))
            marks.append(swing((FAN + wide, y), (after + end.left, 0)))
        marks += block.at(x, y)
        y += block.down + between
    if end:
        marks += end.at(after)
    width = after + end.width if end else FAN + wide
    reach_ = max(total / 2, end.up if end else 0), max(total / 2, end.down if end else 0)
    return Block(width, *reach_, 0, after + end.right if end else width, tuple(marks))


def repeat_block(repeat: Repeat, style: Style, base: float) -> Block:
    """The first of the copies on a panel, with how often it comes and in what the others differ."""
    body = series_block(repeat.copies[0], replace(style, inside=not style.inside), base)
    side, tag, size = 8, f"×{len(repeat.copies)}", style.letters
    wide = words_width(tag, size, bold=True) + 8
    notes = repeat.note.split("\n") if repeat.note else []
    width = max([body.width, *(words_width(note, size * 0.85) for note in notes)]) + 2 * side
    x = (width - body.width) / 2
    up, down = body.up + size * 1.1, body.down + 6 + size * 1.1 * len(notes)
    marks: list[Mark] = [
        Titled(
            f"{' '.join([tag, *notes])}\n" + about([*every_volume(repeat)]),
            (Bar(0, -up, width, up + down, "card" if style.inside else "faint", radius=8, edge="line"),),
        ),
        *((bent([(0, 0), (x + body.left, 0)]), bent([(x + body.right, 0), (width, 0)])) if style.wired else ()),
        *body.at(x),
        Bar((width - wide) / 2, -up - size * 0.75, wide, size * 1.5, "accent", radius=size * 0.75),
        Words(width / 2, -up + size * 0.35, tag, size, "accent_ink", bold=True),
    ]
    for i, note in enumerate(reversed(notes)):
        marks.append(Words(width / 2, down - 7 - size * 1.1 * i, note, size * 0.85, "soft"))
    return Block(width, up + size * 0.75, down, 0, width, tuple(marks))
