"""Tree to rows: names, widths and borders that nobody wrote; then rows to a plain `nn.Sequential`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import nn

from striate.errors import NotationError, ShapeError
from striate.layers.branches import branches, chain
from striate.layers.skip import skip
from striate.layers.unpool import unpooled
from striate.misfit import times
from striate.notation.arguments import settings
from striate.notation.meanings import Rows, State
from striate.notation.parse import SIGN, parse
from striate.notation.tree import Call, Text, Word
from striate.notation.words import CALLS, SPELLINGS, UNPOOL, WORDS
from striate.rows import Row, Shape, stack

Path = tuple[str, ...]
MAXIMA = "pool"


@dataclass(frozen=True)
class Reading:
    """What a notation means for one image: its rows by name, and the word that each row comes from, by path."""

    tree: Text
    rows: dict[str, Row]
    words: dict[Path, Word | Call]

    def word(self, path: Path) -> Word | Call | None:
        """The word of the row at `path`, or of the nearest row around it."""
        while path and path not in self.words:
            path = path[:-1]
        return self.words.get(path)


def read(text: str, image: Shape, classes: int, *, letters: Mapping[str, int] | None = None) -> Reading:
    """The rows that `text` means for pictures of `image`; nothing is built yet."""
    if min(image, default=0) < 1:
        raise ShapeError(f"the picture is {times(image)}; each of its sides must be at least 1.", given=image)
    if classes < 1:
        raise ShapeError(f"there are {classes} classes; there must be at least 1.")
    tree = parse(text, SPELLINGS, CALLS, letters)
    writer = Writer(tree)
    state = State(axes=len(image) - 1, classes=classes, channels=image[0], flat=len(image) == 1)
    rows = writer.rows(list(tree.expanded(tree.rows)), state, (), top=True)
    return Reading(tree, rows, writer.words)


def build(text: str, image: Shape, classes: int, *, letters: Mapping[str, int] | None = None) -> nn.Sequential:
    """The network that `text` says, for pictures of `image` (channels, height, width) and `classes` outputs.

    `letters`: the numbers that letters stand for, and 0 for an optional word that is to be left out. Raises
    `NotationError` where the text cannot be read, `ShapeError` where a row cannot take its input.

    >>> net = build("[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K,SOFTMAX", (3, 32, 32), 10, letters={"N": 1, "M": 2, "K": 1})
    >>> " ".join(name for name, _ in net.named_children())
    'conv1 relu1 pool1 conv2 relu2 pool2 flatten1 fc1 relu3 softmax1'
    """
    return stack(image, **read(text, image, classes, letters=letters).rows)


def looks_like(text: str) -> bool:
    """Whether `text` is meant as a notation rather than as a name: it has its brackets or signs, or one of its words.

    >>> looks_like("conv-relu-fc"), looks_like("conv 64"), looks_like("ResNet-50"), looks_like("lenet5")
    (True, True, False, False)
    """
    if re.search(r"[\[\]()*×→,]", text):
        return True
    heads = (re.match(r"[A-Za-z]+", part.strip()) for part in SIGN.split(text))
    return any(head is not None and head[0].lower() in SPELLINGS for head in heads)


def point(error: NotationError, *, width: int = 100) -> str:
    """The line of the text with the mistake, a caret under it, and what is wrong.

    >>> try:
    ...     build("conv-rellu6-fc", (3, 8, 8), 10)
    ... except NotationError as error:
    ...     print(point(error))
    conv-rellu6-fc
         ^^^^^^
    There is no layer called 'rellu6'. Did you mean relu6 or relu?
    """
    start, end = error.span
    first = error.text.rfind("\n", 0, start) + 1
    line = error.text[first:].partition("\n")[0].replace("\t", " ")
    start -= first
    end = max(start + 1, min(end - first, len(line)))
    if len(line) > width:
        left = max(0, min(start - width // 3, len(line) - width))
        shown = f"{'…' if left else ''}{line[left : left + width]}{'…' if left + width < len(line) else ''}"
        start, end = start - left + bool(left), min(end - left, width) + bool(left)
        line = shown
    return f"{line}\n{' ' * start}{'^' * max(1, end - start)}\n{error.problem}"


class Writer:
    """Gives each word its rows and each row its name, and remembers which word a row comes from."""

    def __init__(self, tree: Text):
        self.tree = tree
        self.words: dict[Path, Word | Call] = {}

    def rows(self, words: list[Word | Call], state: State, path: Path, *, top: bool = False) -> dict[str, Row]:
        """The rows of `words`, one after the other, inside the row at `path`."""
        rows: dict[str, Row] = {}
        count: Counter[str] = Counter()
        last = max((at for at, word in enumerate(words) if word.name == "fc"), default=None) if top else None
        closes = self.pairs(words)
        at = 0
        while at < len(words):
            word, state.last = words[at], at == last
            for stem, row in self.meaning(words, at, closes.get(at), state, path, count):
                count[stem] += 1
                name = f"{stem}{count[stem]}"
                rows[name], self.words[*path, name] = row, word
            at = closes.get(at, at) + 1
        return rows

    def meaning(
        self, words: list[Word | Call], at: int, close: int | None, state: State, path: Path, count: Counter[str]
    ) -> Rows:
        word = words[at]
        if isinstance(word, Call):
            return (self.skip if word.name == "res" else self.concat)(
                word, state, (*path, f"{word.name}{count[word.name] + 1}")
            )
        if close is not None:
            return self.unpooled(words[at : close + 1], state, (*path, f"{UNPOOL}{count[UNPOOL] + 1}"))
        vocable = WORDS[word.name]
        given = settings(self.tree.text, word, vocable.bare, vocable.keyed, state.axes)
        return vocable.rows(given, state)

    def pairs(self, words: list[Word | Call]) -> dict[int, int]:
        """Places of the max-poolings that are undone, and of what undoes them, nested as brackets are."""
        opened: list[int] = []
        closes: dict[int, int] = {}
        for at, word in enumerate(words):
            if word.name == MAXIMA:
                opened.append(at)
            elif word.name == UNPOOL:
                if not opened:
                    problem = "unpool undoes a pool, but none stands before it that is not undone yet."
                    raise NotationError(problem, self.tree.text, word.span)
                closes[opened.pop()] = at
        return closes

    def unpooled(self, words: list[Word | Call], state: State, path: Path) -> Rows:
        """Max-pooling, what stands between, and unpooling: one row."""
        pool, undo = words[0], words[-1]
        settings(self.tree.text, undo, (), (), state.axes)
        given = settings(self.tree.text, pool, ("kernel",), ("kernel", "stride", "ceil"), state.axes)
        kernel, stride = given.size("kernel", 2), given.size("stride", 0) if "stride" in given else None
        inner = replace(state, width=state.channels)
        rows = self.rows(words[1:-1], inner, (*path, "0"))
        state.channels = inner.channels
        yield UNPOOL, unpooled(chain(**rows), kernel=kernel, stride=stride, ceil="ceil" in given)

    def skip(self, call: Call, state: State, path: Path) -> Rows:
        """A body and the way around it. Where that is not written, the body is as wide as what comes in."""
        around = len(call.parts) > 1
        inner = replace(state, width=state.width if around else state.channels)
        body = chain(**self.rows(list(self.tree.expanded(call.parts[0])), inner, (*path, "body")))
        if around:
            beside = replace(state, width=inner.channels)
            way: Row | None = chain(**self.rows(list(self.tree.expanded(call.parts[1])), beside, (*path, "shortcut")))
            state.width = inner.width
        else:
            way = None
        state.channels, state.flat = inner.channels, inner.flat
        yield "res", skip(body, way)

    def concat(self, call: Call, state: State, path: Path) -> Rows:
        """Branches; the width of what follows is that of what came before."""
        rows, given = {}, []
        for number, part in enumerate(call.parts, 1):
            inner, name = replace(state), f"branch{number}"
            rows[name] = chain(**self.rows(list(self.tree.expanded(part)), inner, (*path, name)))
            given.append(inner)
        state.channels, state.flat = sum(inner.channels for inner in given), all(inner.flat for inner in given)
        yield "concat", branches(**rows)
