"""What a notation says, before anybody knows of shapes: words, groups and repeats, each with its place in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from striate.errors import NotationError

Span = tuple[int, int]  # (start, end) in the text, end exclusive


@dataclass(frozen=True)
class Argument:
    """One size or switch behind a word: `64`, `s2`, `same`. `key` is what stands before the number, or the switch."""

    key: str
    number: str
    span: Span


@dataclass(frozen=True)
class Word:
    """A layer: its name in the vocabulary, its arguments, the span of both and that of the name alone."""

    name: str
    arguments: tuple[Argument, ...]
    span: Span
    head: Span


@dataclass(frozen=True)
class Group:
    """Rows in brackets."""

    rows: tuple[Node, ...]
    span: Span


@dataclass(frozen=True)
class Call:
    """res(...; ...) or concat(..., ...): rows side by side. `parts`: the rows of each, in the order written."""

    name: str
    parts: tuple[tuple[Node, ...], ...]
    span: Span
    head: Span
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True)
class Repeat:
    """A node several times over. `times` is a number, or the letter (or optional word) that stands for one."""

    node: Node
    times: int | str
    span: Span
    number: Span  # of the number or letter alone
    optional: bool = False  # written `word?`: once, unless `times` is given as something else


Node = Word | Group | Call | Repeat


@dataclass(frozen=True)
class Text:
    """A notation and its tree. `letters` are the numbers that its letters stand for."""

    text: str
    rows: tuple[Node, ...]
    letters: dict[str, int] = field(default_factory=dict)

    def times(self, repeat: Repeat) -> int:
        """How often a repeat repeats; `NotationError` where nobody said."""
        if isinstance(repeat.times, int):
            return repeat.times
        number = self.letters.get(repeat.times.lower(), 1 if repeat.optional else None)
        if number is None:
            letter = repeat.times.upper()
            raise NotationError(
                f"{letter} stands for a number that is not given: say --{letter} 2, or letters={{'{letter}': 2}}.",
                self.text,
                repeat.number,
                ((f"Write 2 for {letter}", f"{self.text[: repeat.number[0]]}2{self.text[repeat.number[1] :]}"),),
            )
        if number < 0:
            problem = f"{repeat.times} is {number}: rows cannot be repeated less than 0 times."
            raise NotationError(problem, self.text, repeat.number)
        return number

    def expanded(self, rows: tuple[Node, ...]) -> Iterator[Word | Call]:
        """The words of `rows` as often as they are said."""
        for node in rows:
            if isinstance(node, Repeat):
                for _ in range(self.times(node)):
                    yield from self.expanded((node.node,))
            elif isinstance(node, Group):
                yield from self.expanded(node.rows)
            else:
                yield node

    def size(self, rows: tuple[Node, ...]) -> int:
        """How many words `expanded` gives, inner ones counted, without making them."""
        total = 0
        for node in rows:
            if isinstance(node, Repeat):
                total += self.times(node) * self.size((node.node,))
            elif isinstance(node, Group):
                total += self.size(node.rows)
            elif isinstance(node, Call):
                total += 1 + sum(self.size(part) for part in node.parts)
            else:
                total += 1
        return total


def nodes(rows: tuple[Node, ...]) -> Iterator[Node]:
    """Every node, outer ones first, in the order of the text."""
    for node in rows:
        yield node
        if isinstance(node, Repeat):
            yield from nodes((node.node,))
        elif isinstance(node, Group):
            yield from nodes(node.rows)
        elif isinstance(node, Call):
            for part in node.parts:
                yield from nodes(part)
