"""The size formula, solved for whichever of its numbers is not given."""

from __future__ import annotations

from dataclasses import dataclass

from striate.errors import ConfigError
from striate.settings import setting
from striate.solving import Solution, solve

ASKED_FIRST = ("input", "output", "kernel", "padding", "stride", "dilation")
TAKEN = {"padding": (0, 0), "stride": 1, "dilation": 1}  # what those behind the first that is missing are taken to be


@dataclass(frozen=True)
class SolveSettings:
    """The numbers that are known. The first that is missing, in the order of these options, is what is asked for."""

    input: int | None = setting(None, meaning="pixels along the axis", low=1)
    output: int | None = setting(None, meaning="windows along the axis", low=1)
    kernel: int | None = setting(None, meaning="pixels of the kernel", low=1)
    padding: str | None = setting(None, meaning="pixels on each side, or before,after as 1,2; 0")
    stride: int | None = setting(None, meaning="pixels from window to window; 1", low=1)
    dilation: int | None = setting(None, meaning="pixels from one number of the kernel to the next; 1", low=1)
    mode: str = setting("strict", meaning="what a remainder means", choices=("strict", "floor", "ceil"))


def answer(settings: SolveSettings) -> Solution:
    """Every value of the number that is not given, or the nearest sizes that fit; all six given are checked."""
    numbers = {name: getattr(settings, name) for name in ASKED_FIRST}
    numbers["padding"] = _sides(settings.padding)
    missing = [name for name, value in numbers.items() if value is None]
    for name in missing[1:]:
        numbers[name] = TAKEN.get(name)
    return solve(**numbers, mode=settings.mode)


def _sides(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.replace(" ", "").split(",")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise ConfigError(f"solve: padding is {text!r}; it must be pixels of each side, as 2, or before,after, as 1,2.")
    return int(parts[0]), int(parts[-1])
