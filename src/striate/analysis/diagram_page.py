"""The whole drawing: a title, the network in as many lines as it needs, and what the colours mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from striate.analysis.diagram_fold import every_volume, folded, is_branched, part_of
from striate.analysis.diagram_graph import Lanes, Series, Volume
from striate.analysis.diagram_layout import is_valley, reach, row, series_block
from striate.analysis.diagram_scene import Bar, Mark, Scene, Words, bent, words_width
from striate.analysis.diagram_volume import SIDES, STRIPE, Block, Style, grouped
from striate.analysis.result import Analysis

WIDTH = 1160  # pixels of a line of volumes, at most, where nothing wider hangs together
STRETCHED = 1450  # the same beside something that fills a line nearly by itself, so that no crumbs are left
MARGIN = 30
BETWEEN = 34  # pixels between lines
SCALES = (1, 0.85, 0.7, 0.58, 0.48)
LEGEND = {
    "image": "picture",
    "convolution": "convolution",
    "pool": "pooling",
    "features": "fully connected",
    "join": "joined maps",
    "module": "whole module",
    "other": "other",
}
STRIPED = "with norm or activation"


def scene_of(analysis: Analysis, title: str | None = None) -> Scene:
    """The drawing of an analysed network, laid out."""
    tree = folded(analysis)
    lines = _fitting(list(_pieces(tree)), is_branched(tree))
    marks: list[Mark] = []
    y = float(MARGIN)
    heading = title or "Network"
    marks.append(Words(MARGIN, y + 16, heading, 20, "ink", True, "start"))
    marks.append(Words(MARGIN, y + 38, _facts(analysis), 13, "soft", anchor="start"))
    y += 66
    width = max([words_width(heading, 20, bold=True), words_width(_facts(analysis), 13), *(w.width for w in lines)])
    legend = _legend(tree)
    width = max(width, legend.width)
    before: tuple[float, float] | None = None
    for line in lines:
        x = MARGIN + (width - line.width) / 2 if len(lines) == 1 else MARGIN
        middle = y + line.up
        if before:
            corners = (before, (x + line.left, middle), MARGIN + width, y - BETWEEN / 2)
            marks.append(_return(*corners, arrow=not is_branched(tree)))
        marks += line.at(x, middle)
        before = (x + line.right, middle)
        y = middle + line.down + BETWEEN
    marks += legend.at(MARGIN, y)
    return Scene(width + 2 * MARGIN, y + MARGIN, f"{heading}: {_facts(analysis)}", tuple(marks))


def _pieces(tree: Series) -> Iterator[Series]:
    """The parts between which a line may end: not within lanes, nor under an arc, nor where there is a valley."""
    start = 0
    valleys = any(is_valley(item, meeting) for item, meeting in zip(tree.items, tree.items[1:], strict=False))
    for i, item in enumerate(tree.items):
        last = i + 1 == len(tree.items)
        held = isinstance(item, Lanes)
        if not last and (held or valleys or i in tree.gaps or any(a <= i < b for a, b in tree.links)):
            continue
        yield part_of(tree, start, i + 1)
        start = i + 1


def _fitting(pieces: Sequence[Series], wired: bool) -> list[Block]:
    """The lines of the drawing at the largest scale at which every piece fits into a line."""
    for scale in SCALES:
        style = Style(scale, 13 if scale > 0.6 else 12, 14 if scale > 0.6 else 12, wired)
        widths = [series_block(piece, style, 0).width for piece in pieces]
        if max(widths) <= WIDTH:
            break
    lines = []
    for line in _broken(widths, style.gap):
        base = max(reach(piece, style) for piece in pieces[line])
        lines.append(row([series_block(piece, style, base) for piece in pieces[line]], style))
    return lines


def _broken(widths: Sequence[float], gap: float) -> list[slice]:
    """Which pieces stand in each line: as few lines as can be, all about as long."""
    most = STRETCHED if max(widths) > 0.8 * WIDTH else WIDTH
    fewest = len(_greedy(widths, gap, most))
    limit = next(limit for limit in count(40, 20) if len(_greedy(widths, gap, limit)) <= fewest)
    return _greedy(widths, gap, limit)


def _greedy(widths: Sequence[float], gap: float, limit: float) -> list[slice]:
    lines, start, used = [], 0, 0.0
    for i, width in enumerate(widths):
        if i > start and used + gap + width > limit:
            lines.append(slice(start, i))
            start, used = i, 0.0
        used += width + gap * (i > start)
    return [*lines, slice(start, len(widths))]


def _return(start: tuple[float, float], stop: tuple[float, float], edge: float, y: float, arrow: bool) -> Mark:
    """The wire from the end of a line to the beginning of the next."""
    right, left = edge + MARGIN / 2, MARGIN / 2
    return bent([start, (right, start[1]), (right, y), (left, y), (left, stop[1]), stop], arrow=arrow)


def _facts(analysis: Analysis) -> str:
    counts = ((analysis.parameters, "parameters"), (analysis.multiply_adds, "multiply-adds"))
    picture = "×".join(map(str, analysis.image))
    return " · ".join([*(f"{_short(count)} {what}" for count, what in counts), f"picture {picture}"])


def _short(number: int) -> str:
    for size, name in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number / size:.{1 if number < 100 * size else 0}f} {name}"
    return grouped(number)


def _legend(tree: Series) -> Block:
    """What the colours of a drawing mean, of those that are in it."""
    every: list[Volume] = [*every_volume(tree)]
    looks = {volume.look for volume in every}
    swatches = [
        (f"{SIDES.get(look, look)}.front" if look != "features" else look, 10, text)
        for look, text in LEGEND.items()
        if look in looks
    ]
    if any(v.before or v.after or v.look == "thin" for v in every):
        swatches.append(("convolution.front", 10, STRIPED))
    marks: list[Mark] = []
    x = 0.0
    for paint, wide, text in swatches:
        marks += [
            Bar(x, -9, wide, 10, paint, radius=min(2, wide / 2)),
            Words(x + wide + 6, 0, text, 12, "soft", anchor="start"),
        ]
        if text == STRIPED:
            marks.append(Bar(x + wide - STRIPE, -9, STRIPE, 10, "stripe", radius=1))
        if text == LEGEND["module"]:
            marks += [Bar(x + seam, -9, 1, 10, paint.replace("front", "end")) for seam in (3, 6)]
        x += wide + 6 + words_width(text, 12) + 14
    return Block(x, 12, 4, 0, x, tuple(marks))
