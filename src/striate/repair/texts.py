"""A notation under repair: every change is a change of its text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from striate.errors import NotationError, ShapeError
from striate.misfit import times
from striate.notation.arguments import KEYS, SPELLED
from striate.notation.reading import Reading, read
from striate.notation.tree import Argument, Call, Group, Node, Repeat, Span, Word, nodes
from striate.notation.words import WORDS
from striate.repair.changes import Above, Around, Below, Change, Edit, Image, Instead, Piece, Set, Shape, Text, change
from striate.repair.mistake import Mistake
from striate.repair.proposals import proposals
from striate.repair.row_lists import RowDraft

NEXT_FEWER = 4  # numbers of repeats that are tried


class NoWords(Exception):
    """The change cannot be said in the notation, or not here."""


@dataclass(frozen=True)
class TextDraft:
    """A notation, the pictures and classes for it, and the numbers of its letters."""

    text: str
    image: Shape
    classes: int
    letters: Mapping[str, int] = field(default_factory=dict)

    def reading(self) -> Reading:
        return read(self.text, self.image, self.classes, letters=self.letters)

    def mistake(self) -> Mistake | None:
        try:
            reading = self.reading()
        except NotationError as error:
            return Mistake(error, (), error.problem, None, left=float("inf"), span=error.span)
        found = RowDraft(reading.rows, self.image).mistake()
        if found is None:
            return None
        word = reading.word(found.path)
        return replace(found, span=word.span if word else None)

    def changed(self, change: Change) -> TextDraft | None:
        draft = self
        for edit in change.edits:
            try:
                draft = replace(draft, image=edit.shape) if isinstance(edit, Image) else draft.edited(edit)
            except (NoWords, NotationError, ShapeError):
                return None
        return None if draft == self else draft

    def edited(self, edit: Edit) -> TextDraft:
        if isinstance(edit, Text):
            return replace(self, text=edit.text)
        return replace(self, text=Editor(self.text, self.reading()).edited(edit))

    def changes(self, mistake: Mistake) -> Iterator[Change]:
        if isinstance(mistake.error, NotationError):
            return (change(f"text {said}", said, Text(text)) for said, text in mistake.error.edits)
        reading = self.reading()
        return chain(self.fewer(reading, mistake), (self.named(reading, one) for one in proposals(mistake, self.image)))

    def named(self, reading: Reading, change: Change) -> Change:
        """A change that leaves a word out, said with the word as it is written."""
        edit = change.edits[0] if len(change.edits) == 1 else None
        word = reading.word(edit.path) if isinstance(edit, Instead) and not edit.pieces else None
        return change if word is None else replace(change, said=f"Leave {self.text[slice(*word.span)]} out")

    def fewer(self, reading: Reading, mistake: Mistake) -> Iterator[Change]:
        """Fewer repeats, of the innermost around the mistake first, then of those before it."""
        span = mistake.span or (0, 0)
        repeats = [node for node in nodes(reading.tree.rows) if isinstance(node, Repeat) and not node.optional]
        before = [node for node in repeats if node.span[0] <= span[0]]
        around = [node for node in before if span[1] <= node.span[1]]
        for repeat in sorted(before, key=lambda node: (node not in around, -node.span[0])):
            now, letter = (
                reading.tree.times(repeat),
                "" if isinstance(repeat.times, int) else f"{repeat.times.upper()} = ",
            )
            most = came_through(reading, mistake, repeat) if repeat in around else now - 1
            for fewer in range(min(most, now - 1), max(0, most - NEXT_FEWER), -1):
                text = f"{self.text[: repeat.number[0]]}{fewer}{self.text[repeat.number[1] :]}"
                said = f"Repeat {fewer} times, not {letter}{now}" if fewer > 1 else "Do not repeat"
                yield change(f"repeat {repeat.span[0]}", said, Text(text))

    def told(self) -> dict[str, Any]:
        return {"notation": self.text}


@dataclass(frozen=True)
class Editor:
    """Changes of a text, with what it means at hand."""

    text: str
    reading: Reading

    def edited(self, edit: Edit) -> str:
        """The text after one edit."""
        if isinstance(edit, Below) and (call := self.part_of(edit)):
            return self.put(call, call, f"-{words_of(edit.pieces)}")
        word = self.reading.word(edit.path) if not isinstance(edit, (Text, Image)) else None
        if word is None:
            raise NoWords
        if isinstance(edit, Set) and isinstance(word, Word):
            return self.with_sizes(word, edit.sizes)
        if isinstance(edit, (Above, Below)):
            said, own = words_of(edit.pieces), self.text[slice(*word.span)]
            both = f"{said}-{own}" if isinstance(edit, Above) else f"{own}-{said}"
            return self.instead(word.span, f"({both})" if self.repeated(word) else both)
        if isinstance(edit, Instead):
            return self.instead(word.span, words_of(edit.pieces)) if edit.pieces else self.without(word)
        if isinstance(edit, Around) and isinstance(word, Call):
            return self.way_around(word, edit.pieces)
        raise NoWords

    def instead(self, span: Span, said: str) -> str:
        return self.text[: span[0]] + said + self.text[span[1] :]

    def put(self, start: int, end: int, said: str) -> str:
        return self.text[:start] + said + self.text[end:]

    def repeated(self, word: Word | Call) -> bool:
        """Whether the word itself is repeated, without brackets."""
        return any(isinstance(node, Repeat) and node.node is word for node in nodes(self.reading.tree.rows))

    def part_of(self, edit: Below) -> int | None:
        """Where the branch ends that an edit is below; None where it is below a word."""
        call = self.reading.words.get(edit.path[:-1])
        if not isinstance(call, Call) or call.name != "concat" or not edit.path[-1].startswith("branch"):
            return None
        return call.parts[int(edit.path[-1].removeprefix("branch")) - 1][-1].span[1]

    def way_around(self, call: Call, pieces: tuple[Piece, ...]) -> str:
        """The second part of a res(...) written anew, or the res taken away."""
        body = self.text[call.parts[0][0].span[0] : call.parts[0][-1].span[1]]
        if not pieces:
            return self.instead(call.span, f"({body})" if self.repeated(call) else body)
        return self.instead(call.span, f"{self.text[slice(*call.head)]}({body}; {words_of(pieces)})")

    def without(self, word: Word | Call) -> str:
        """The text without a word, the repeats of it and a sign beside it; id where nothing else is left."""
        rows, at = self.place(word)
        if len(rows) == 1:
            return self.instead(rows[0].span, "id")
        if at:
            return self.put(rows[at - 1].span[1], rows[at].span[1], "")
        return self.put(rows[0].span[0], rows[1].span[0], "")

    def place(self, word: Word | Call) -> tuple[tuple[Node, ...], int]:
        """The rows that a word stands among, and its place there."""
        for rows in sequences(self.reading.tree.rows):
            for at, node in enumerate(rows):
                while isinstance(node, Repeat):
                    node = node.node
                if node is word:
                    return rows, at
        raise NoWords

    def with_sizes(self, word: Word, sizes: Mapping[str, Any]) -> str:
        """A word with some of its sizes written otherwise, or added."""
        if word.name not in WORDS:
            raise NoWords
        vocable = WORDS[word.name]
        written = placed(word)
        removed: set[Argument] = set()
        added: list[str] = []
        replaced: dict[Argument, str] = {}
        for size, number in sizes.items():
            same = isinstance(number, str)
            if size not in (*vocable.bare, *vocable.keyed) or (same and number not in vocable.keyed):
                raise NoWords
            said = number if same else str(number) if isinstance(number, int) else times(number)
            if size == "padding":
                removed |= {written[name] for name in ("same", "same^") if name in written}
            if size not in written:
                bare = size in vocable.bare and not any(
                    name in written for name in vocable.bare[vocable.bare.index(size) :]
                )
                bare = bare and all(name in written for name in vocable.bare[: vocable.bare.index(size)])
                key = "" if same or bare else SPELLED.get(size)
                if key is None:
                    raise NoWords
                added.insert(0 if bare else len(added), f"{key}{said}")
            elif same:
                removed.add(written[size])
                added.append(said)
            else:
                key = "" if not written[size].key else SPELLED.get(size, "")
                replaced[written[size]] = f"{key}{said}"
        return self.instead(word.span, self.rewritten(word, replaced, removed, added))

    def rewritten(self, word: Word, replaced: Mapping[Argument, str], removed: set[Argument], added: list[str]) -> str:
        """A word with its arguments as they stand, but for some."""
        said = [self.text[slice(*word.head)]]
        bare = [text for text in added if text[:1].isdigit()]
        for argument in word.arguments:
            if argument in removed:
                continue
            if argument.key and bare:
                said.append(bare.pop())
            said.append(replaced.get(argument, self.text[slice(*argument.span)]))
        return " ".join([*said, *bare, *(text for text in added if not text[:1].isdigit())])


def came_through(reading: Reading, mistake: Mistake, repeat: Repeat) -> int:
    """How often a repeat was gone through before the mistake in it."""
    path = mistake.path
    while path and path not in reading.words:
        path = path[:-1]
    word, stem = reading.words[path], path[-1].rstrip("0123456789")
    same = [p for p, own in reading.words.items() if own is word and p[-1].rstrip("0123456789") == stem]
    each = occurrences(reading, repeat.node, word)
    return same.index(path) // each % max(1, reading.tree.times(repeat))


def occurrences(reading: Reading, node: Node, word: Word | Call) -> int:
    """How often a word is said in a node."""
    if isinstance(node, Repeat):
        return reading.tree.times(node) * occurrences(reading, node.node, word)
    inner = (
        node.rows if isinstance(node, Group) else () if isinstance(node, Word) else [n for p in node.parts for n in p]
    )
    return (node is word) + sum(occurrences(reading, one, word) for one in inner)


def placed(word: Word) -> dict[str, Argument]:
    """The arguments of a word by the size that each of them is."""
    left = list(WORDS[word.name].bare)
    written: dict[str, Argument] = {}
    for argument in word.arguments:
        name = KEYS.get(argument.key, argument.key) if argument.key else left[0]
        if name in left:
            left.remove(name)
        written[name] = argument
    return written


def words_of(pieces: tuple[Piece, ...]) -> str:
    """The notation of pieces."""
    if any(piece.words is None for piece in pieces):
        raise NoWords
    return "-".join(piece.words or "" for piece in pieces)


def sequences(rows: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """Every list of rows that stand one after the other, outer ones first."""
    yield rows
    for node in rows:
        while isinstance(node, Repeat):
            node = node.node
        if isinstance(node, Group):
            yield from sequences(node.rows)
        elif isinstance(node, Call):
            for part in node.parts:
                yield from sequences(part)
