"""The loop: one step of gradient descent after the other, a value for everything that happens."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from itertools import tee
from typing import Any

import torch
from torch import Tensor, nn

from striate.data.loader import Batch, Loader
from striate.errors import TrainingError
from striate.model import Model
from striate.training import randomness
from striate.training.allocator import give_back
from striate.training.average import Average
from striate.training.buffers import Buffers
from striate.training.choices import augment_of
from striate.training.config import TrainConfig
from striate.training.events import Event, Step
from striate.training.machine import Machine
from striate.training.memory import OutOfMemory, out_of_memory
from striate.training.optimizers import highest, optimizer_for, step_of
from striate.training.ranks import NOBODY, Ranks, Share
from striate.training.schedule import rate_of
from striate.training.stages import WHOLE, Plan
from striate.training.totals import Totals

BatchNorm = nn.modules.batchnorm._BatchNorm
LINES_AN_EPOCH = 20  # step events; more would cost time and tell no more
TOLD = 8  # files named in a message


class Diverged(TrainingError):
    """The loss or its gradient is no longer a number."""


def batches(examples: int, size: int) -> list[slice]:
    """Slices of `size`; the rest is the last one, unless it is a single picture, which batch norm could not take.

    >>> len(batches(48_000, 100)), batches(5, 2)
    (480, [slice(0, 2, None), slice(2, 5, None)])
    """
    starts = list(range(0, examples, size))
    if len(starts) > 1 and size > 1 and examples - starts[-1] == 1:
        starts.pop()
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], examples], strict=True)]


class Loop:
    """One training of a model's network; `run` takes steps until an epoch is over. `step` counts those taken so far.

    `learning`: which of its layers learn, and how fast.
    """

    def __init__(
        self,
        model: Model,
        loader: Loader,
        *,
        config: TrainConfig,
        machine: Machine,
        ranks: Ranks,
        learning: Plan = WHOLE,
    ):
        net = self.net = model.net
        self.loader, self.preprocess, self.task = loader, model.preprocess, model.task
        self.config, self.machine, self.ranks, self.learning = config, machine, ranks, learning
        self.classes = len(model.classes)
        self.labels = loader.part.labels
        self.augment = augment_of(config)
        learning.freeze(net)
        self.shared = ranks.shared(net)
        self.optimizer = optimizer_for(net, config, learning.shares)
        self.follow = step_of(self.optimizer)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.buffers = Buffers(net)
        self.average = Average(net, config.ema) if config.ema else None
        if config.compile:
            self.shared.compile()
        self.slices = batches(len(self.labels), config.batch_size)
        self.steps = len(self.slices) * (config.epochs or 1)
        self.parts = config.accumulate
        self.step, self.seconds = 0, 0.0
        self.planned: int | None = None
        self.within = False  # weights are being changed: it is no state to go on from
        normed = any(isinstance(module, BatchNorm) for module in net.modules())
        self.fewest = 2 if normed else 1  # pictures at once: a single one has no variance
        self.totals = Totals()

    def run(self, number: int, stopped: Callable[[], bool], tell: Callable[[Event], None]) -> bool:
        """Take steps until epoch `number` is over, or after a whole step when `stopped()`; gives whether it is over."""
        recent = Totals()
        every = max(1, len(self.slices) // LINES_AN_EPOCH)
        done = self.step - (number - 1) * len(self.slices)
        if done == 0:
            self.totals = Totals()
        begun = time.perf_counter()
        self.learning.begin(self.net)
        for count, (batch, partner) in enumerate(self._batches(number, done), done + 1):
            loss, right, pictures = self._step(batch, number, partner)
            self.totals.add(loss, right, pictures)
            recent.add(loss, right, pictures)
            now = time.perf_counter()
            self.seconds, begun = self.seconds + now - begun, now
            halted = stopped()
            if count % every == 0 or halted:
                tell(Step(self.step, number, *recent.means(), self.optimizer.param_groups[0]["lr"], self.seconds))
                recent = Totals()
            if halted:
                break
            begun = time.perf_counter()
        return self.step >= min(number * len(self.slices), self.steps)

    def _batches(self, number: int, done: int) -> Iterator[tuple[Batch, int]]:
        """The batches of epoch `number` after the first `done`, as this process computes them; partners of `Share`."""
        config = self.config
        if config.balance == "sampling":
            order = randomness.balanced_order(self.labels, config.seed, number)
        else:
            order = randomness.order(len(self.labels), config.seed, number)
        left = self.slices[done : done + self.steps - self.step]
        wanted, known = tee(self._share(order[part], number) for part in left)
        batches = self.loader.batches(share.positions for share in wanted)
        return ((batch, share.partner) for batch, share in zip(batches, known, strict=True))

    def _share(self, positions: Tensor, epoch: int) -> Share:
        """This process's part of a batch. Where pictures are mixed, it is taken from the ring of partners."""
        if self.ranks.count == 1 or not (self.config.mixup or self.config.cutmix):
            return self.ranks.share(positions, self.parts_of(len(positions)))
        return self.ranks.share_of_ring(self.augment.ring(positions, seed=self.config.seed, epoch=epoch))

    def _step(self, batch: Batch, epoch: int, partner: int = NOBODY) -> tuple[float, int, int]:
        """One step on `batch`; its mean loss, the right answers and the pictures, over all processes."""
        randomness.seed_step(self.config.seed, self.step, self.machine.device, self.ranks.rank)
        rate = self.rate_at(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        x, y = self.augment.apply(
            batch.pixels,
            batch.labels,
            batch.index,
            seed=self.config.seed,
            epoch=epoch,
            classes=self.classes,
            size=self.preprocess.image[1:],
        )
        if len(batch.index) and int(batch.index[-1]) == partner:  # it was there to be mixed from
            batch = Batch(batch.index[:-1], batch.pixels[:-1], batch.labels[:-1])
            x, y = x[: len(batch.index)], y[: len(batch.index)]
        told = self._gradients(x, y, batch)
        loss, right, pictures = self.ranks.sums(torch.tensor(told, dtype=torch.float64)).tolist()
        self._check(loss, "the loss", batch, math.isfinite(told[0]))
        length = self._shorten_gradient()
        self._check(length, "the length of the gradient", batch)
        self.within = True
        self.follow()
        for parameter in self.parameters:
            parameter.grad = None
        self.buffers.remember()
        self.step += 1
        if self.average is not None:
            self.average.update(self.step)
        self.within = False
        return loss / max(1.0, pictures), int(right), int(pictures)

    def _gradients(self, x: Tensor, y: Tensor, batch: Batch) -> tuple[float, int, int]:
        """Gradients of the mean loss in the parameters; the summed loss, the right answers and the pictures."""
        own = len(batch.labels)
        whole = self.ranks.whole(own)
        if whole < self.fewest:  # the others cannot be read
            return 0.0, 0, 0
        while True:
            try:
                loss, right = 0.0, 0
                count = self.parts_of(whole)
                parts = zip(*(t.tensor_split(count) for t in (x, y, batch.labels)), strict=True)
                for number, (some, wanted, labels) in enumerate(parts, 1):
                    with self.ranks.part(len(labels), last=number == count):
                        part_loss, part_right = self._part(some, wanted, labels, whole)
                    loss, right = loss + part_loss * len(labels), right + part_right
                return loss, right, own
            except Exception as error:
                if not out_of_memory(error):
                    raise
                self.forget()
                if not self.config.fit_memory or count >= whole // self.fewest or self.ranks.count > 1:
                    raise OutOfMemory.on(whole, self.parts, self.preprocess.image, self.machine.device) from None
                self.parts *= 2
                give_back()

    def parts_of(self, pictures: int) -> int:
        """How many parts a step of `pictures` is computed in."""
        return max(1, min(self.parts, pictures // self.fewest))

    def _part(self, x: Tensor, y: Tensor, labels: Tensor, whole: int) -> tuple[float, int]:
        """Add the gradients of some pictures of a step of `whole`; their mean loss and right answers."""
        counted = len(labels)
        if not counted:
            if self.ranks.count == 1:
                return 0.0, 0
            x, y = x.new_zeros(1, *x.shape[1:]), y.new_zeros(1, *y.shape[1:])  # the others wait: compute along
        device = self.machine.device
        with self.machine.autocast():
            given = self.preprocess.normalise(x.to(device), memory_format=self.machine.memory_format)
            outputs = self.shared(given)
            loss = self.task.loss(outputs, y.to(device))
        value = loss.item()
        if (share := counted * self.ranks.count / whole) != 1:  # of several processes the mean is taken
            loss = loss * share
        if math.isfinite(value) or self.ranks.count > 1:
            loss.backward()
        return (value, int((outputs.detach().argmax(1) == labels.to(device)).sum())) if counted else (0.0, 0)

    def _shorten_gradient(self) -> float:
        """Scale the whole gradient down to the length `clip` where it is longer; gives the length it had."""
        gradients = self.ranks.own([p.grad for p in self.parameters if p.grad is not None])
        if not gradients:
            return 0.0
        length = self.ranks.length(float(torch.stack(torch._foreach_norm(gradients)).norm()))
        if self.config.clip and length > self.config.clip and math.isfinite(length):
            torch._foreach_mul_(gradients, self.config.clip / length)
        return length

    def _check(self, value: float, what: str, batch: Batch, sound: bool = False) -> None:
        """Stop, with the weights as they were before this step, where `value` is no number.

        `sound`: whether it is not this process's pictures that it comes from.
        """
        if math.isfinite(value):
            return
        self.forget()
        own = [] if sound else batch.index.tolist()
        told = (json.loads(text) for text in self.ranks.gathered(json.dumps([len(own), own[:TOLD]])))
        counts, positions = zip(*told, strict=True)
        names = [self.loader.part.name(i) for some in positions for i in some][:TOLD]
        more = f" and {sum(counts) - TOLD} more" if sum(counts) > TOLD else ""
        raise Diverged(
            f"step {self.step + 1}: {what} is {value}; the weights were not changed by it. "
            f"Try a lower --rate than {highest(self.config):g}. The pictures were {', '.join(names)}{more}."
        )

    def forget(self) -> None:
        """Undo what a step has changed so far: gradients, and what norms have counted."""
        for parameter in self.parameters:
            parameter.grad = None
        self.buffers.forget()

    def rate_at(self, step: int) -> float:
        """The learning rate of `step` (0 first)."""
        return rate_of(step, self.steps, highest(self.config), self.config.schedule, self.config.warm_up)

    def finite(self) -> bool:
        """Whether every weight is a number."""
        return bool(torch.stack(torch._foreach_norm(self.ranks.own(self.parameters))).isfinite().all())

    def plan(self, steps: int) -> None:
        """Take no more than `steps` steps in all; the rate's schedule ends with them."""
        self.planned = steps
        self.steps = min(self.steps, steps)

    def state(self) -> dict[str, Any]:
        """All that decides the steps to come."""
        return {
            "step": self.step,
            "planned": self.planned,
            "seconds": self.seconds,
            "parts": self.parts,
            "totals": [self.totals.loss, self.totals.right, self.totals.pictures],
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state() if self.average is not None else {},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on as if `state` had been reached without a stop."""
        cut_like, optimizer = self.ranks.cut_like, state["optimizer"]
        self.net.load_state_dict(cut_like(state["net"], self.net.state_dict()))
        moments = cut_like(optimizer["state"], dict(enumerate(self.parameters)))
        self.optimizer.load_state_dict({**optimizer, "state": moments})
        if self.average is not None:
            self.average.restore(cut_like(state["average"], dict(self.net.named_parameters())))
        self.step = state["step"]
        if state["planned"] is not None:
            self.plan(state["planned"])
        self.seconds, self.parts = state["seconds"], state["parts"]
        self.totals = Totals(*state["totals"])
        self.buffers.remember()
