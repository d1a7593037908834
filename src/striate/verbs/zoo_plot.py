"""The leaderboard drawn: accuracy against multiply-adds and against parameters, as one SVG file.

Networks that no other beats at their cost are named and joined; every dot tells its numbers when it is pointed at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from striate import atomic
from striate.errors import ConfigError
from striate.palette import DARK, LIGHT, variables
from striate.reports.chart import Scale, linear, logarithmic
from striate.verbs.zoo import Ranked

WIDTH, HEIGHT = 640, 460  # pixels of one of the two charts
LEFT, TOP, RIGHT, BOTTOM = 64, 48, 24, 56  # pixels around its plot
LINE = 13  # pixels from one label to the next
LETTER = 6.2  # pixels of a letter, on average
STYLE = f"""
svg {{ {variables(LIGHT)} font: 11px system-ui, sans-serif; background: var(--paper); }}
@media (prefers-color-scheme: dark) {{ svg {{ {variables(DARK)} }} }}
text {{ fill: var(--soft); }} .title {{ fill: var(--ink); font-size: 15px; font-weight: 600; }}
.name {{ fill: var(--ink); }} .grid {{ stroke: var(--line); }} circle {{ fill: var(--accent); fill-opacity: 0.55; }}
.best {{ fill: {LIGHT.series[1]}; fill-opacity: 1; }} .front {{ stroke: {LIGHT.series[1]}; fill: none; }}
"""


@dataclass(frozen=True)
class Dot:
    """A network on a chart: what it costs, and its top-1 accuracy in percent."""

    name: str
    cost: float
    top1: float


def draw(lines: Sequence[Ranked], path: Path) -> None:
    """Write the two charts of those `lines` that have an accuracy on ImageNet; `ConfigError` where none has."""
    shown = [line for line in lines if line.on_imagenet and line.facts.top1 is not None]
    if not shown:
        raise ConfigError("zoo: there is nothing to plot: none of these networks has an accuracy on ImageNet.")
    costs: tuple[tuple[str, Callable[[Ranked], float]], ...] = (
        ("billions of multiply-adds", lambda line: line.facts.multiply_adds / 1e9),
        ("millions of parameters", lambda line: line.facts.parameters / 1e6),
    )
    charts = [
        chart([Dot(line.name, cost(line), line.facts.top1 or 0.0) for line in shown], title) for title, cost in costs
    ]
    parts = [f'<g transform="translate({k * WIDTH} 0)">{body}</g>' for k, body in enumerate(charts)]
    size = f'viewBox="0 0 {2 * WIDTH} {HEIGHT}" width="{2 * WIDTH}" height="{HEIGHT}"'
    try:
        atomic.write_text(
            path, f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>{"".join(parts)}</svg>\n'
        )
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}).") from None


def front(dots: Sequence[Dot]) -> list[Dot]:
    """The dots that no other beats: each is more accurate than all that cost no more, the cheapest first.

    >>> [dot.name for dot in front([Dot("a", 1, 50), Dot("b", 2, 70), Dot("c", 3, 60), Dot("d", 2, 65)])]
    ['a', 'b']
    """
    best: list[Dot] = []
    for dot in sorted(dots, key=lambda dot: (dot.cost, -dot.top1)):
        if not best or dot.top1 > best[-1].top1:
            best.append(dot)
    return best


def chart(dots: Sequence[Dot], cost: str) -> str:
    """One chart as SVG: accuracy upwards, `cost` to the right in equal ratios."""
    x = logarithmic(min(dot.cost for dot in dots) * 0.8, max(dot.cost for dot in dots) * 1.25)
    y = linear(min(dot.top1 for dot in dots) - 1, max(dot.top1 for dot in dots) + 1, ticks=9)
    place = _placing(x, y)
    best = front(dots)
    steps = "L".join(f"{across:.1f} {down:.1f}" for across, down in (place(dot) for dot in best))
    title = f'<text class="title" x="{LEFT}" y="24">Top-1 accuracy on ImageNet, %, against {cost}</text>'
    return "".join([title, *_grid(x, y, cost), f'<path class="front" d="M{steps}"/>', *_dots(dots, best, place)])


def _placing(x: Scale, y: Scale) -> Callable[[Dot], tuple[float, float]]:
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    return lambda dot: (LEFT + wide * x.at(dot.cost), TOP + high * (1 - y.at(dot.top1)))


def _grid(x: Scale, y: Scale, cost: str) -> list[str]:
    """Hairlines with their values, and the name of the lower axis."""
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    parts = [f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 14}" text-anchor="middle">{cost}</text>']
    for value, text in x.ticks:
        across = LEFT + wide * x.at(value)
        parts.append(f'<path class="grid" d="M{across:.1f} {TOP}v{high}"/>')
        parts.append(f'<text x="{across:.1f}" y="{TOP + high + 18}" text-anchor="middle">{text}</text>')
    for value, text in y.ticks:
        down = TOP + high * (1 - y.at(value))
        parts.append(f'<path class="grid" d="M{LEFT} {down:.1f}h{wide}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{down + 4:.1f}" text-anchor="end">{text}</text>')
    return parts


def _dots(dots: Sequence[Dot], best: Sequence[Dot], place: Callable[[Dot], tuple[float, float]]) -> list[str]:
    """A circle for each network; those of `best` with their names where a name fits between the others."""
    parts: list[str] = []
    taken: list[tuple[float, float, float]] = []  # (start, end, height) of the names so far
    for dot in dots:
        across, down = place(dot)
        said = escape(f"{dot.name}: {dot.top1:.2f} %, {dot.cost:,.3g}")
        kind = ' class="best"' if dot in best else ""
        parts.append(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="4"{kind}><title>{said}</title></circle>')
    for dot in reversed(best):
        across, down = place(dot)
        end, down, width = across + 3, down - 9, LETTER * len(dot.name)  # to the upper left, clear of the joining line
        if end - width < LEFT or any(abs(down - d) < LINE and end - width < e and s < end for s, e, d in taken):
            continue
        taken.append((end - width, end, down))
        parts.append(f'<text class="name" x="{end:.1f}" y="{down:.1f}" text-anchor="end">{escape(dot.name)}</text>')
    return parts
