"""The drawing of a network as lectures draw it: volumes with their sizes, branches side by side, repeats folded."""

from __future__ import annotations

from pathlib import Path

from striate.analysis.diagram_page import scene_of
from striate.analysis.diagram_png import png_of
from striate.analysis.diagram_svg import svg_of
from striate.analysis.result import Analysis
from striate.palette import DARK, LIGHT


def draw_svg(analysis: Analysis, *, title: str | None = None, dark: bool | None = False) -> str:
    """The network as the text of an SVG file, self-contained and without scripts.

    Beneath each volume stand its channels and the size of its maps; a pointer that rests on it is told its layers,
    parameters and multiply-adds. With `dark` None the colours follow the scheme of whoever looks.
    """
    return svg_of(scene_of(analysis, title), dark)


def draw_png(
    analysis: Analysis,
    path: Path | str | None = None,
    scale: float = 2,
    *,
    title: str | None = None,
    dark: bool = False,
) -> bytes:
    """The same drawing as the bytes of a PNG file, `scale` pixels for each of the SVG; written to `path` if given."""
    picture = png_of(scene_of(analysis, title), DARK if dark else LIGHT, scale)
    if path is not None:
        Path(path).write_bytes(picture)
    return picture
