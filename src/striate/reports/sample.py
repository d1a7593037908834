"""The one picture that is followed through the network, and the network's answer to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from striate.reports.pictures import Picture, photograph
from striate.reports.record import Record
from striate.reports.words import percent

ALL = 10  # classes up to which every one has a bar, in their own order
BEST = 8  # bars of the likeliest classes otherwise


@dataclass(frozen=True)
class Bar:
    """How likely the network finds a class, as words and in percent; `best`: it is the answer."""

    name: str
    words: str
    full: float
    best: bool


@dataclass(frozen=True)
class Sample:
    """A picture with its label and the answer. `place`: which of the samples it is."""

    place: int
    picture: Picture
    truth: str
    answer: str
    bars: tuple[Bar, ...]


def sample(net: nn.Module, ready: Tensor, record: Record) -> Sample:
    """The middle one of the kept pictures that `net` answers right, or the first. `ready`: all, as `net` takes them."""
    assert record.samples is not None
    names, labels = record.classes, record.sample_labels
    shares = _answers(net, ready).float().softmax(1).cpu()
    right = (shares.argmax(1) == labels).nonzero()[:, 0].tolist() if labels is not None else []
    place = right[len(right) // 2] if right else 0
    truth, best = (names[int(labels[place])] if labels is not None else ""), int(shares[place].argmax())
    order = range(len(names)) if len(names) <= ALL else shares[place].argsort(descending=True)[:BEST].tolist()
    return Sample(
        place=place,
        picture=photograph(record.samples[place], f"The picture: {truth or names[best]}"),
        truth=truth,
        answer=names[best],
        bars=tuple(_bar(names[k], float(shares[place, k]), k == best) for k in order),
    )


def _bar(name: str, share: float, best: bool) -> Bar:
    return Bar(name, percent(share, 1 if share >= 0.0005 else 0), round(100 * share, 1), best)


def _answers(net: nn.Module, ready: Tensor) -> Tensor:
    """Scores as in use; the network is left in the mode it was in."""
    training = {layer: layer.training for layer in net.modules()}
    try:
        with torch.no_grad():
            scores: Tensor = net.eval()(ready)
            return scores
    finally:
        for layer, flag in training.items():
            layer.training = flag
