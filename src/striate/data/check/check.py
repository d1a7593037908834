"""A data set checked: every picture decoded, copies and look-alikes found, classes and parts counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from striate.data import duplicates
from striate.data.check.found import Checked, Converted, Duplicate, Suspect, Unreadable
from striate.data.check.judge import Facts, judged, suspicious
from striate.data.check.labels import suspects
from striate.data.check.look import MOST_ALIKE, Looks, Tell, look
from striate.data.duplicates import KINDS, RE_ENCODED, SAME_PIXELS, Pair
from striate.data.picture_files import PictureFiles
from striate.data.records import DataSet, Part
from striate.errors import DataError

ALL = "all"  # the one part of a set whose source has no test part


@dataclass(frozen=True)
class Table:
    """The n pictures of a data set in one. `part_of`, `labels`: (n,) which of `parts` and of `classes` each is of."""

    pictures: Part
    parts: tuple[str, ...]
    part_of: NDArray[np.int64]
    classes: tuple[str, ...]
    labels: NDArray[np.int64]

    def counts(self, which: NDArray[np.int64]) -> dict[str, tuple[int, ...]]:
        """Of each part, how many of the pictures at `which` (m,) are of each class."""
        return {
            name: tuple(np.bincount(self.labels[which[self.part_of[which] == i]], minlength=len(self.classes)).tolist())
            for i, name in enumerate(self.parts)
        }

    def duplicate(self, pair: Pair) -> Duplicate:
        """The two pictures by name, with their parts and labels."""
        a, b = pair.a, pair.b
        return Duplicate(
            (a, b),
            self.pictures.name(a),
            self.pictures.name(b),
            pair.kind,
            (self.parts[self.part_of[a]], self.parts[self.part_of[b]]),
            (self.classes[self.labels[a]], self.classes[self.labels[b]]),
        )


def check(data: DataSet, *, labels: bool = False, tell: Tell = lambda done, of: None) -> Checked:
    """All that is worth knowing of `data` before it is trained on. No file is changed.

    `labels`: look for labels that are probably wrong, too. `tell` is called with how many pictures are done, of how
    many. A set whose source has no test part is checked as one, whatever `read` has split off.
    """
    table = tabled(data)
    pictures = table.pictures
    looks = look(pictures, tell)
    found = tuple(table.duplicate(pair) for pair in _pairs(pictures, looks, table.part_of))
    facts = Facts(
        table.parts,
        data.classes,
        listed=table.counts(np.arange(len(pictures))),
        readable=table.counts(looks.readable),
        unreadable=tuple(Unreadable(i, pictures.name(i), why) for i, why in looks.unreadable.items()),
        duplicates=found,
        torn=_torn(pictures, table),
        notes=data.notes,
    )
    notes = _notes(data, found)
    odd: list[Suspect] = []
    if labels:
        odd, said = suspects(pictures, table.labels, table.classes, looks)
        notes.append(said)
    return Checked(
        name=data.name,
        format=data.format,
        pictures=pictures,
        classes=data.classes,
        counts=facts.listed,
        readable=len(looks.readable),
        sizes=Counter(map(tuple, looks.prints["size"][looks.readable].tolist())),
        modes=looks.modes,
        unreadable=facts.unreadable,
        converted=tuple(Converted(i, pictures.name(i), "; ".join(looks.notes[i])) for i in sorted(looks.notes)),
        duplicates=found,
        suspects=tuple(odd),
        findings=(*judged(facts), *suspicious(odd)),
        notes=tuple(notes),
    )


def tabled(data: DataSet) -> Table:
    """The pictures of all parts in one; of a set that was split by content, in one part."""
    named = list(data.parts)
    whole = data.whole()
    part_of = np.repeat(np.arange(len(named)), [len(part) for _, part in named])
    parts = tuple(name for name, _ in named)
    if data.parted:
        parts, part_of = (ALL,), np.zeros(len(whole), np.int64)
    return Table(whole, parts, part_of, data.classes, whole.labels.cpu().numpy())


def _pairs(pictures: Part, looks: Looks, part_of: NDArray[np.int64]) -> list[Pair]:
    """The duplicates among the readable pictures, numbered as all of them are."""
    there = looks.readable
    prints = looks.prints if len(there) == len(looks.prints) else looks.prints[there]
    search = duplicates.pairs if len(looks.prints) <= MOST_ALIKE else duplicates.copies
    found = (Pair(int(there[a]), int(there[b]), kind) for a, b, kind in map(_fields, search(prints, part_of[there])))
    return [_proved(pair, pictures, looks) for pair in found]


def _fields(pair: Pair) -> tuple[int, int, str]:
    return pair.a, pair.b, pair.kind


def _proved(pair: Pair, pictures: Part, looks: Looks) -> Pair:
    """The pair, of which "same pixels" is said only if all of them are the same, and not only a smaller picture's."""
    if pair.kind != KINDS[SAME_PIXELS] or not looks.smaller[[pair.a, pair.b]].any():
        return pair
    assert isinstance(pictures, PictureFiles)
    try:
        same = torch.equal(pictures.decoded(pair.a).pixels, pictures.decoded(pair.b).pixels)
    except DataError:  # it has changed meanwhile
        same = False
    return pair if same else replace(pair, kind=KINDS[RE_ENCODED])


def _torn(pictures: Part, table: Table) -> dict[str, tuple[str, ...]]:
    """The groups that lie in several parts, with these."""
    seen: dict[str, set[int]] = {}
    for group, part in zip(pictures.groups or (), table.part_of.tolist(), strict=False):
        seen.setdefault(group, set()).add(part)
    return {g: tuple(table.parts[i] for i in sorted(found)) for g, found in seen.items() if g and len(found) > 1}


def _notes(data: DataSet, found: Sequence[Duplicate]) -> list[str]:
    """What is no fault and good to know."""
    said = []
    if data.parted and data.test is not None:
        alike = any(pair.kind not in KINDS[: SAME_PIXELS + 1] for pair in found)
        said.append(
            f"there is no test part; training will hold out {len(data.test):,} pictures, chosen by content, so that "
            f"exact copies stay on one side{'. Look-alikes may still be torn apart' if alike else ''}"
        )
    if (count := sum(len(part) for _, part in data.parts)) > MOST_ALIKE:
        said.append(
            f"look-alikes are searched for among up to {MOST_ALIKE:,} pictures; of these {count:,}, only copies"
        )
    return said
