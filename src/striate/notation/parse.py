"""The lectures' notation read: text to tree, or one `NotationError` that points at the mistake.

rows   = row { "-" row }                    also – — → -> and, outside concat, a comma
row    = ( word | "(" rows ")" | "[" rows "]" | call ) { times }
times  = ( "*" | "×" | "x" ) ( number | letter ) | "?"
call   = "res(" rows [ ";" rows ] ")" | "concat(" rows { "," rows } ")"
word   = name { number | key number | switch }
number = 64 | 0.5 | 5x3 (each axis) | 1+2 (before and after)
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import NoReturn

from striate.errors import NotationError
from striate.notation.arguments import KEYS, SWITCHES
from striate.notation.tree import Argument, Call, Group, Node, Repeat, Span, Text, Word

MOST_CHARACTERS = 100_000
MOST_ROWS = 10_000
MOST_BRACKETS = 50  # one inside the other

SPACE = re.compile(r"\s*")
SIGN = re.compile(r"->|=>|[-–—−→]")
TIMES = re.compile(r"(?:\*|×|[xX](?=\s*(?:\d|[A-Za-z](?![A-Za-z0-9]))))\s*")
COUNT = re.compile(r"\d+|[A-Za-z](?![A-Za-z0-9])")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:\+\d+)?(?:[xX×]\d+(?:\+\d+)?)*")
KEYED = re.compile(rf"([A-Za-z_]+)\s*=?\s*({NUMBER.pattern})")
NEGATIVE = re.compile(r"[-−]\d+(?:\.\d+)?(?![A-Za-z_])")
SWITCH = re.compile(r"[A-Za-z_]+\^?")
CLOSING = {"(": ")", "[": "]"}


def parse(
    text: str, words: Mapping[str, str], calls: Mapping[str, str], letters: Mapping[str, int] | None = None
) -> Text:
    """The tree of `text`.

    `words`: every spelling of a layer and the name it stands for; `calls`: name and separator of those with brackets.
    """
    if len(text) > MOST_CHARACTERS:
        problem = f"The notation has {len(text):,} characters; {MOST_CHARACTERS:,} are the most."
        raise NotationError(problem, text, (MOST_CHARACTERS, len(text)))
    reader = Reader(text, words, calls)
    rows = reader.rows("")
    if reader.peek():
        reader.fail_at_closing()
    tree = Text(text, rows, {letter.lower(): number for letter, number in (letters or {}).items()})
    if (size := tree.size(rows)) > MOST_ROWS:
        raise NotationError(f"That makes {size:,} rows; {MOST_ROWS:,} are the most.", text, longest_repeat(tree, rows))
    return tree


def longest_repeat(tree: Text, rows: tuple[Node, ...]) -> Span:
    """The number that makes the most rows."""
    repeats = [node for node in rows if isinstance(node, Repeat)]
    if not repeats:
        inner = max(rows, key=lambda node: tree.size((node,)))
        parts = inner.parts if isinstance(inner, Call) else (inner.rows,) if isinstance(inner, Group) else ()
        return longest_repeat(tree, max(parts, key=tree.size)) if parts else inner.span
    return max(repeats, key=lambda node: tree.size((node,))).number


class Reader:
    """One pass over the text, from left to right."""

    def __init__(self, text: str, words: Mapping[str, str], calls: Mapping[str, str]):
        self.text, self.words, self.calls = text, words, calls
        self.at, self.depth = 0, 0

    def peek(self) -> str:
        """The next character that is not space, "" at the end."""
        self.at = SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
        return self.text[self.at : self.at + 1]

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What `pattern` finds here; the place moves behind it."""
        self.peek()
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def fail(self, problem: str, span: Span, *edits: tuple[str, str]) -> NoReturn:
        raise NotationError(problem, self.text, span, edits)

    def without(self, start: int, end: int, instead: str = "") -> str:
        """The text with something else in one place."""
        return self.text[:start] + instead + self.text[end:]

    def rows(self, separator: str) -> tuple[Node, ...]:
        """Rows up to a closing bracket, the end, or `separator`, which divides the parts of a call."""
        found: list[Node] = []
        while True:
            start = self.at
            sign = self.peek()
            if sign == "" or sign in ")];," or SIGN.match(self.text, self.at):
                self.fail_empty(start, found)
            found.append(self.row())
            if self.peek() == "," and separator != ",":
                self.at += 1
            elif not self.take(SIGN):
                break
        if self.peek() not in ("", ")", "]", separator):
            self.fail_between()
        return tuple(found)

    def row(self) -> Node:
        start, sign = self.at, self.text[self.at]
        node: Node = self.group(sign) if sign in CLOSING else self.word()
        while True:
            if found := self.take(TIMES):
                node = self.repeat(node, start, found.end())
            elif self.peek() == "?":
                self.at += 1
                if not isinstance(node, Word):
                    self.fail("Only a word may be optional: write the ? behind one.", (self.at - 1, self.at))
                node = Repeat(node, node.name, (start, self.at), (self.at - 1, self.at), optional=True)
            else:
                return node

    def repeat(self, node: Node, start: int, sign_end: int) -> Repeat:
        number = self.take(COUNT)
        if not number:
            minus = NEGATIVE.match(self.text, self.at)
            end = minus.end() if minus else sign_end
            self.fail("A repeat needs a number or a letter: *2, or *N.", (sign_end - 1, end))
        if number[0].isdigit() and len(number[0]) > 9:
            self.fail(f"{number[0]} repeats are too many; {MOST_ROWS:,} rows are the most.", number.span())
        return Repeat(node, int(number[0]) if number[0].isdigit() else number[0], (start, self.at), number.span())

    def group(self, sign: str) -> Group:
        start = self.at
        self.enter(start)
        rows = self.rows("")
        self.close(sign, start)
        return Group(rows, (start, self.at))

    def enter(self, start: int) -> None:
        self.at += 1
        self.depth += 1
        if self.depth > MOST_BRACKETS:
            self.fail(f"More than {MOST_BRACKETS} brackets stand one inside the other.", (start, start + 1))

    def close(self, sign: str, start: int) -> None:
        wants = CLOSING[sign]
        if self.peek() != wants:
            span = (start, start + 1)
            if self.peek() == "":
                added = (f"Add {wants} at the end", self.text.rstrip() + wants)
                self.fail(f"The {sign} at character {start + 1} is never closed.", span, added)
            there = self.peek()
            fix = (f"Write {wants} for {there}", self.without(self.at, self.at + 1, wants))
            problem = f"The {sign} at character {start + 1} is closed by {there}; it needs {wants}."
            self.fail(problem, (self.at, self.at + 1), fix)
        self.at += 1
        self.depth -= 1

    def word(self) -> Word | Call:
        found = self.take(NAME)
        if not found:
            self.fail_at_sign()
        name, end = found[0].lower(), found.end()
        if name not in self.words:
            letters = re.match(r"[a-z_]+", name)
            if letters and letters[0] in self.words and name[letters.end() :].isdigit():
                name, end = letters[0], found.start() + letters.end()
            else:
                self.fail_unknown(found)
        self.at, head = end, (found.start(), end)
        name = self.words[name]
        if name in self.calls:
            return self.call(name, head)
        if self.peek() == "(":
            self.fail_brackets(name, head)
        arguments = []
        while argument := self.argument():
            arguments.append(argument)
        last = arguments[-1].span[1] if arguments else head[1]
        self.at = last
        return Word(name, tuple(arguments), (head[0], last), head)

    def call(self, name: str, head: Span) -> Call:
        if self.peek() != "(":
            example = "res(conv-relu-conv)" if name == "res" else f"{name}(conv 64 1, conv 64 3)"
            self.fail(f"{name} needs its rows in brackets: {example}.", head)
        start = self.at
        self.enter(start)
        parts = [self.rows(self.calls[name])]
        while self.peek() == self.calls[name]:
            self.at += 1
            parts.append(self.rows(self.calls[name]))
        self.close("(", start)
        if name == "res" and len(parts) > 2:
            self.fail("res has two parts at most: the body; the way around it.", (head[0], self.at))
        return Call(name, tuple(parts), (head[0], self.at), head)

    def argument(self) -> Argument | None:
        """The next size or switch; None where the word ends."""
        sign = self.peek()
        minus = NEGATIVE.match(self.text, self.at)
        if minus and self.text[self.at - 1].isspace() | self.text[self.at - 1].isalpha():
            self.fail(f"{minus[0]} is below zero: no size is.", minus.span())
        if sign == "" or sign in "()[],;?" or TIMES.match(self.text, self.at) or SIGN.match(self.text, self.at):
            return None
        next_word = re.compile(r"[A-Za-z]+").match(self.text, self.at)
        if next_word and next_word[0].lower() in self.words and next_word[0].lower() not in (*KEYS, *SWITCHES):
            self.fail_missing()
        if found := self.take(NUMBER):
            return Argument("", found[0].lower().replace("×", "x"), found.span())
        if found := self.take(KEYED):
            return Argument(found[1].lower(), found[2].lower().replace("×", "x"), found.span())
        found = self.take(SWITCH)
        return Argument(found[0].lower(), "", found.span()) if found else self.fail_at_sign()

    def fail_unknown(self, found: re.Match[str]) -> NoReturn:
        near = difflib.get_close_matches(found[0].lower(), self.words, 2, 0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else " conv, pool, relu, fc and others are known."
        edits = [(f"Write {word}", self.without(*found.span(), word)) for word in near]
        self.fail(f"There is no layer called '{found[0]}'.{hint}", found.span(), *edits)

    def fail_brackets(self, name: str, head: Span) -> NoReturn:
        inside = re.compile(r"\(([\d\s,x.]*)\)").match(self.text, self.at)
        problem = f"{name} takes its sizes without brackets: {name} 64 3."
        if not inside:
            self.fail(problem, (head[0], self.at + 1))
        sizes = " ".join(re.split(r"[\s,]+", inside[1].strip()))
        plain = f"{name} {sizes}".strip()
        self.fail(problem, (head[0], inside.end()), (f"Write {plain}", self.without(head[0], inside.end(), plain)))

    def fail_empty(self, start: int, found: list[Node]) -> NoReturn:
        """Nothing stands where a row should."""
        sign, at = self.peek(), self.at
        if not self.text.strip():
            self.fail("The notation is empty: write a network, such as conv-relu-pool-fc.", (0, 0))
        if sign in ("", ")", "]", ";", ",") and found:
            left = self.text[:start].rstrip()
            problem, end = f"Nothing follows the {left[-1]}.", len(left)
            self.fail(problem, (end - 1, end), ("Leave it out", self.text[: end - 1].rstrip() + self.text[at:]))
        if sign in ")]" and self.depth == 0:
            self.fail_at_closing()
        if sign in ("", ")", "]", ";", ","):
            place = len(self.text[:at].rstrip())
            problem = "Nothing stands here. A row that changes nothing is written id."
            self.fail(problem, (max(0, place - 1), max(1, place)), ("Write id", self.without(place, place, "id")))
        end = SIGN.match(self.text, at).end()  # type: ignore[union-attr]
        self.fail(f"Nothing stands before the {self.text[at:end]}.", (at, end), ("Leave it out", self.without(at, end)))

    def fail_between(self) -> NoReturn:
        """Two rows without a sign between them, or a sign that has no meaning there."""
        if NAME.match(self.text, self.at) or self.text[self.at] in CLOSING:
            self.fail_missing()
        self.fail_at_sign()

    def fail_missing(self) -> NoReturn:
        start = len(self.text[: self.at].rstrip())
        fix = ("Put a - between them", self.without(start, self.at, "-"))
        self.fail("A - is missing between two rows.", (self.at, self.at + 1), fix)

    def fail_at_sign(self) -> NoReturn:
        self.peek()
        at, end = self.at, self.at + 1
        if number := NUMBER.match(self.text, at):
            self.fail(f"{number[0]} is not a layer. A size stands behind one, after a space: conv 64 3.", number.span())
        problem = f"'{self.text[at:end]}' has no meaning here."
        instead = ("Write - instead", self.without(at, end, "-")) if self.text[at] in ";:|/>&+~" else None
        self.fail(problem, (at, end), instead or ("Leave it out", self.without(at, end)))

    def fail_at_closing(self) -> NoReturn:
        sign, at = self.peek(), self.at
        if sign in ")]":
            problem = f"The {sign} at character {at + 1} closes nothing."
            self.fail(problem, (at, at + 1), ("Leave it out", self.without(at, at + 1)))
        self.fail_at_sign()
