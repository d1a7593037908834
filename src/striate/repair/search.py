"""Trying changes: one that makes the network run is a fix; failing that, several, one mistake after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from striate.repair.changes import LEFT_OUT, Change
from striate.repair.channels import name_of
from striate.repair.mistake import Draft, Mistake
from striate.repair.modules import CannotChange

MOST_FIXES = 3
MOST_MISTAKES = 8  # mistakes of one network that are mended one after the other
WIDTH, DEEPER = 4, 2  # ways that are followed further where none is enough: from the first mistake, and from later ones
TRIES, SECONDS = 600, 12.0
ENOUGH = 4.0  # seconds after which one fix is enough

Way = tuple[tuple[Change, ...], Draft]  # changes, and the network after all of them


class Search:
    """Tries changes until the tries or the time are spent."""

    def __init__(self, tries: int = TRIES, seconds: float = SECONDS):
        self.tries, self.started, self.seconds = tries, time.monotonic(), seconds
        self.solved = False

    def spent(self) -> bool:
        passed = time.monotonic() - self.started
        return self.tries <= 0 or passed > (ENOUGH if self.solved else self.seconds)

    def ways(self, draft: Draft, mistake: Mistake, depth: int = MOST_MISTAKES, most: int = MOST_FIXES) -> list[Way]:
        """At most so many ways to a network that runs, each beginning with another kind of change."""
        found: list[Way] = []
        kinds: set[str] = set()
        further: list[tuple[Change, Draft, Mistake]] = []
        for change, after, left in self.tried(draft, mistake, kinds):
            if left is None:
                found.append(((change,), after))
                self.solved |= depth == MOST_MISTAKES
                kinds.add(change.kind)
                if len(found) == most:
                    return found
            elif advances(change, left, mistake) or differs(left, mistake):
                further.append((change, after, left))
        mended = [way for way in found if way[0][0].kind != LEFT_OUT]
        if mended or depth <= 1:
            return found
        further.sort(key=lambda one: one[2].left)
        width = WIDTH if depth == MOST_MISTAKES else DEEPER
        for change, after, left in further:
            if len(found) == most or self.spent():
                break
            if change.kind not in kinds and len(kinds) < width:
                kinds.add(change.kind)
                for changes, end in self.ways(after, left, depth - 1, 1)[:1]:
                    self.solved |= depth == MOST_MISTAKES
                    found.append(((change, located(changes[0], left), *changes[1:]), end))
        return sorted(found, key=lambda way: way[0][0].kind == LEFT_OUT)

    def tried(self, draft: Draft, mistake: Mistake, done: set[str]) -> Iterator[tuple[Change, Draft, Mistake | None]]:
        """The changes that can be made, the network after each, and its first mistake."""
        for change in draft.changes(mistake):
            if self.spent():
                return
            if change.kind in done or not change.edits:
                continue
            after = draft.changed(change)
            if after is None:
                continue
            self.tries -= 1
            try:
                left = after.mistake()
            except CannotChange:
                continue
            yield change, after, left


def advances(change: Change, left: Mistake, mistake: Mistake) -> bool:
    """Whether less of the network is left to look at, and not only because there is less of it."""
    fewer = change.kind.startswith("repeat") and left.span == mistake.span
    return left.left < mistake.left and not fewer


def differs(one: Mistake, other: Mistake) -> bool:
    """Whether this is another mistake at the same place."""
    return one.path == other.path and one.formula != other.formula and one.left <= other.left


def located(change: Change, mistake: Mistake) -> Change:
    """A later change, said with the layer that it is for."""
    name = name_of(mistake.path)
    return change if not mistake.path or name in change.said else replace(change, said=f"{change.said} at {name}")
