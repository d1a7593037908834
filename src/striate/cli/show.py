"""Show what a network is: shapes, parameters, multiply-adds, memory, what each unit sees, what does not fit."""

from __future__ import annotations

from striate.cli.output import tell
from striate.verbs.show import ShowSettings, letters_of, show

SETTINGS = ShowSettings


def main(settings: ShowSettings, as_json: bool) -> int:
    found = show(
        settings.net,
        settings.image,
        batch=settings.batch,
        classes=settings.classes,
        strict=settings.strict,
        optimizer=settings.optimizer,
        letters=letters_of(settings),
    )
    tell({}, str(found), as_json)
    return 0
