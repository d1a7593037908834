"""The output-size formula solved for any one of its six numbers: (N + P − D(K−1) − 1)/S + 1 = O. Whole numbers only, no torch.

In the mode "strict" (deck 000 of the lectures) only sizes fit that leave no remainder; in the mode "floor" (torch, Caffe's
convolutions, decks 003 and 004) a remainder is cut off, and each fit says how many pixels are never seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from striate.arithmetic import never_seen, output_fraction, output_size
from striate.errors import ConfigError

NAMES = ("input", "kernel", "stride", "padding", "dilation", "output")
MODES = ("strict", "floor")
LARGEST = 1_000_000
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
        rest = f", {self.unseen} never seen" if self.unseen else ""
        return f"({self.input} + {border} − {window})/{self.stride} + 1 = {self.output}{rest}"

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
    """The five numbers that are known; the sixth is None. `padding` is that of both sides together."""

    input: int | None
    kernel: int | None
    stride: int | None
    padding: int | None
    dilation: int | None
    output: int | None
    sides: tuple[int, int] | None  # as the padding was asked for

    @property
    def unknown(self) -> str:
        return next(name for name in NAMES if getattr(self, name) is None)


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
    number is None: then there is none. Raises `ConfigError` where two numbers are missing or one is impossible.

    >>> print(solve(input=32, kernel=5, stride=2, output=16).table())
    padding 1 before, 2 after: (32 + 1 + 2 − 5)/2 + 1 = 16
    padding 2 before, 1 after: (32 + 2 + 1 − 5)/2 + 1 = 16
    padding 0 before, 3 after: (32 + 0 + 3 − 5)/2 + 1 = 16
    padding 3 before, 0 after: (32 + 3 + 0 − 5)/2 + 1 = 16
    no padding that is the same on both sides fits: it would be 1.5
    >>> print(solve(input=7, kernel=3, stride=3).table())
    nothing fits exactly; nearest:
    output 2: (6 + 2·0 − 3)/3 + 1 = 2
    output 3: (7 + 1 + 1 − 3)/3 + 1 = 3
    output 3: (7 + 2·0 − 3)/2 + 1 = 3
    """
    if mode not in MODES:
        raise ConfigError(f"mode is {mode!r}; it must be {' or '.join(MODES)}.")
    sides = (padding, padding) if isinstance(padding, int) else padding
    missing = [name for name, value in zip(NAMES, (input, kernel, stride, 0, dilation, output), strict=True) if value is None]
    if sides is None and missing:
        sides = (0, 0)
    question = Question(input, kernel, stride, None if sides is None else sum(sides), dilation, output, sides)
    unknown = [name for name in NAMES if getattr(question, name) is None]
    if len(unknown) > 1:
        raise ConfigError(f"{' and '.join(unknown)} are not given: only one number can be asked for.")
    check(question)
    if not unknown:
        return checked(question, mode)
    fits = tuple(answers(question, mode))
    nearest = () if fits else tuple(islice(near(question), MOST_NEAREST))
    return Solution(unknown[0], mode, fits, nearest, notes(question, fits))
