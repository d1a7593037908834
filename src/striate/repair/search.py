"""Trying changes: one that makes the network run is a fix; failing that, several, one mistake after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator

from striate.repair.changes import Change
from striate.repair.mistake import Draft, Mistake
from striate.repair.modules import CannotChange

MOST_FIXES = 3
MOST_MISTAKES = 8  # mistakes of one network that are mended one after the other
WIDTH = 4  # ways that are followed further where none is enough
TRIES, SECONDS = 600, 15.0

Way = tuple[tuple[Change, ...], Draft]  # changes, and the network after all of them


class Search:
    """Tries changes until the tries or the time are spent."""

    def __init__(self, tries: int = TRIES, seconds: float = SECONDS):
        self.tries, self.until = tries, time.monotonic() + seconds

    def spent(self) -> bool:
        return self.tries <= 0 or time.monotonic() > self.until

    def ways(self, draft: Draft, mistake: Mistake, depth: int = MOST_MISTAKES, most: int = MOST_FIXES) -> list[Way]:
        """At most so many ways to a network that runs, each beginning with another kind of change."""
        found: list[Way] = []
        kinds: set[str] = set()
        further: list[tuple[Change, Draft, Mistake]] = []
        for change, after, left in self.tried(draft, mistake, kinds):
            if left is None:
                found.append(((change,), after))
                kinds.add(change.kind)
                if len(found) == most:
                    return found
            elif advances(change, left, mistake) or differs(left, mistake):
                further.append((change, after, left))
        if found or depth <= 1:
            return found
        further.sort(key=lambda one: one[2].left >= mistake.left)
        for change, after, left in further:
            if len(found) == most or self.spent():
                break
            if change.kind not in kinds and sum(1 for _ in kinds) < WIDTH:
                kinds.add(change.kind)
                for changes, end in self.ways(after, left, depth - 1, 1):
                    found.append(((change, *changes), end))
        return found

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
