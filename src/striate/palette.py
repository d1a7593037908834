"""The colours of everything that Striate draws, light and dark: pages, charts and the volumes of a network.

Blue and orange, never red and green, so that people who see those two alike lose nothing. Plain values, no imports of
ours: a drawing takes `LIGHT` or `DARK` and writes its fields out.

>>> LIGHT.paper, DARK.paper
('#f7f5f0', '#11151b')
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Faces:
    """The three sides that an oblique box shows."""

    front: str
    top: str
    end: str


@dataclass(frozen=True)
class Palette:
    """One theme. The first fields are of a page, the second of a chart's lines, the third of a network's volumes."""

    scheme: str  # "light" or "dark", as CSS calls it
    paper: str  # behind everything
    card: str  # what lies on the paper
    line: str  # hairlines: borders, axes, grids
    faint: str  # tracks of bars, alternate rows
    ink: str  # text
    soft: str  # second text
    accent: str  # links, the chosen thing
    accent_ink: str  # text upon the accent
    warn: str
    warn_paper: str

    series: tuple[str, ...]  # lines of a chart, in order; the first two are blue and orange

    image: Faces
    convolution: Faces
    pool: Faces
    other: Faces  # sums, concatenations, upsampling, whatever has no colour of its own
    features: str  # a fully connected layer, which has one face only
    stripe: str  # the activation or norm at the end of a volume
    wire: str  # what joins volumes


CONVOLUTION = Faces("#3f7fbf", "#9cc4e8", "#2a5d93")
POOL = Faces("#d08a3e", "#edc592", "#a3672a")
IMAGE = Faces("#8d939c", "#c9cdd3", "#6a7079")

LIGHT = Palette(
    scheme="light",
    paper="#f7f5f0",
    card="#fffefb",
    line="#e3dfd5",
    faint="#efece4",
    ink="#1c2430",
    soft="#5b6471",
    accent="#1d5b9e",
    accent_ink="#ffffff",
    warn="#9a3f06",
    warn_paper="#fdf1e4",
    series=("#1d5b9e", "#c8741a", "#5b6471", "#3f9aa8", "#8a5a9e", "#a3672a"),
    image=IMAGE,
    convolution=CONVOLUTION,
    pool=POOL,
    other=Faces("#6fa3a8", "#b9d6d6", "#4b7a80"),
    features="#4a5a78",
    stripe="#14365c",
    wire="#8b93a0",
)

DARK = Palette(
    scheme="dark",
    paper="#11151b",
    card="#191e26",
    line="#2b323d",
    faint="#222934",
    ink="#e9e7e1",
    soft="#a0a9b5",
    accent="#7cb8ee",
    accent_ink="#0d1822",
    warn="#f2ab6d",
    warn_paper="#2c2117",
    series=("#7cb8ee", "#f2ab6d", "#a0a9b5", "#74c4cc", "#c3a0dc", "#d9b384"),
    image=IMAGE,
    convolution=CONVOLUTION,
    pool=POOL,
    other=Faces("#6fa3a8", "#b9d6d6", "#4b7a80"),
    features="#8ea3c8",
    stripe="#14365c",
    wire="#77818f",
)


def variables(palette: Palette) -> str:
    """The page colours of a theme as CSS custom properties: `--paper: #f7f5f0; --card: ...`."""
    plain = {f.name: getattr(palette, f.name) for f in fields(palette)}
    colours = [f"--{name.replace('_', '-')}: {value}" for name, value in plain.items() if str(value).startswith("#")]
    return "; ".join([f"color-scheme: {palette.scheme}", *colours]) + ";"


def paint_of(palette: Palette, name: str) -> str:
    """The colour called `name`: a field, or a side of a box as in "pool.top".

    >>> paint_of(LIGHT, "pool.top")
    '#edc592'
    """
    value = palette
    for part in name.split("."):
        value = getattr(value, part)
    return str(value)
