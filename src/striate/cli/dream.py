"""Let a network dream: over a picture, or from nothing; of a layer, a channel, a class, or guided by another picture.

striate dream efficientnet_lite0 photo.jpg -o dream.png
striate dream efficientnet_lite0 photo.jpg --guide flowers.jpg -o flowery.png
striate dream runs/flowers-1 --class sunflower -o sunflower.png
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from striate.cli.output import tell
from striate.verbs.dream import DreamSettings, dream

SETTINGS = DreamSettings


def main(settings: DreamSettings, as_json: bool) -> int:
    from striate.cli.painting import Painting
    from striate.verbs.dream_files import check_output, write

    out = settings.out or Path("dream.png")
    check_output("dream", out, (settings.picture, settings.guide))
    given = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name not in ("source", "picture", "out")}
    with Painting(out) as painting:
        found = dream(settings.source, settings.picture, tell=painting.tell, **given)
    write(out, found.pixels / 255)
    of = f"class {found.label}" if found.label is not None else f"layer {found.layer}"
    of += "" if found.channel is None else f", channel {found.channel}"
    seen = "" if found.probability is None else f", which the network sees there with {found.probability:.1%}"
    text = f"{of}: {found.before:.4g} before, {found.after:.4g} after{seen}\n{out}"
    tell({**found.as_json(), "file": str(out)}, text, as_json)
    return 0
