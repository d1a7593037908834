"""What a training tells while it goes: plain values; the command line, a notebook or a page draws them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Something that happened; `as_json` is its line in the log."""

    event: ClassVar[str] = "event"

    def as_json(self) -> dict[str, Any]:
        return {"event": self.event, **asdict(self)}


@dataclass(frozen=True)
class Started(Event):
    """The training is about to take its first step."""

    event: ClassVar[str] = "started"
    network: str
    data: str
    parameters: int
    examples: int
    epochs: int
    steps: int
    device: str
    precision: str
    threads: int


@dataclass(frozen=True)
class Step(Event):
    """Means over the steps since the last such event. `rate` is that of the last step; `seconds` since the start."""

    event: ClassVar[str] = "step"
    step: int
    epoch: int
    loss: float
    accuracy: float
    rate: float
    seconds: float


@dataclass(frozen=True)
class Epoch(Event):
    """An epoch is over. `seconds` of training since the start, evaluation apart; test values may be None."""

    event: ClassVar[str] = "epoch"
    epoch: int
    loss: float
    accuracy: float
    test_loss: float | None
    test_accuracy: float | None
    seconds: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


@dataclass(frozen=True)
class Regime(Event):
    """The training starts from weights; `learns` says which layers change, of how many parameters."""

    event: ClassVar[str] = "regime"
    regime: str
    reason: str
    learns: str
    parameters: int
    weights: dict[str, Any]


@dataclass(frozen=True)
class Fitted(Event):
    """A classifier was fitted to features. `accuracy`: in cross-validation; `seconds`: of features and fit."""

    event: ClassVar[str] = "fitted"
    pictures: int
    features: int
    accuracy: float
    strength: float
    temperature: float
    seconds: float


@dataclass(frozen=True)
class Tried(Event):
    """A regime was tried, and judged on `examples` pictures that were kept apart."""

    event: ClassVar[str] = "tried"
    regime: str
    accuracy: float
    loss: float
    examples: int
    seconds: float


@dataclass(frozen=True)
class Unreadable(Event):
    """A picture that cannot be read is left out."""

    event: ClassVar[str] = "unreadable"
    file: str
    reason: str


@dataclass(frozen=True)
class Warned(Event):
    """Something a person should know; the training goes on."""

    event: ClassVar[str] = "warning"
    text: str


@dataclass(frozen=True)
class Timed(Event):
    """Ways to compute were measured: pictures a second by "precision layout threads"."""

    event: ClassVar[str] = "timed"
    speeds: dict[str, float]


@dataclass(frozen=True)
class Resumed(Event):
    """The training goes on after `step` steps; `refused` names checkpoints that could not be trusted, and why."""

    event: ClassVar[str] = "resumed"
    step: int
    steps: int
    epochs: int
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Saved(Event):
    """A checkpoint was written after `step` steps."""

    event: ClassVar[str] = "saved"
    step: int
    file: str


@dataclass(frozen=True)
class Done(Event):
    """The training ended: complete, or stopped after the step it was in; `why` says what stopped it."""

    event: ClassVar[str] = "done"
    steps: int
    seconds: float
    accuracy: float | None
    stopped: bool = False
    why: str = ""
