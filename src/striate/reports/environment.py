"""How pages are made of templates: everything is escaped, a name that is missing is an error, and the colours."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from striate.palette import DARK, LIGHT, Palette, variables
from striate.reports.words import count


def environment() -> Environment:
    """The templates of this room."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(count=count)
    return made


def colours() -> dict[str, Markup]:
    """The CSS variables of both themes, "light" and "dark"; they hold colours of our own only."""
    return {palette.scheme: _colours(palette) for palette in (LIGHT, DARK)}


def _colours(palette: Palette) -> Markup:
    return Markup(f"{variables(palette)} --blue: {palette.series[0]}; --orange: {palette.series[1]};")
