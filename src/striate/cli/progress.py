"""A training's progress: a live bar on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from striate.cli.output import percent, remark
from striate.training.events import (
    Done,
    Epoch,
    Event,
    Fitted,
    Regime,
    Resumed,
    Started,
    Step,
    Tried,
    Unreadable,
    Warned,
)


class Progress:
    """Draws the events of a training."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty() and os.environ.get("RANK", "0") == "0"  # torchrun starts several
        self._bars = Bars(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  accuracy {task.fields[accuracy]:.1%}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not self._live,
        )
        self._task = self._bars.add_task("train", total=None, epoch=1, loss=0.0, accuracy=0.0)
        self._epochs = 1

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):
            self._bars.stop()

    def tell(self, event: Event) -> None:
        """Draw one event. A terminal that has gone, or a reader like `head`, is no reason to end a training."""
        with suppress(OSError):
            self._draw(event)

    def _draw(self, event: Event) -> None:
        if isinstance(event, Started):
            self._epochs = event.epochs
            self._bars.update(self._task, total=event.steps)
            length = {0: "", 1: "1 epoch "}.get(event.epochs, f"{event.epochs} epochs ")
            self._say(
                f"{event.network}: {event.parameters:,} parameters; {event.data}: {event.examples:,} pictures; "
                f"{length}on {event.device} in {event.precision}"
            )
        elif isinstance(event, Regime):
            self._say(f"regime {event.regime} ({event.reason}): {event.learns}; {event.parameters:,} parameters learn")
        elif isinstance(event, Fitted):
            self._say(
                f"classifier of {event.features:,} features: {percent(event.accuracy)} in cross-validation on "
                f"{event.pictures:,} pictures  {event.seconds:.1f} s"
            )
        elif isinstance(event, Tried):
            self._say(
                f"tried {event.regime}: {percent(event.accuracy)} on {event.examples:,} pictures kept apart  "
                f"{event.seconds:.1f} s"
            )
        elif isinstance(event, Resumed):
            self._epochs = event.epochs
            self._bars.update(self._task, total=event.steps, completed=event.step)
            for why in event.refused:
                self._say(f"refused: {why}")
            complete = event.step >= event.steps
            self._say(
                f"complete after step {event.step:,}; with more --epochs it goes on"
                if complete
                else f"goes on after step {event.step:,} of {event.steps:,}"
            )
        elif isinstance(event, Warned):
            self._say(f"warning: {event.text}")
        elif isinstance(event, Unreadable):
            self._say(f"left out: {event.reason}")
        elif isinstance(event, Step):
            self._bars.update(
                self._task, completed=event.step, epoch=event.epoch, loss=event.loss, accuracy=event.accuracy
            )
        elif isinstance(event, Epoch):
            self._say(self._line(event))
        elif isinstance(event, Done) and event.stopped:
            self._say(f"stopped as asked after step {event.steps:,}; striate train --resume RUN goes on")

    def _line(self, event: Epoch) -> str:
        held_out = "" if event.test_accuracy is None else f"  held-out {percent(event.test_accuracy)}"
        left = event.seconds / event.epoch * (self._epochs - event.epoch)
        return (
            f"epoch {event.epoch}/{self._epochs}  loss {event.loss:.4f}  accuracy {percent(event.accuracy)}"
            f"{held_out}  {event.seconds:.1f} s, {left:.0f} s left"
        )

    def _say(self, line: str) -> None:
        if self._live:
            self._bars.console.print(line, highlight=False, markup=False)
        else:
            remark(line)
