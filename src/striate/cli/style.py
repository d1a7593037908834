"""Paint one picture in the style of another.

striate style photo.jpg painting.jpg -o painted.png
striate style photo.jpg painting.jpg --colours content --every 50
striate style photo.jpg painting.jpg --net vgg19 --weights vgg19.pth
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from striate.cli.output import tell
from striate.verbs.style import StyleSettings, style

SETTINGS = StyleSettings


def main(settings: StyleSettings, as_json: bool) -> int:
    from striate.cli.painting import Painting
    from striate.verbs.dream_files import check_output, write

    out = settings.out or Path("style.png")
    check_output("style", out, (settings.content, settings.style))
    named = ("content", "style", "net", "out")
    given = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name not in named}
    with Painting(out) as painting:
        found = style(settings.content, settings.style, settings.net, tell=painting.tell, **given)
    write(out, found.pixels / 255)
    text = (
        f"style   {', '.join(found.style_layers)}: {found.style[0]:.3g} before, {found.style[1]:.3g} after\n"
        f"content {found.content_layer}: {found.content:.3g} away\n{out}"
    )
    tell({**found.as_json(), "file": str(out)}, text, as_json)
    return 0
