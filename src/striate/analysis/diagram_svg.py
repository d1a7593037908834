"""A scene as SVG: one file without scripts, fonts or anything to fetch."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from striate.analysis.diagram_scene import Bar, Face, Mark, Point, Ring, Scene, Titled, Wire, Words, tip
from striate.palette import DARK, LIGHT, Palette, paint_of

FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', 'Source Sans 3', Inter, Helvetica, Arial, sans-serif"


def svg_of(scene: Scene, dark: bool | None) -> str:
    """The scene as the text of an SVG file; with `dark` None it follows the viewer's scheme."""
    name = {True: "striate-dark", False: "striate-light", None: "striate-auto"}[dark]
    paints = sorted(set(_paints(scene.marks)) | {"card"})
    style = _rules(name, DARK if dark else LIGHT, paints)
    if dark is None:
        style += f"@media (prefers-color-scheme: dark) {{ {_rules(name, DARK, paints)}}} "
    width, height = _n(scene.width), _n(scene.height)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" style="max-width: 100%; height: auto" role="img" '
            f'aria-label="{_attribute(scene.title)}">',
            f"<style>{style.strip()}</style>",
            f'<rect width="{width}" height="{height}" rx="14" class="card"/>',
            *(_mark(mark) for mark in scene.marks),
            "</svg>\n",
        ]
    )


def _rules(name: str, palette: Palette, paints: list[str]) -> str:
    lines = [f".{name} text {{ font-family: {FONT}; font-variant-numeric: tabular-nums; }}"]
    lines += [f".{name} .{_class(paint)} {{ fill: {paint_of(palette, paint)}; }}" for paint in paints]
    lines.append(f".{name} .edge {{ stroke: {palette.line}; }}")
    lines.append(f".{name} .wires {{ fill: none; stroke: {palette.wire}; stroke-width: 1.5; stroke-linecap: round; }}")
    return " ".join(lines) + " "


def _paints(marks: tuple[Mark, ...]) -> Iterator[str]:
    """Every paint of the marks."""
    for mark in marks:
        match mark:
            case Titled():
                yield from _paints(mark.marks)
            case Wire() | Ring():
                yield "wire"
                yield "card"
            case _:
                yield mark.paint


def _class(paint: str) -> str:
    return paint.replace(".", "-").replace("_", "-")


def _mark(mark: Mark) -> str:
    match mark:
        case Face():
            return f'<path class="{_class(mark.paint)}" d="M{"L".join(map(_point, mark.points))}z"/>'
        case Bar():
            round_ = f' rx="{_n(mark.radius)}"' if mark.radius else ""
            edge = " edge" if mark.edge else ""
            return (
                f'<rect class="{_class(mark.paint)}{edge}" x="{_n(mark.x)}" y="{_n(mark.y)}" '
                f'width="{_n(mark.width)}" height="{_n(mark.height)}"{round_}/>'
            )
        case Wire():
            first, *rest = map(_point, mark.points)
            head = _mark(tip(mark)) if mark.arrow else ""
            return f'<path class="wires" d="M{first}C{" ".join(rest)}"/>{head}'
        case Ring():
            x, y, r, arm = mark.x, mark.y, mark.radius, mark.radius * 0.5
            a = arm if mark.sign == "+" else arm * 0.7
            lines = ((-a, 0, a, 0), (0, -a, 0, a)) if mark.sign == "+" else ((-a, -a, a, a), (-a, a, a, -a))
            path = "".join(f"M{_n(x + p)} {_n(y + q)}L{_n(x + s)} {_n(y + t)}" for p, q, s, t in lines)
            return (
                f'<circle class="card" cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}"/>'
                f'<circle class="wires" cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}"/><path class="wires" d="{path}"/>'
            )
        case Words():
            weight = ' font-weight="600"' if mark.bold else ""
            anchor = ' text-anchor="middle"' if mark.anchor == "middle" else ""
            place = f'x="{_n(mark.x)}" y="{_n(mark.y)}" font-size="{_n(mark.size)}"{weight}{anchor}'
            return f'<text class="{_class(mark.paint)}" {place}>{_text(mark.text)}</text>'
        case Titled():
            return f"<g><title>{_text(mark.title)}</title>{''.join(map(_mark, mark.marks))}</g>"


def _point(point: Point) -> str:
    return f"{_n(point[0])} {_n(point[1])}"


def _n(value: float) -> str:
    """A length with at most one digit after the point."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _text(text: str) -> str:
    """Text as XML takes it; control characters, which it does not, are left out."""
    return escape("".join(c for c in text if c.isprintable() or c in "\n\u2009"))


def _attribute(text: str) -> str:
    return _text(text).replace('"', "&quot;").replace("\n", " ")
