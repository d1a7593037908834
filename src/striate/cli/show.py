"""Show what a network is: shapes, parameters, multiply-adds, memory, what each unit sees, what does not fit.

striate show resnet50
striate show "[(conv-relu)*2-pool]*3-fc" --image 3x32x32 --svg net.svg
striate show my_file.py:function --image 3x64x64 --batch 32
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.cli.output import remark
from striate.errors import ConfigError, NotationError, StriateError
from striate.training.config import letters_of
from striate.verbs.show import ShowSettings, check_images, show, why_not

if TYPE_CHECKING:
    from striate.analysis.result import Analysis
    from striate.repair import Diagnosis

SETTINGS = ShowSettings


def main(settings: ShowSettings, as_json: bool) -> int:
    check_images(settings)
    letters = letters_of(settings)
    try:
        found = show(
            settings.net,
            settings.image,
            batch=settings.batch,
            classes=settings.classes,
            strict=settings.strict,
            optimizer=settings.optimizer,
            letters=letters,
        )
    except StriateError as error:
        diagnosis = why_not(
            settings.net, settings.image, classes=settings.classes, letters=letters, strict=settings.strict
        )
        return _refuse(error, diagnosis, settings, as_json)
    draw(found, settings)
    _print(found, as_json)
    return 0


def _print(found: Analysis, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found.as_json(), allow_nan=False))
    elif sys.stdout.isatty():
        from rich import print as rich_print

        rich_print(found)
    else:
        print(found)


def draw(found: Analysis, settings: ShowSettings) -> None:
    """Write the drawings that were asked for."""
    if settings.svg is not None:
        from striate.analysis.diagram import draw_svg

        _write(settings.svg, draw_svg(found, title=settings.net, dark=None).encode())
    if settings.png is not None:
        from striate.analysis.diagram import draw_png

        _write(settings.png, draw_png(found, title=settings.net))


def _write(path: Path, contents: bytes) -> None:
    from striate import atomic

    try:
        atomic.write(path, [contents])
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}).") from None


def _refuse(error: StriateError, diagnosis: Diagnosis | None, settings: ShowSettings, as_json: bool) -> int:
    """Say why there is no network to show, or, where it is asked for, print the repaired one."""
    if diagnosis is None:
        if as_json:
            told: dict[str, Any] = {
                "row": None,
                "problem": str(error),
                "formula": getattr(error, "formula", None),
                "fixes": [],
            }
            print(json.dumps({"error": told}))
        raise error
    if settings.fix and diagnosis.fixes:
        fix = diagnosis.fixes[0]
        remark(f"{diagnosis.problem} {fix.said}.")
        repaired = {"notation": fix.notation, "image": list(fix.image), "said": fix.said}
        print(json.dumps(repaired) if as_json else fix.notation or fix.said)
        return 0
    if as_json:
        print(json.dumps(diagnosis.as_json()))
    if isinstance(diagnosis.error, NotationError):
        from striate.notation import point

        remark(point(diagnosis.error))
        for fix in diagnosis.fixes:
            remark(f"  fix: {fix.said}" + (f": {fix.notation}" if fix.notation else ""))
    else:
        remark(str(diagnosis))
    return 2
