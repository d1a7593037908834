"""The loop: batches from memory, gradient descent, a value for everything that happens."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from striate.data.augment import flip, shift
from striate.data.preprocess import Preprocess
from striate.errors import StriateError
from striate.tasks.classify import Classify
from striate.training import randomness
from striate.training.config import TrainConfig
from striate.training.events import Event, Step
from striate.training.machine import Machine
from striate.training.schedule import one_cycle

LINES_AN_EPOCH = 20  # step events; more would cost time and tell no more


class Diverged(StriateError):
    """The loss is no longer a number."""


@dataclass
class Totals:
    """Sums over some steps, until they are told."""

    loss: float = 0.0
    right: int = 0
    pictures: int = 0

    def add(self, loss: float, right: int, pictures: int) -> None:
        self.loss += loss * pictures
        self.right += right
        self.pictures += pictures

    def means(self) -> tuple[float, float]:
        """Loss and accuracy a picture."""
        return self.loss / self.pictures, self.right / self.pictures


def batches(examples: int, size: int) -> list[slice]:
    """Slices of `size`; the rest is the last one, unless it is a single picture, which batch norm could not take.

    >>> len(batches(48_000, 100)), batches(5, 2)
    (480, [slice(0, 2, None), slice(2, 5, None)])
    """
    starts = list(range(0, examples, size))
    if len(starts) > 1 and examples - starts[-1] == 1:
        starts.pop()
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], examples], strict=True)]


def optimizer_for(net: nn.Module, config: TrainConfig) -> torch.optim.SGD:
    """Gradient descent with Nesterov momentum; weight decay on kernels and matrices, not on biases and norms."""
    weights = [p for p in net.parameters() if p.requires_grad and p.ndim > 1]
    others = [p for p in net.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(
        [g for g in groups if g["params"]],
        lr=config.rate,
        momentum=config.momentum,
        nesterov=config.momentum > 0,
        fused=True,
    )


class Loop:
    """One training of `net` on uint8 `pixels` (n, c, h, w) and `labels` (n,); `epoch` runs one."""

    def __init__(
        self,
        net: nn.Module,
        pixels: Tensor,
        labels: Tensor,
        preprocess: Preprocess,
        *,
        config: TrainConfig,
        machine: Machine,
    ):
        self.net, self.pixels, self.labels, self.preprocess = net, pixels, labels, preprocess
        self.config, self.machine = config, machine
        self.task = Classify(config.label_smoothing)
        self.optimizer = optimizer_for(net, config)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.slices = batches(len(labels), config.batch_size)
        self.steps = len(self.slices) * (config.epochs or 1)
        self.step, self.seconds = 0, 0.0

    def epoch(self, number: int, stopped: Callable[[], bool], tell: Callable[[Event], None]) -> Totals:
        """Run epoch `number` (1 first); ends early, after a whole step, when `stopped()`."""
        self.net.train()
        whole, recent = Totals(), Totals()
        every = max(1, len(self.slices) // LINES_AN_EPOCH)
        begun = time.perf_counter()
        for count, (x, y) in enumerate(self._batches(number), 1):
            loss, right = self._step(x, y)
            whole.add(loss, right, len(y))
            recent.add(loss, right, len(y))
            if count % every == 0 or stopped():
                rate = self.optimizer.param_groups[0]["lr"]
                seconds = self.seconds + time.perf_counter() - begun
                tell(Step(self.step, number, *recent.means(), rate, seconds))
                recent = Totals()
            if stopped():
                break
        self.seconds += time.perf_counter() - begun
        return whole

    def _batches(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        config, n = self.config, len(self.labels)
        order = randomness.order(n, config.seed, number)
        moves = randomness.shifts(n, config.shift, config.seed, number) if config.shift else None
        mirrored = randomness.flips(n, config.seed, number) if config.flip else None
        for part in self.slices:
            index = order[part]
            x = self.pixels.index_select(0, index)
            if moves is not None:
                x = shift(x, moves[index], most=config.shift or 0)
            if mirrored is not None:
                x = flip(x, mirrored[index])
            yield x.to(self.machine.device), self.labels[index].to(self.machine.device)

    def _step(self, x: Tensor, y: Tensor) -> tuple[float, int]:
        seed = torch.default_generator.manual_seed if self.machine.device.type == "cpu" else torch.manual_seed
        seed(randomness.number(self.config.seed, self.step, "dropout"))
        rate = one_cycle(self.step, self.steps, self.config.rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with self.machine.autocast():
            outputs = self.net(self.preprocess.normalise(x, memory_format=self.machine.memory_format))
            loss = self.task.loss(outputs, y)
        value = loss.item()
        self._check(value, "the loss")
        loss.backward()
        self._shorten_gradient()
        self.optimizer.step()
        for parameter in self.parameters:
            parameter.grad = None
        self.step += 1
        return value, int((outputs.detach().argmax(1) == y).sum())

    def _shorten_gradient(self) -> None:
        """Scale the whole gradient down to the length `clip` where it is longer."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        length = torch.stack(torch._foreach_norm(gradients)).norm().item()
        self._check(length, "the length of the gradient")
        if length > self.config.clip:
            torch._foreach_mul_(gradients, self.config.clip / length)

    def _check(self, value: float, what: str) -> None:
        if not math.isfinite(value):
            raise Diverged(
                f"step {self.step + 1}: {what} is {value}; the weights were not changed by it. "
                f"Try a lower --rate than {self.config.rate:g}."
            )
