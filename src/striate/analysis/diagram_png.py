"""A scene as PNG, drawn with Pillow: large first, then made smaller, so that edges are smooth."""

from __future__ import annotations

import io
import re

from PIL import Image, ImageDraw, ImageFont

from striate.analysis.diagram_scene import Bar, Face, Mark, Point, Ring, Scene, Titled, Wire, Words, flattened, tip
from striate.palette import Palette, paint_of

SMOOTH = 2  # pixels drawn for one, along each axis
PLAIN = str.maketrans({"×": "x", "\u2009": " ", "−": "-", "–": "-"})  # signs that Pillow's own font lacks
RAISED = {"²": "2", "³": "3"}


def png_of(scene: Scene, palette: Palette, scale: float) -> bytes:
    """The scene as a PNG file, `scale` pixels for each of its own."""
    size = round(scene.width * scale), round(scene.height * scale)
    large = Image.new("RGB", (size[0] * SMOOTH, size[1] * SMOOTH), palette.card)
    pen = _Pen(ImageDraw.Draw(large), palette, scale * SMOOTH)
    for mark in scene.marks:
        pen.draw(mark)
    file = io.BytesIO()
    large.resize(size, Image.Resampling.BOX).save(file, "PNG", optimize=True)
    return file.getvalue()


class _Pen:
    """Draws marks on an image that has `zoom` pixels for each of the scene."""

    def __init__(self, drawing: ImageDraw.ImageDraw, palette: Palette, zoom: float):
        self.drawing, self.palette, self.zoom = drawing, palette, zoom

    def draw(self, mark: Mark) -> None:
        match mark:
            case Face():
                self.drawing.polygon(self._all(mark.points), fill=paint_of(self.palette, mark.paint))
            case Bar():
                self._bar(mark)
            case Wire():
                self._line(flattened(mark))
                if mark.arrow:
                    self.draw(tip(mark))
            case Ring():
                self._ring(mark)
            case Words():
                self._words(mark)
            case Titled():
                for inner in mark.marks:
                    self.draw(inner)

    def _all(self, points: list[Point] | tuple[Point, ...]) -> list[Point]:
        return [(x * self.zoom, y * self.zoom) for x, y in points]

    def _bar(self, bar: Bar) -> None:
        (x0, y0), (x1, y1) = self._all([(bar.x, bar.y), (bar.x + bar.width, bar.y + bar.height)])
        edge = paint_of(self.palette, bar.edge) if bar.edge else None
        box = (x0, y0, max(x0, x1 - 1), max(y0, y1 - 1))
        fill = paint_of(self.palette, bar.paint)
        self.drawing.rounded_rectangle(box, bar.radius * self.zoom, fill, edge, round(self.zoom) if edge else 0)

    def _line(self, points: list[Point]) -> None:
        width = max(1, round(1.5 * self.zoom))
        self.drawing.line(self._all(points), fill=self.palette.wire, width=width, joint="curve")

    def _ring(self, ring: Ring) -> None:
        (x, y), r, arm = (ring.x * self.zoom, ring.y * self.zoom), ring.radius * self.zoom, ring.radius * 0.5
        box = (x - r, y - r, x + r, y + r)
        self.drawing.ellipse(box, self.palette.card, self.palette.wire, max(1, round(1.5 * self.zoom)))
        a = arm if ring.sign == "+" else arm * 0.7
        plus: list[list[Point]] = [[(-a, 0.0), (a, 0.0)], [(0.0, -a), (0.0, a)]]
        times: list[list[Point]] = [[(-a, -a), (a, a)], [(-a, a), (a, -a)]]
        for line in plus if ring.sign == "+" else times:
            self._line([(ring.x + p, ring.y + q) for p, q in line])

    def _words(self, words: Words) -> None:
        """Text in runs, as a raised figure is a run of its own; bold letters are plain ones drawn thicker."""
        x, y = words.x * self.zoom, words.y * self.zoom
        stroke = words.size * self.zoom * 0.028 if words.bold else 0
        runs = []
        for run in filter(None, re.split("([²³])", words.text.translate(PLAIN))):
            raised = run in RAISED
            font = ImageFont.load_default(words.size * self.zoom * (0.66 if raised else 1))
            text = RAISED.get(run, run)
            runs.append((text, font, font.getlength(text), words.size * self.zoom * 0.36 if raised else 0))
        if words.anchor == "middle":
            x -= sum(length for _, _, length, _ in runs) / 2
        fill = paint_of(self.palette, words.paint)
        for text, font, length, lift in runs:
            self.drawing.text((x, y - lift), text, fill, font, anchor="ls", stroke_width=stroke)
            x += length
