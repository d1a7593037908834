"""The output-size formula solved for any one of its six numbers: (N + P − D(K−1) − 1)/S + 1 = O. No torch.

In the mode "strict" (deck 000 of the lectures) only sizes fit that leave no remainder. In "floor" (torch, decks 003
and 004) a remainder is cut off, and each fit says how many pixels are never seen; in "ceil" (pooling in Caffe) a last
window that hangs over the border counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import floor
from typing import Any

from striate.arithmetic import never_seen, output_fraction, output_size
from striate.errors import ConfigError

NAMES = ("input", "kernel", "stride", "padding", "dilation", "output")
MODES = ("strict", "floor", "ceil")
LARGEST = 100_000
FARTHEST = 64  # how far from what was asked a nearest fit is looked for
MOST_NEAREST = 6
MOST_SHOWN = 10  # lines of a table


@dataclass(frozen=True)
class Fit:
    """Six numbers that fit along one axis. `padding`: pixels (before, after); `unseen`: pixels no window reaches."""

    input: int
    kernel: int
    stride: int
    padding: tuple[int, int]
    dilation: int
    output: int
    unseen: int = 0

    @property
    def formula(self) -> str:
        """The formula with its numbers."""
        before, after = self.padding
        border = f"2·{before}" if before == after else f"{before} + {after}"
        window = str(self.kernel) if self.dilation == 1 else f"({self.dilation}·({self.kernel}−1) + 1)"
        exact = output_fraction(self.input, self.kernel, self.stride, before + after, self.dilation)
        value = f"{self.output}" if exact == self.output else f"{floor(100 * exact) / 100:.2f}, so {self.output}"
        rest = f" and {self.unseen} never seen" if self.unseen else ""
        return f"({self.input} + {border} − {window})/{self.stride} + 1 = {value}{rest}"

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in NAMES} | {"padding": list(self.padding), "unseen": self.unseen}


@dataclass(frozen=True)
class Solution:
    """What fits. `unknown`: the number that was asked for; `fits`: every value of it, the most even padding first.

    `nearest`: where nothing fits, what does after the smallest change of one number. `notes`: what else is to be said.
    """

    unknown: str
    mode: str
    fits: tuple[Fit, ...]
    nearest: tuple[Fit, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "unknown": self.unknown,
            "mode": self.mode,
            "fits": [fit.as_json() for fit in self.fits],
            "nearest": [fit.as_json() for fit in self.nearest],
            "notes": list(self.notes),
        }

    def table(self) -> str:
        """The fits, or the nearest, as lines of text: the number asked for, then the formula."""
        shown = self.fits or self.nearest
        lines = [] if self.fits else ["nothing fits exactly" + ("; nearest:" if shown else ".")]
        for fit in shown[:MOST_SHOWN]:
            value = fit.padding if self.unknown == "padding" else getattr(fit, self.unknown)
            said = "{} before, {} after".format(*fit.padding) if self.unknown == "padding" else f"{value}"
            lines.append(f"{self.unknown} {said}: {fit.formula}")
        more = len(shown) - MOST_SHOWN
        return "\n".join([*lines, *([f"and {more:,} more"] if more > 0 else []), *self.notes])


@dataclass(frozen=True)
class Question:
    """The numbers that are known, the one that is asked for being None. `padding` is (before, after)."""

    input: int | None
    kernel: int | None
    stride: int | None
    padding: tuple[int, int] | None
    dilation: int | None
    output: int | None
    mode: str


def solve(
    *,
    input: int | None = None,
    kernel: int | None = None,
    stride: int | None = 1,
    padding: int | tuple[int, int] | None = None,
    dilation: int | None = 1,
    output: int | None = None,
    mode: str = "strict",
) -> Solution:
    """Every value of the one number that is None, along one axis.

    `padding` is that of each side, or (before, after). Where it is not given it is what is asked for, unless another
    number is None: then there is none. Where all six are given they are checked. Raises `ConfigError` where two numbers
    are missing or one is impossible.

    >>> print(solve(input=32, kernel=5, stride=2, output=16).table())
    padding 1 before, 2 after: (32 + 1 + 2 − 5)/2 + 1 = 16
    padding 2 before, 1 after: (32 + 2 + 1 − 5)/2 + 1 = 16
    padding 0 before, 3 after: (32 + 0 + 3 − 5)/2 + 1 = 16
    padding 3 before, 0 after: (32 + 3 + 0 − 5)/2 + 1 = 16
    The same padding on both sides never fits: it would be 1.5.
    """
    if mode not in MODES:
        raise ConfigError(f"mode is {mode!r}; it must be one of {', '.join(MODES)}.")
    others = {"input": input, "kernel": kernel, "stride": stride, "dilation": dilation, "output": output}
    missing = [name for name, value in others.items() if value is None]
    if len(missing) > 1:
        raise ConfigError(f"{' and '.join(missing)} are not given; one number can be asked for at a time.")
    sides = (padding, padding) if isinstance(padding, int) else padding
    if sides is None and missing:
        sides = (0, 0)
    for name, value in others.items():
        within(name, value, 1)
    for side in sides or ():
        within("padding", side, 0)
    question = Question(input, kernel, stride, sides, dilation, output, mode)
    unknown = missing[0] if missing else "padding" if sides is None else "output"
    fits = tuple(answers(question, unknown))
    nearest = () if fits else tuple(near(question, unknown))
    return Solution(unknown, mode, fits, nearest, tuple(notes(question, unknown, fits)))


def within(name: str, value: int | None, least: int) -> None:
    if value is not None and not least <= value <= LARGEST:
        raise ConfigError(f"{name} is {value:,}; it must be between {least} and {LARGEST:,}.")


def answers(question: Question, unknown: str) -> Iterator[Fit]:
    """The fits of a question, for every value of the `unknown` that there is."""
    for value in candidates(question, unknown):
        if (fit := fitting(replace(question, **{unknown: value}))) and question.output in (None, fit.output):
            yield fit


def fitting(question: Question) -> Fit | None:
    """The five numbers with the output that they give, or None where there is none in this mode."""
    size, kernel, stride, sides, dilation = (getattr(question, name) for name in NAMES[:5])
    if (
        min(size, kernel, stride, dilation) < 1
        or min(sides) < 0
        or max(size, kernel, stride, dilation, *sides) > LARGEST
    ):
        return None
    settings = (size, kernel, stride, sum(sides), dilation)
    exact = output_fraction(*settings)
    if (exact < 1 and question.mode != "ceil") or (exact.denominator > 1 and question.mode == "strict"):
        return None
    gives = output_size(*settings, ceil=question.mode == "ceil")
    unseen = never_seen(*settings) if gives == floor(exact) else 0
    return Fit(size, kernel, stride, sides, dilation, gives, unseen) if gives >= 1 else None


def candidates(question: Question, unknown: str) -> Iterator[Any]:
    """Values of the unknown that may fit; all that do are among them."""
    if unknown == "output":
        yield None
        return
    known = {name: getattr(question, name) for name in NAMES if name != unknown}
    steps = known["output"] - 1
    if unknown == "stride":
        span = known["input"] + sum(known["padding"]) - known["dilation"] * (known["kernel"] - 1) - 1
        yield from strides(span, steps, question.mode)
        return
    reach = steps * known["stride"]
    spare = known["stride"] if question.mode != "strict" else 1
    for remainder in range(spare):
        span = reach + (remainder if question.mode == "floor" else -remainder)  # N + P − D(K−1) − 1
        if unknown == "input":
            yield span - sum(known["padding"]) + known["dilation"] * (known["kernel"] - 1) + 1
        elif unknown == "padding":
            yield from pairs(span - known["input"] + known["dilation"] * (known["kernel"] - 1) + 1)
        else:
            extent = known["input"] + sum(known["padding"]) - span - 1  # D(K−1)
            by = known["dilation"] if unknown == "kernel" else known["kernel"] - 1
            if by and extent % by == 0:
                yield extent // by + (unknown == "kernel")
            elif not by and extent == 0:
                yield 1


def pairs(total: int) -> list[tuple[int, int]]:
    """Every (before, after) of that sum, the most even first.

    >>> pairs(3)
    [(1, 2), (2, 1), (0, 3), (3, 0)]
    """
    return sorted(
        ((before, total - before) for before in range(min(total, LARGEST) + 1)), key=lambda p: abs(p[0] - p[1])
    )


def strides(span: int, steps: int, mode: str) -> Iterator[int]:
    """The strides with which `steps` steps, or the part of one that `mode` allows, cover `span` pixels."""
    if span < 0:
        return
    if steps == 0:
        yield 1 if span == 0 else span + 1
    elif mode == "strict":
        yield from [span // steps] if span % steps == 0 and span else []
    elif mode == "floor":
        yield from range(span // (steps + 1) + 1, span // steps + 1)
    else:
        yield from range(-(-span // steps), (span - 1) // (steps - 1) + 1 if steps > 1 else span + 1)


def near(question: Question, unknown: str) -> list[Fit]:
    """Fits after one known number is changed, for each the nearest below and above; the smallest changes first."""
    found: list[tuple[int, Fit]] = []
    for name in NAMES:
        if name == unknown or getattr(question, name) is None:
            continue
        for direction in (-1, 1):
            found += [nearest] if (nearest := nearest_by(question, unknown, name, direction)) else []
    found.sort(key=lambda pair: pair[0])
    return [fit for _, fit in found[:MOST_NEAREST]]


def nearest_by(question: Question, unknown: str, name: str, direction: int) -> tuple[int, Fit] | None:
    """The smallest change of the number `name` in one direction that gives a fit, with how large it is."""
    for by in range(1, FARTHEST + 1):
        changed: dict[str, Any] = {name: moved(getattr(question, name), direction * by)}
        other = replace(question, **changed)
        if possible(other) and (fit := next(answers(other, unknown), None)):
            return by, fit
    return None


def moved(value: int | tuple[int, int], by: int) -> int | tuple[int, int]:
    """A number changed by so much; of a padding, the sum of both sides, which stay as even as they were."""
    if isinstance(value, int):
        return value + by
    before, after = value
    return (before + by // 2, after + by - by // 2)


def possible(question: Question) -> bool:
    """Whether no known number is below what it can be."""
    sizes = [getattr(question, name) for name in NAMES if name != "padding"]
    return min(n for n in sizes if n is not None) >= 1 and (question.padding is None or min(question.padding) >= 0)


def notes(question: Question, unknown: str, fits: tuple[Fit, ...]) -> Iterator[str]:
    """What a list of fits does not say."""
    if unknown == "padding" and fits and not any(before == after for before, after in (fit.padding for fit in fits)):
        yield f"The same padding on both sides never fits: it would be {sum(fits[0].padding) / 2:g}."
    if unknown == "stride" and fits and question.output == 1:
        yield "Any larger stride gives one window too."
    if unknown == "dilation" and fits and question.kernel == 1:
        yield "Any dilation gives the same: a kernel of 1 has no gaps."
    if unknown == "output" and question.output is not None and not fits:
        given = fitting(replace(question, mode="floor"))
        yield (
            f"These numbers give {given.output}{f', {given.unseen} never seen' if given.unseen else ''}."
            if given
            else ""
        )
