"""A training while it goes: epochs, evaluation, what is kept, checkpoints, and how it ends."""

from __future__ import annotations

import dataclasses
import json
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from striate.data.preprocess import Preprocess
from striate.data.records import Part, Pictures
from striate.errors import StriateError, TrainingError
from striate.misfit import times
from striate.model import Evaluation
from striate.run import Run
from striate.training import checkpoints
from striate.training.checkpoints import CheckpointError, State
from striate.training.depthwise import quick_depthwise
from striate.training.evaluation import true_loss
from striate.training.events import Epoch, Event, Saved, Unreadable, Warned
from striate.training.loop import Diverged, Loop
from striate.training.memory import too_small_for
from striate.training.optimizers import highest
from striate.training.prepare import Prepared, refuse_many
from striate.training.ranks import Ranks
from striate.training.reading import Reading
from striate.training.resume import mark_of
from striate.training.state import flatten
from striate.training.stopping import Interrupted, Stops

MEASURED_STEPS = 10  # after so many the number of steps that fits into `minutes` is known
EVALUATING = 0.1  # of the time of a training with `minutes` that evaluations between its epochs may take


@dataclasses.dataclass
class Chosen:
    """What is remembered of the epochs: the best validation loss, the epochs since, and its weights."""

    loss: float | None = None
    epoch: int = 0
    weights: dict[str, Tensor] = dataclasses.field(default_factory=dict)


