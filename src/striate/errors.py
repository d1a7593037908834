"""The errors a user can cause: what is wrong, where, and what would fix it.

StriateError            one line for a person; the command line prints it and ends with exit code 2
├── ShapeError          a layer cannot take the shape it is given
├── NotationError       a network's text cannot be read; knows the place in the text
├── UnknownName         a name that nothing is registered under; knows the nearest ones
├── ConfigError         a value of a recipe, a run or an option is wrong
├── DataError           a file, a record or a field of the data is wrong
├── WeightsError        a weights file does not fit, is damaged or is refused
├── RunError            a run folder cannot be read or written
└── TrainingError       a training failed by itself; the command line ends with exit code 1
"""

from __future__ import annotations

from typing import Any


class StriateError(Exception):
    """Something the user can mend; its text is one line."""


class ShapeError(StriateError, ValueError):
    """A layer cannot take the shape it is given. Says which row, what it was given and what would fit.

    `path` names the row from the outermost stack inwards; `given` is the shape without the batch; `formula` is the
    arithmetic with its numbers filled in; `row` is the row (or module) itself; `parts` are the shapes that could not be
    added or joined.
    """

    def __init__(
        self,
        problem: str,
        path: tuple[str, ...] = (),
        *,
        given: tuple[int, ...] | None = None,
        formula: str | None = None,
        row: Any = None,
        parts: tuple[tuple[int, ...], ...] = (),
    ):
        super().__init__(f"row '{'.'.join(path)}': {problem}" if path else problem)
        self.problem, self.path, self.given, self.formula, self.row = problem, path, given, formula, row
        self.parts = parts

    def inside(self, name: str) -> ShapeError:
        """The same error seen from the stack that holds the row `name`."""
        path = (name, *self.path)
        return ShapeError(self.problem, path, given=self.given, formula=self.formula, row=self.row, parts=self.parts)


class NotationError(StriateError, ValueError):
    """A network's text cannot be read. `span` is the (start, end) of the mistake in `text`.

    `edits`: texts that may be meant, each as (what was done, the whole text).
    """

    def __init__(self, problem: str, text: str, span: tuple[int, int], edits: tuple[tuple[str, str], ...] = ()):
        super().__init__(problem)
        self.problem, self.text, self.span, self.edits = problem, text, span, edits


class UnknownName(StriateError, KeyError):
    """Nothing is registered under this name."""

    def __str__(self) -> str:
        return str(self.args[0])


class ConfigError(StriateError, ValueError):
    """A value of a recipe, a run or an option is wrong; names the file and the key."""


class DataError(StriateError, ValueError):
    """A file, a record or a field of the data is wrong; names it."""


class WeightsError(StriateError, ValueError):
    """A weights file does not fit, is damaged or is refused."""


class RunError(StriateError):
    """A run folder cannot be read or written."""


class TrainingError(StriateError):
    """A training failed by itself: its loss is no number, the memory is too small, a reader died twice."""
