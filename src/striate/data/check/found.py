"""What a check found: plain values, for the table, for JSON and for the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from striate.data.records import Part

MOST_NAMED = 5


@dataclass(frozen=True)
class Unreadable:
    """Picture number `picture` cannot be read."""

    picture: int
    file: str
    reason: str


@dataclass(frozen=True)
class Converted:
    """Picture number `picture` is valid and unusual: `what` was done to read it."""

    picture: int
    file: str
    what: str


@dataclass(frozen=True)
class Duplicate:
    """Two pictures that are the same: `kind` is one of `striate.data.duplicates.KINDS`.

    `pictures`: their numbers; `splits`, `labels`: the part that each is in, and its class.
    """

    pictures: tuple[int, int]
    a: str
    b: str
    kind: str
    splits: tuple[str, str]
    labels: tuple[str, str]

    @property
    def across(self) -> bool:
        """Whether they lie in different parts, so that one is tested on the other."""
        return self.splits[0] != self.splits[1]

    @property
    def disagree(self) -> bool:
        """Whether they have different labels, of which one must be wrong."""
        return self.labels[0] != self.labels[1]


@dataclass(frozen=True)
class Suspect:
    """Picture number `picture` is labelled `label`, and `share` (0..1) of those most like it are `looks_like`."""

    picture: int
    file: str
    label: str
    looks_like: str
    share: float


def by_harm(found: Sequence[Duplicate]) -> list[Duplicate]:
    """The same pairs, those first that lie across parts or under different labels."""
    return sorted(found, key=lambda pair: (not pair.across, not pair.disagree))


@dataclass(frozen=True)
class Finding:
    """Something to mend: `kind` in a word or two, `says` in a sentence or two, `names` of the classes or files."""

    kind: str
    says: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Checked:
    """All that `check` found. `pictures`: all parts in one, in which pictures are numbered.

    `counts`: of each split, its pictures a class, unreadable ones too. `sizes`: (height, width) to how many; `modes`:
    what the files are, such as "JPEG RGB". `readable`: how many pictures could be decoded. `suspects`: only where they
    were asked for. `findings`: worst first. `notes`: what is worth knowing and is no fault.
    """

    name: str
    format: str
    pictures: Part = field(repr=False)
    classes: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]
    readable: int
    sizes: Counter[tuple[int, int]] = field(repr=False)
    modes: Counter[str]
    unreadable: tuple[Unreadable, ...]
    converted: tuple[Converted, ...]
    duplicates: tuple[Duplicate, ...]
    suspects: tuple[Suspect, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def examples(self) -> int:
        """How many pictures there are, unreadable ones too."""
        return len(self.pictures)

    @property
    def splits(self) -> dict[str, int]:
        """How many pictures each part has."""
        return {split: sum(counts) for split, counts in self.counts.items()}

    @property
    def usable(self) -> bool:
        """Whether anything can be learned from: at least one picture can be read."""
        return self.readable > 0

    @property
    def sound(self) -> bool:
        """Whether nothing is to be mended."""
        return self.usable and not self.findings

    @property
    def totals(self) -> dict[str, int]:
        """How many pictures each class has, over all parts."""
        return {name: sum(column) for name, *column in zip(self.classes, *self.counts.values(), strict=True)}

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "data": self.name,
            "format": self.format,
            "splits": self.splits,
            "classes": self.totals,
            "examples": self.examples,
            "unreadable": [{"file": each.file, "reason": each.reason} for each in self.unreadable],
            "converted": [{"file": each.file, "what": each.what} for each in self.converted],
            "duplicates": [
                {
                    "a": each.a,
                    "b": each.b,
                    "kind": each.kind,
                    "across": each.across,
                    "splits": list(each.splits),
                    "labels": list(each.labels),
                }
                for each in self.duplicates
            ],
            "findings": [{"kind": each.kind, "says": each.says, "names": list(each.names)} for each in self.findings],
            "notes": list(self.notes),
            "suspicious": [
                {"file": each.file, "label": each.label, "looks_like": each.looks_like, "share": each.share}
                for each in self.suspects
            ],
            "classes_by_split": {
                split: dict(zip(self.classes, counts, strict=True)) for split, counts in self.counts.items()
            },
            "sizes": [[height, width, count] for (height, width), count in self.sizes.most_common()],
            "modes": dict(self.modes.most_common()),
        }


def listed(names: tuple[str, ...] | list[str]) -> str:
    """The first few names in quotation marks, and how many more there are.

    >>> listed(["a", "b"]), listed(list("abcdefgh"))
    ("'a' and 'b'", "'a', 'b', 'c', 'd', 'e' and 3 more")
    """
    told = [f"'{printable(name)}'" for name in names[:MOST_NAMED]]
    if len(names) > MOST_NAMED:
        return f"{', '.join(told)} and {len(names) - MOST_NAMED:,} more"
    return " and ".join([", ".join(told[:-1]), told[-1]]) if len(told) > 1 else "".join(told)


def printable(name: str) -> str:
    """A class name as it stands in a message: one line, whatever it is made of."""
    return name if name.isprintable() else ascii(name)[1:-1]
