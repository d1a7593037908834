"""Answers as one page: the pictures by the label they got, with its probability. It needs no other file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from striate.data.files import shown
from striate.model import Prediction
from striate.reports.environment import colours, environment, require_page, write_page
from striate.reports.pictures import Picture
from striate.reports.thumbnails import thumbnail
from striate.reports.words import count, percent

EACH = 12  # pictures of a label at either end: the surest, and the least sure
MOST = 600  # pictures in all; one takes about 10 kB of the page
MOST_LABELS = 200
MOST_LINES = 200  # files that are listed without a picture


@dataclass
class Label:
    """All answers with one label, of which the ends are kept: those of highest and of lowest probability."""

    name: str
    total: int = 0
    kept: list[tuple[float, str]] = field(default_factory=list)  # (-probability, file)

    def add(self, file: str, probability: float) -> None:
        self.total += 1
        self.kept.append((-probability, file))
        if len(self.kept) > 8 * EACH:
            self.trim()

    def trim(self) -> None:
        self.kept.sort()
        if len(self.kept) > 2 * EACH:
            self.kept = self.kept[:EACH] + self.kept[-EACH:]


@dataclass(frozen=True)
class Shown:
    """A picture with its probability; `picture` is None where it can no longer be read."""

    picture: Picture | None
    file: str
    probability: str


@dataclass(frozen=True)
class Group:
    """The pictures of a label: all of them, or the `sure` and the `unsure` ends."""

    name: str
    total: int
    sure: tuple[Shown, ...]
    unsure: tuple[Shown, ...]


class Gallery:
    """Takes answers one by one within a `with`, and then writes the page to `path`. Raises `ConfigError`."""

    def __init__(self, path: Path, network: str):
        require_page(path, "--gallery")
        self.path, self.network = path, network
        self.labels: dict[str, Label] = {}
        self.unreadable: list[tuple[str, str]] = []
        self.bad = 0

    def __enter__(self) -> Gallery:
        return self

    def add(self, answer: Prediction) -> None:
        """One more picture with an answer."""
        self.labels.setdefault(answer.label, Label(answer.label)).add(answer.file, answer.probability)

    def refuse(self, file: str, reason: str) -> None:
        """One more that cannot be read."""
        self.bad += 1
        if self.bad <= MOST_LINES:
            self.unreadable.append((shown(file), reason))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            write_page(self.path, self.render(), "--gallery")

    def render(self) -> str:
        """The page as text."""
        labels = sorted(self.labels.values(), key=lambda each: (-each.total, each.name))
        most = labels[0].total if labels else 0
        total = sum(each.total for each in labels)
        groups = self._groups(labels)
        drawn = sum(len(each.sure) + len(each.unsure) for each in groups)
        return (
            environment()
            .get_template("answers.html")
            .render(
                colours=colours(),
                network=self.network,
                sums=self._sums(total, labels),
                tally=[(each.name, each.total, 100 * each.total / most) for each in labels[:MOST_LABELS]],
                more_labels=max(0, len(labels) - MOST_LABELS),
                groups=groups,
                total=total,
                drawn=drawn,
                each=2 * EACH,
                most=MOST,
                unreadable=self.unreadable,
                bad=self.bad,
            )
        )

    def _groups(self, labels: list[Label]) -> list[Group]:
        """The labels with pictures, the most frequent first, until there are enough."""
        groups: list[Group] = []
        room = MOST
        for label in labels:
            label.trim()
            if len(label.kept) > room:
                break
            pictures = [self._shown(*each) for each in label.kept]
            room -= len(pictures)
            apart = EACH if label.total > 2 * EACH else len(pictures)
            groups.append(Group(label.name, label.total, tuple(pictures[:apart]), tuple(reversed(pictures[apart:]))))
        return groups

    def _shown(self, probability: float, file: str) -> Shown:
        return Shown(thumbnail(file), shown(file), percent(-probability))

    def _sums(self, total: int, labels: list[Label]) -> list[tuple[str, str]]:
        told = [(count(total), "pictures answered"), (count(len(labels)), "labels given")]
        return told + ([(count(self.bad), "could not be read")] if self.bad else [])
