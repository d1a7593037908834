"""The sizes behind a word, checked: 64, 5x3, p1+2, same."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import NoReturn

from striate.errors import NotationError
from striate.notation.tree import Argument, Call, Span, Word

Border = tuple[tuple[int, int], ...]  # (before, after) of each axis
LARGEST = 10**9

KEYS = {  # what may stand before a number, and the setting that it means
    "k": "kernel", "kernel": "kernel", "s": "stride", "stride": "stride", "p": "padding", "pad": "padding",
    "padding": "padding", "d": "dilation", "dilation": "dilation", "g": "groups", "groups": "groups",
    "o": "output_padding", "out": "out", "width": "out", "size": "size", "bilinear": "linear", "trilinear": "linear",
}  # fmt: skip
SPELLED = {  # the shortest way to write a setting
    "kernel": "k", "stride": "s", "padding": "p", "dilation": "d", "groups": "g", "output_padding": "o",
}  # fmt: skip
BORDERS = ("padding", "same", "same^")
SWITCHES = ("same", "same^", "nobias", "ceil", "linear")  # they take no number


@dataclass(frozen=True)
class Settings:
    """The settings of one word as they are written, read on demand for pictures of `axes` spatial axes."""

    text: str
    word: Word | Call
    written: dict[str, Argument]
    axes: int

    def __contains__(self, name: str) -> bool:
        return name in self.written

    def count(self, name: str, default: int) -> int:
        """A whole number of at least 1."""
        if name not in self.written:
            return default
        number = self.written[name].number
        if not number.isdigit():
            self.fail(name, f"{number} is not one whole number, which {self.word.name} needs as its {label(name)}.")
        return self.within(name, int(number))

    def size(self, name: str, default: int, *, least: int = 1) -> tuple[int, ...]:
        """One whole number of at least `least` an axis."""
        return self.whole(name, self.along(name), least) if name in self.written else (default,) * max(1, self.axes)

    def shape(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """Channels and one number an axis: 64x4x4."""
        if name not in self.written:
            return default
        numbers = self.written[name].number.split("x")
        if len(numbers) != len(default):
            wants = "x".join(map(str, default))
            self.fail(name, f"{self.written[name].number} is not a shape of {len(default)} numbers, such as {wants}.")
        return self.whole(name, numbers)

    def whole(self, name: str, numbers: list[str], least: int = 1) -> tuple[int, ...]:
        """`numbers` as whole ones."""
        if not all(number.isdigit() for number in numbers):
            self.fail(name, f"{self.written[name].number} is not a whole number, nor several such as 5x3.")
        return tuple(self.within(name, int(number), least) for number in numbers)

    def border(self, name: str, default: Border, *, least: int = 0) -> Border:
        """(before, after) of each axis: `1` is both, `1+2` is one before and two after."""
        if name not in self.written:
            return default
        sides = []
        for number in self.along(name):
            before, _, after = number.partition("+")
            if not before.isdigit() or not (after or before).isdigit():
                self.fail(name, f"{number} is not a padding: 1 is one on both sides, 1+2 one before and two after.")
            sides.append(tuple(self.within(name, int(side), least) for side in (before, after or before)))
        return tuple((before, after) for before, after in sides)

    def fraction(self, name: str, default: float) -> float:
        """A number from 0 to 1."""
        if name not in self.written:
            return default
        try:
            value = float(self.written[name].number)
        except ValueError:
            self.fail(name, f"{self.written[name].number} is not a number.")
        if not 0 <= value <= 1:
            self.fail(name, f"{value:g} is not between 0 and 1, as the {label(name)} of {self.word.name} must be.")
        return value

    def along(self, name: str) -> list[str]:
        """The number written for each axis."""
        numbers = self.written[name].number.split("x")
        if len(numbers) not in (1, self.axes):
            axes = "axis" if self.axes == 1 else "axes"
            said = f"{self.written[name].number} has {len(numbers)} numbers, but the picture has {self.axes} {axes}."
            self.fail(name, f"{said} Write one number for all, or one for each.")
        return numbers * max(1, self.axes) if len(numbers) == 1 else numbers

    def within(self, name: str, number: int, least: int = 1) -> int:
        if number < least:
            argument = self.written[name]
            fixed = f"{SPELLED.get(name, '') if argument.key else ''}{least}"
            said = f"{self.word.name} has {label(name)} {number}; it must be at least {least}."
            raise NotationError(
                said, self.text, argument.span, ((f"Write {fixed}", self.replaced(argument.span, fixed)),)
            )
        if number > LARGEST:
            self.fail(name, f"{number:,} is too large; {LARGEST:,} is the most.")
        return number

    def replaced(self, span: Span, instead: str) -> str:
        return self.text[: span[0]] + instead + self.text[span[1] :]

    def fail(self, name: str, problem: str) -> NoReturn:
        raise NotationError(problem, self.text, self.written[name].span)


def label(name: str) -> str:
    """A setting in words."""
    return {"out": "width", "output_padding": "output padding"}.get(name, name)


def settings(text: str, word: Word | Call, bare: tuple[str, ...], takes: tuple[str, ...], axes: int) -> Settings:
    """What is written behind `word`.

    `bare`: the settings of numbers without a key, in order; `takes`: those that may have a key, and the switches.
    """
    written: dict[str, Argument] = {}
    left = list(bare)
    for argument in word.arguments:
        name = named(text, word, argument, left, (*bare, *takes))
        if name in written:
            problem = f"{word.name} is told its {label(name)} twice."
            raise NotationError(problem, text, argument.span, (("Leave it out", cut(text, argument.span)),))
        if name in BORDERS and (other := next((known for known in BORDERS if known in written), None)):
            problem = f"{word.name} is given both {label(other)} and {label(name)}: one of them says how it is padded."
            raise NotationError(problem, text, argument.span, (("Leave it out", cut(text, argument.span)),))
        written[name] = argument
    return Settings(text, word, written, axes)


def named(text: str, word: Word | Call, argument: Argument, left: list[str], takes: tuple[str, ...]) -> str:
    """The setting that `argument` is for. `left`: the settings that a bare number may still be."""
    if not argument.key:
        if not left:
            number = argument.number
            problem = f"{word.name} takes no number here, but {number} is written."
            raise NotationError(problem, text, argument.span, ((f"Leave {number} out", cut(text, argument.span)),))
        return left.pop(0)
    name = KEYS.get(argument.key, argument.key)
    if name in takes and bool(argument.number) == (name not in SWITCHES):
        if name in left:
            left.remove(name)
        return name
    if name in takes:
        problem = (
            f"{argument.key} needs a number: {argument.key}1." if not argument.number else f"{name} takes no number."
        )
        raise NotationError(problem, text, argument.span)
    known = sorted({SPELLED.get(setting, setting) for setting in takes if setting in SPELLED or setting in SWITCHES})
    near = difflib.get_close_matches(argument.key, [*known, *(setting for setting in takes)], 1, 0.6)
    hint = f"Did you mean {near[0]}?" if near else f"It takes {', '.join(known)}." if known else ""
    raise NotationError(f"{word.name} has no '{argument.key}'. {hint}".rstrip(), text, argument.span)


def cut(text: str, span: Span) -> str:
    """The text without one argument."""
    return text[: span[0]].rstrip() + text[span[1] :]