class Session:
    """One process's part of a training. `run` goes to the end, or to a stop; `why` then says what stopped it."""

    def __init__(self, prepared: Prepared, run: Run, stops: Stops, tell: Callable[[Event], None], ranks: Ranks):
        self.prepared, self.folder, self.stops, self.ranks = prepared, run, stops, ranks
        self._tell, self.lines, self.mark = tell, 0, mark_of(prepared.train)
        config = prepared.config
        self.config, self.model, self.machine = config, prepared.model, prepared.machine
        self.machine.place(self.model.net)
        self.reading = Reading(config, ranks.here, self.warn)
        self.loader = self.reading.of(prepared.train, self.canvas())
        self.loop = Loop(
            self.model,
            self.loader,
            config=config,
            machine=self.machine,
            ranks=ranks,
            learning=prepared.learning,
        )
        self.epochs_told, self.evaluating = 0, 0.0  # seconds
        self.chosen = Chosen()
        self.why = ""
        self.budget = None if config.minutes is None else config.minutes * 60  # seconds
        self.saved_at, self.saved_step = time.monotonic(), -1
        self.unsaved: CheckpointError | None = None  # the newest checkpoint is missing, and why
        self.kept = False  # the network has the weights to keep: it is no state to go on from any more
        self.evaluation: Evaluation | None = None
        self.validated: Evaluation | None = None
        self.unreadable: dict[str, str] = {}
        self.bad = 0  # of the loader's pictures, those that were told

    def tell(self, event: Event) -> None:
        """Pass on what happens, counted: a checkpoint knows how much of the log is before it."""
        self.lines += 1
        self._tell(event)

    def warn(self, text: str) -> None:
        """Tell what a person should know."""
        self.tell(Warned(text))

    def canvas(self) -> Preprocess:
        """What pictures are brought to before they are changed at random: larger where crops are taken of them."""
        return self.model.preprocess.wider() if self.config.crop else self.model.preprocess

    def interruptible(self) -> AbstractContextManager[None]:
        """A context that a stop ends at once; not where other processes would wait for this one in vain."""
        return self.stops.at_once() if self.ranks.count == 1 else nullcontext()

    def run(self) -> None:
        """Train to the end or to a stop; what fails leaves a checkpoint of the last whole step."""
        pictures = f"{self.config.batch_size} pictures of {times(self.model.preprocess.image)} at once"
        try:
            with (
                quick_depthwise(self.model.net, self.machine),
                self.ranks.norms(self.model.net),
                too_small_for(f"{pictures}. Take a smaller --batch-size"),
            ):
                self.epochs()
        except Exception as error:
            if self.can_save() and self.saved_step != self.loop.step:
                self.loop.forget()
                self.save()
            if isinstance(error, StriateError) and not isinstance(error, TrainingError):
                raise TrainingError(str(error)) from None
            raise

    def epochs(self) -> None:
        """Epoch after epoch."""
        self.why = "asked" if self.asked(*self.ranks.greatest(self.stops.asked or 0)) else ""
        while not self.why and self.epochs_told < (self.config.epochs or 1):
            number = self.epochs_told + 1
            if self.budget is not None and self.loop.seconds >= self.budget:
                self.why = "minutes"  # it was over when it was stopped: a run that is complete takes no step more
            else:
                self.loop.run(number, self.halted, self.tell)
            if self.why != "asked":
                self.epoch_over(number)

    def asked(self, number: int) -> bool:
        """Whether a process was asked to stop, by the signal of this number; 0: none was."""
        if number:
            self.stops.asked = signal.Signals(number)
        return bool(number)

    def halted(self) -> bool:
        """Whether to stop after this step. Called after every step: sees to pictures, time budget and checkpoints."""
        budget = self.budget
        if budget is not None and self.loop.step == MEASURED_STEPS:
            fit = int(0.9 * budget / max(self.loop.seconds, 1e-9) * MEASURED_STEPS)
            self.loop.plan(self.ranks.agreed(max(self.loop.step + 1, fit)))
        number, over, due, bad = self.ranks.greatest(
            self.stops.asked or 0,
            budget is not None and self.loop.seconds >= budget,
            time.monotonic() - self.saved_at >= self.config.save_every * 60,
            len(self.loader.unreadable) != self.bad,
        )
        if bad:
            self.bad = len(self.loader.unreadable)
            own = {self.prepared.train.name(i): why for i, why in self.loader.unreadable.items()}
            for text in self.ranks.gathered(json.dumps(own)):
                self.note_unreadable(json.loads(text))
        self.why = "asked" if self.asked(number) else "minutes" if over else ""
        if due and not self.why:
            self.save()
        return bool(self.why)

    def epoch_over(self, number: int) -> None:
        """Evaluate, choose, save, tell. After the last epoch the weights to keep are those that are evaluated."""
        dataset, (loss, accuracy) = self.prepared.dataset, self.loop.totals.means()
        last = number == self.config.epochs or self.loop.step >= self.loop.steps or self.why == "minutes"
        validated = None
        if dataset.validation is not None:
            with self.averaged():
                validated = self.evaluate(dataset.validation)
            if self.why == "asked":
                return
            last |= self.choose(number, validated)
        if last:
            self.save()
            self.keep()
        long = any(self.ranks.greatest(self.budget is not None and self.evaluating > EVALUATING * self.loop.seconds))
        tested = validated if dataset.test is None else None
        if last or (dataset.test is not None and not long):
            with nullcontext() if last else self.averaged():
                tested = self.evaluate(dataset.held_out)
        if self.why == "asked":
            return
        self.epochs_told, self.evaluation, self.validated = number, tested, validated
        self.tell(Epoch(number, loss, accuracy, *_told(tested), self.loop.seconds, *_told(validated)))
        if last and number != self.config.epochs:
            self.why = self.why or "minutes"
        elif not last and any(self.ranks.greatest(time.monotonic() - self.saved_at >= self.config.save_every * 60 / 4)):
            self.save()

    def evaluate(self, part: Part | None) -> Evaluation | None:
        """The answers on a part; pictures of it that cannot be read are told once. None where a stop came between."""
        if part is None or not (self.ranks.first or self.ranks.cut):
            return None
        try:
            loader = None if isinstance(part, Pictures) else self.reading.of(part, self.model.preprocess)
            with self.interruptible():
                begun = time.monotonic()
                found = self.model.evaluate(part, loader=loader)
                self.evaluating += time.monotonic() - begun
        except Interrupted:
            self.why = "asked"
            return None
        if not bool(found.probabilities.isfinite().all()):
            raise self.diverged("the answers on held-out pictures")
        self.model.net.train()
        self.note_unreadable(found.unreadable)
        return found

    def choose(self, number: int, validated: Evaluation | None) -> bool:
        """Remember the epoch with the lowest validation loss; gives whether it is `patience` epochs ago."""
        loss = self.ranks.agreed(0.0 if validated is None else true_loss(validated))
        if self.chosen.loss is None or loss < self.chosen.loss:
            weights: dict[str, Tensor] = {}
            if self.config.keep == "best":
                with self.averaged():
                    weights = {name: value.detach().clone() for name, value in self.model.net.state_dict().items()}
            self.chosen = Chosen(loss, number, weights)
        elif self.config.patience is not None and number - self.chosen.epoch >= self.config.patience:
            self.why = "patience"
        return self.why == "patience"

    def settle(self) -> None:
        """After the last step: a training that was stopped is saved where it stands. The processes part here."""
        if self.why == "asked":
            self.save()
            self.keep()
            self.evaluation = None  # it was of other weights
        self.ranks.finish()

    def averaged(self) -> AbstractContextManager[None]:
        """A context in which the network has the averaged weights, where an average is kept."""
        return nullcontext() if self.loop.average is None else self.loop.average.in_use()

    def keep(self) -> None:
        """Leave in the network the weights that are to be kept, as they will be saved and loaded."""
        self.kept = True
        if self.chosen.weights:
            self.model.net.load_state_dict(self.chosen.weights)
        elif self.loop.average is not None:
            self.loop.average.keep()
        self.model.net = self.ranks.plain(self.model.net)
        self.model.net.to("cpu", memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]

    def note_unreadable(self, found: dict[str, str]) -> None:
        """Tell of each bad picture once, and stop where they are too many."""
        new = {file: reason for file, reason in found.items() if file not in self.unreadable}
        self.unreadable |= new
        for file, reason in new.items():
            self.tell(Unreadable(file, reason))
        if new:
            count = sum(len(part) for _, part in self.prepared.dataset.parts)
            refuse_many(self.prepared.dataset.name, list(self.unreadable.items()), count, self.config.max_bad)

    def save(self) -> None:
        """Write a checkpoint; where the disk does not let it, warn and try again at the next one."""
        self.saved_at = time.monotonic()
        if self.kept or not (self.ranks.first or self.ranks.cut):
            return
        if self.ranks.count == 1 and not self.loop.finite():
            raise self.diverged("the weights")
        tensors, values = flatten(self.ranks.full(self.state()))
        if not self.ranks.first:
            return
        try:
            file = checkpoints.save(self.folder.checkpoints, State(self.loop.step, tensors, values))
        except CheckpointError as error:
            self.unsaved = error
            self.warn(f"{error} It is tried again at the next one.")
        else:
            self.saved_step, self.unsaved = self.loop.step, None
            self.tell(Saved(self.loop.step, file.name))

    def can_save(self) -> bool:
        """Whether the training stands where it could go on from, after something failed."""
        return not self.ranks.cut and not self.loop.within and self.loop.finite()

    def diverged(self, what: str) -> Diverged:
        """The error where something is not made of numbers any more."""
        return Diverged(
            f"step {self.loop.step}: {what} are no numbers any more. "
            f"Try a lower --rate than {highest(self.config):g}; the checkpoints before are kept."
        )

    def state(self) -> dict[str, Any]:
        """All that decides the future."""
        return {
            "loop": self.loop.state(),
            "epochs_told": self.epochs_told,
            "chosen": dataclasses.asdict(self.chosen),
            "classes": list(self.model.classes),
            "data": self.mark,
            "lines": self.lines,
            "start": self.prepared.start.as_json() if self.prepared.start is not None else None,
        }

    def restore(self, held: Mapping[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.loop.restore(held["loop"])
        self.epochs_told = held["epochs_told"]
        self.chosen = Chosen(**held["chosen"])
        self.chosen.weights = dict(self.ranks.cut_like(self.chosen.weights, self.model.net.state_dict()))


def _told(evaluation: Evaluation | None) -> tuple[float | None, float | None]:
    """Loss and accuracy, where there is an answer."""
    return (None, None) if evaluation is None else (true_loss(evaluation), evaluation.accuracy)
