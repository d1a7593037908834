"""The confusion matrix, the pairs most often mixed up, and the numbers of every class, ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

import torch
from torch import Tensor

from striate.metrics.confusion import Mixed, confusion_matrix, most_confused
from striate.metrics.per_class import class_scores
from striate.reports.pictures import Picture, shrunk, signed
from striate.reports.record import Answers
from striate.reports.words import count, percent, short

WRITTEN = 20  # classes up to which every cell has its number
ORDERS = ("found", "trusted", "f1", "pictures", "name")  # by which the classes can be sorted; the first is theirs
SQUARES = 250  # squares along one side of a heat map


@dataclass(frozen=True)
class Cell:
    """`full`: how much of its colour, in percent; `right`: on the diagonal; `words`: for a pointer and for ears."""

    text: str
    full: int
    right: bool
    words: str


@dataclass(frozen=True)
class ClassRow:
    """One class: pictures of it, share found (recall), share of such answers that are true (precision), a mix-up.

    `f1`: the harmonic mean of both shares. `places`: where the class stands in the orders of `ORDERS`.
    """

    name: str
    pictures: str
    recall: str
    missed: float  # percent of what the class with most misses has
    precision: str
    f1: str
    mostly: str
    places: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Confusions:
    """`rows` has the cells of up to twenty classes, else `heat` has the matrix as a picture."""

    names: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    heat: Picture | None
    heat_note: str
    turned: bool  # names too long to stand upright above their column
    pairs: tuple[tuple[str, str, str, str], ...]  # truth, answer, count, share
    classes: tuple[ClassRow, ...]  # hardest first


def confusions(answers: Answers, names: tuple[str, ...]) -> Confusions:
    """All that the section on mix-ups shows."""
    matrix = confusion_matrix(answers.predicted, answers.labels, len(names))
    small = len(names) <= WRITTEN
    return Confusions(
        names=names,
        rows=_cells(matrix, names) if small else (),
        heat=None if small else _heat(matrix),
        heat_note="" if small else _heat_note(len(names)),
        turned=max(map(len, names)) > 3,
        pairs=tuple(
            (names[p.truth], names[p.answer], count(p.count), percent(p.share)) for p in most_confused(matrix, 10)
        ),
        classes=_classes(matrix, names),
    )


def _shares(matrix: Tensor) -> tuple[Tensor, float]:
    """Each row divided by its sum, and the largest share off the diagonal."""
    shares = matrix.double() / matrix.sum(1, keepdim=True).clamp(min=1)
    return shares, float(shares.clone().fill_diagonal_(0).max())


def _cells(matrix: Tensor, names: tuple[str, ...]) -> tuple[tuple[Cell, ...], ...]:
    shares, worst = _shares(matrix)
    rows = []
    for i, truth in enumerate(names):
        row = []
        for j, answer in enumerate(names):
            number, share = int(matrix[i, j]), float(shares[i, j])
            strength = share if i == j else sqrt(share / worst) * 0.85 if worst else 0.0
            words = f"{count(number)} of {truth} answered {answer}, {percent(share)}"
            full = 0 if number == 0 else max(6, round(100 * strength))
            row.append(Cell(short(number) if number else "", full, i == j, words))
        rows.append(tuple(row))
    return tuple(rows)


def _heat(matrix: Tensor) -> Picture:
    shares, worst = _shares(matrix)
    wrong = (shares / (worst or 1.0)).sqrt().fill_diagonal_(0)
    right = torch.diag(shares.diagonal())
    blue, orange = (shrunk(part.float(), SQUARES, keep_peaks=True) for part in (right, wrong))
    cells = torch.where(orange > blue, -orange, blue)
    return signed(cells, f"Confusion matrix of {len(matrix)} classes", top=1.0)


def _heat_note(classes: int) -> str:
    each = ceil(classes / SQUARES)
    return f"Each square stands for about {each} × {each} classes; the strongest is shown." if each > 1 else ""


def _classes(matrix: Tensor, names: tuple[str, ...]) -> tuple[ClassRow, ...]:
    numbers = class_scores(matrix)
    worst: dict[int, Mixed] = {}
    for pair in most_confused(matrix, most=matrix.numel()):
        worst.setdefault(pair.truth, pair)
    missed = torch.nan_to_num(1 - numbers.recall)
    most = float(missed.max()) or 1.0
    hardest = torch.nan_to_num(numbers.recall, nan=2.0).argsort(stable=True).tolist()
    orders = {
        "found": hardest,
        "trusted": torch.nan_to_num(numbers.precision, nan=2.0).argsort(stable=True).tolist(),
        "f1": torch.nan_to_num(numbers.f1, nan=2.0).argsort(stable=True).tolist(),
        "pictures": numbers.support.argsort(descending=True, stable=True).tolist(),
        "name": sorted(range(len(names)), key=lambda k: names[k].casefold()),
    }
    places = {name: {k: place for place, k in enumerate(order)} for name, order in orders.items()}
    rows = []
    for k in hardest:
        mixed = worst.get(k)
        rows.append(
            ClassRow(
                name=names[k],
                pictures=count(int(numbers.support[k])),
                recall=percent(float(numbers.recall[k])),
                missed=round(100 * float(missed[k]) / most, 1),
                precision=percent(float(numbers.precision[k])),
                f1=percent(float(numbers.f1[k])),
                mostly=f"{names[mixed.answer]} ({count(mixed.count)})" if mixed else "–",
                places=tuple((name, places[name][k]) for name in ORDERS),
            )
        )
    return tuple(rows)
