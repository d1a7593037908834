"""How pages are made of templates and written: all is escaped, a name that is missing is an error; the colours."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from striate import atomic
from striate.errors import ConfigError
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


def write_page(path: Path, text: str, option: str) -> None:
    """Write a page; `ConfigError` where that cannot be done, with the `option` to give another place by."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(path, text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}). Give another {option}.") from None


def require_page(path: Path, option: str) -> None:
    """Pass if a page can be written to `path`; else `ConfigError`, before the work that it is to show."""
    if path.suffix.lower() not in (".html", ".htm") or path.is_dir():
        raise ConfigError(f"{path}: a page is an .html file. Give {option} another name.")


def colours() -> dict[str, Markup]:
    """The CSS variables of both themes, "light" and "dark"; they hold colours of our own only."""
    return {palette.scheme: _colours(palette) for palette in (LIGHT, DARK)}


def _colours(palette: Palette) -> Markup:
    return Markup(f"{variables(palette)} --blue: {palette.series[0]}; --orange: {palette.series[1]};")
