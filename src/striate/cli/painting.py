"""The progress of a picture that is being made: a live bar on a terminal, else a line now and then; on stderr."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from striate.cli.output import remark
from striate.explain.painting import Step
from striate.verbs.dream_files import numbered, write

SECONDS = 10  # between two lines


class Painting:
    """Draws the steps, and writes the pictures that they show beside `out`."""

    def __init__(self, out: Path) -> None:
        self._out, self._said = out, time.monotonic()
        self._bars = Progress(
            TextColumn("step"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[value]:.4g}"),
            TimeRemainingColumn(), console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self._task = self._bars.add_task("step", total=None, value=0.0)

    def __enter__(self) -> Painting:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    def tell(self, step: Step) -> None:
        """Draw one step."""
        self._bars.update(self._task, total=step.steps, completed=step.step, value=step.value)
        if step.picture is not None:
            write(numbered(self._out, step.step), step.picture)
        if self._bars.disable and time.monotonic() - self._said >= SECONDS:
            self._said = time.monotonic()
            remark(f"step {step.step}/{step.steps}  {step.value:.4g}")
