"""GIF, WEBP, BMP and PNM; lines and single pixels; every format under a wrong name."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import PIL.Image
import simplejpeg

from .case import Case
from .writers import NOISE, RAMP, WIDE, H, W, as_rgb, grey, jpeg, on_white, saved, scaled, whole_pictures

SUFFIXES = {"JPEG": ".jpg", "PNG": ".PNG", "GIF": ".gif", "TIFF": ".tiff", "WEBP": ".webp", "BMP": ".bmp"}


def others() -> list[Case]:
    return [*plain(), *palettes(), *animations(), *lines(), *wrong_names()]


def plain() -> Iterator[Case]:
    bits = RAMP[..., 0] > 90
    for form in ("BMP", "PPM"):
        contents = saved(PIL.Image.fromarray(bits), form)
        yield Case(f"{form} 1 bit", contents, grey(np.where(bits, 255, 0)), row="1 bit")
        yield Case(f"{form} grey", saved(RAMP[..., 0], form), grey(RAMP[..., 0]), row="grey")
    for form in ("BMP", "PPM", "WEBP"):
        yield Case(f"{form} rgb", saved(RAMP, form, lossless=True), RAMP, row="RGB")
    one = WIDE[..., 0]
    contents = b"P5 8 6 65535\n" + one.astype(">u2").tobytes()
    yield Case("PGM 16", contents, scaled(grey(one), 65535), notes=("16 bits",), row="16 bits, grey")
    rgba = np.concatenate((RAMP, RAMP[..., :1]), 2)
    right = on_white(RAMP, rgba[..., 3])
    contents = saved(rgba, "WEBP", lossless=True, exact=True)
    yield Case("WEBP rgba", contents, right, tolerance=1, notes=("transparent",), row="transparency")


def palettes() -> Iterator[Case]:
    table = RAMP.reshape(-1, 3)
    numbers = (RAMP[..., 0] // 8).astype(np.uint8)
    image = PIL.Image.fromarray(numbers).convert("P")
    image.putpalette(table.tobytes())
    for form in ("GIF", "BMP"):
        yield Case(f"{form} palette", saved(image, form), table[numbers], notes=("palette",), row="palette")
    right = np.where(numbers[..., None] == 3, 255, table[numbers])
    contents = saved(image, "GIF", transparency=3)
    yield Case("GIF transparent", contents, right, notes=("transparent",), row="one transparent colour")


def animations() -> Iterator[Case]:
    row = "animation or pages"
    first, *rest = [PIL.Image.fromarray(np.roll(RAMP, k, 0)) for k in range(4)]
    contents = saved(first, "WEBP", save_all=True, append_images=rest, lossless=True)
    yield Case("WEBP animated", contents, RAMP, notes=("first of 4 frames",), row=row)
    first, *rest = [PIL.Image.fromarray(np.full((H, W), 60 * k, np.uint8)) for k in range(1, 5)]
    contents, right = saved(first, "GIF", save_all=True, append_images=rest), np.full((H, W, 3), 60)
    yield Case("GIF animated", contents, right, notes=("first of several",), row=row)
    yield Case("GIF cut after its first frame", contents[:-30], right, row=row)


def lines() -> Iterator[Case]:
    for shape in ((1, 1), (1, 5000), (5000, 1), (3, 2)):
        line = np.resize(RAMP, (*shape, 3))
        for form in ("PNG", "BMP", "TIFF", "WEBP", "PPM"):
            yield Case(f"{form} {shape}", saved(line, form, lossless=True), line, row="RGB")
        flat = np.full((*shape, 3), 77, np.uint8)
        yield Case(f"JPEG {shape}", jpeg(flat), flat, tolerance=2, row="RGB")
        yield Case(f"GIF {shape}", saved(line[..., 0], "GIF"), as_rgb(line[..., 0]), row="palette")


def wrong_names() -> Iterator[Case]:
    for form, contents in whole_pictures().items():
        right = as_rgb(NOISE[..., 0]) if form == "GIF" else NOISE
        right = simplejpeg.decode_jpeg(contents) if form == "JPEG" else right
        for of, suffix in (*SUFFIXES.items(), (form, ".dat"), (form, "")):
            notes = (f"whatever its suffix {suffix.lower()} says",) if of != form else ()
            row = "wrong suffix" if notes else "palette" if form == "GIF" else ""
            yield Case(f"{form} as x{suffix}", contents, right, notes=notes, row=row, suffix=suffix)
