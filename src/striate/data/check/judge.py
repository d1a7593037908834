"""What is found, made sentences: each says what is wrong, how much of it, and what would mend it. Worst first."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from striate.data.check.found import Duplicate, Finding, Suspect, Unreadable, listed, printable
from striate.data.duplicates import KINDS

UNEQUAL = 5  # times as many pictures as the smallest class has; below it training does as well without weights


@dataclass(frozen=True)
class Facts:
    """What the sentences are made of. `listed`, `readable`: of each part, pictures a class. `torn`: groups by parts."""

    parts: tuple[str, ...]
    classes: tuple[str, ...]
    listed: dict[str, tuple[int, ...]]
    readable: dict[str, tuple[int, ...]]
    unreadable: tuple[Unreadable, ...]
    duplicates: tuple[Duplicate, ...]
    torn: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]

    @property
    def totals(self) -> tuple[int, ...]:
        """The readable pictures of each class, over all parts."""
        return tuple(map(sum, zip(*self.readable.values(), strict=True)))


def judged(facts: Facts) -> list[Finding]:
    """The findings, worst first."""
    return [
        *leaks(facts),
        *torn_groups(facts),
        *two_labels(facts),
        *unreadable(facts),
        *missing_classes(facts),
        *small_classes(facts),
        *within(facts),
        *imbalance(facts),
        *similar_names(facts),
        *(Finding("source", f"{note[:1].upper()}{note[1:]}.") for note in facts.notes),
    ]


def leaks(facts: Facts) -> list[Finding]:
    """Pictures of one part that are in another, by pairs of parts."""
    found = []
    for first, second in combinations(facts.parts, 2):
        some = [pair for pair in facts.duplicates if set(pair.splits) == {first, second}]
        if not some:
            continue
        later = {pair.pictures[pair.splits.index(second)] for pair in some}
        share = len(later) / max(1, sum(facts.readable[second]))
        found.append(
            Finding(
                "leak",
                f"{_counted(len(later), f'{second} picture')} ({share:.1%}) {_are(len(later))} in {first} too "
                f"({_kinds(some)}). Remove {_them(len(later))} from one of the two.",
            )
        )
    return found


def torn_groups(facts: Facts) -> list[Finding]:
    """Groups, such as patients, that lie in several parts."""
    if not facts.torn:
        return []
    names = tuple(facts.torn)
    parts = sorted({part for found in facts.torn.values() for part in found}, key=facts.parts.index)
    says = f"{_counted(len(names), 'group')} {_are(len(names))} in more than one of {' and '.join(parts)}"
    return [Finding("torn group", f"{says}: {listed(names)}. Keep each in one part.", names)]


def two_labels(facts: Facts) -> list[Finding]:
    """The same picture under different labels."""
    some = [pair for pair in facts.duplicates if pair.disagree]
    if not some:
        return []
    one = some[0]
    example = f"{one.a} is {listed(one.labels[:1])} and {one.b} is {listed(one.labels[1:])}"
    says = f"{_counted(len(some), 'pair')} of the same picture {'has' if len(some) == 1 else 'have'} different labels"
    classes = tuple(sorted({label for pair in some for label in pair.labels}))
    return [Finding("two labels", f"{says}: {example}. Mend the wrong one.", classes)]


def unreadable(facts: Facts) -> list[Finding]:
    """Pictures that cannot be read."""
    count, of = len(facts.unreadable), sum(map(sum, facts.listed.values()))
    if not count:
        return []
    says = (
        f"{count:,} of {_counted(of, 'picture')} ({count / of:.1%}) cannot be read, such as {facts.unreadable[0].file}"
    )
    names = tuple(each.file for each in facts.unreadable)
    return [Finding("unreadable", f"{says}. Training leaves {_them(count)} out.", names)]


def missing_classes(facts: Facts) -> list[Finding]:
    """Classes that one part has and another lacks; worst where training lacks them."""
    found = []
    for part in facts.parts:
        lacks = tuple(
            name for name, here, all_ in zip(facts.classes, facts.readable[part], facts.totals, strict=True)
            if all_ and not here
        )  # fmt: skip
        if not lacks:
            continue
        effect = "They cannot be learned" if part == "train" else "How well they are told apart is not measured there"
        effect = effect if len(lacks) > 1 else effect.replace("They", "It").replace("they are", "it is")
        found.append(
            Finding(
                "missing class",
                f"{part} has no picture of {listed(lacks)}, and another part has. {effect}.",
                lacks,
            )
        )
    return found


def small_classes(facts: Facts) -> list[Finding]:
    """No picture of a class, one, or one class only."""
    found = []
    listed_counts = tuple(map(sum, zip(*facts.listed.values(), strict=True)))
    rows = list(zip(facts.classes, listed_counts, facts.totals, strict=True))
    if lost := tuple(name for name, all_, there in rows if all_ and not there):
        found.append(Finding("empty class", f"No picture of {listed(lost)} can be read. Mend or remove them.", lost))
    if empty := tuple(name for name, all_, _ in rows if not all_):
        one = "it has" if len(empty) == 1 else "they have"
        says = f"{listed(empty)}: {one} no picture. Add pictures, or remove the class."
        found.append(Finding("empty class", says, empty))
    if single := tuple(name for name, _, there in rows if there == 1):
        one = "it has" if len(single) == 1 else "they have"
        says = f"{listed(single)}: {one} one picture, which cannot be learned from and be tested on. Add pictures."
        found.append(Finding("one picture", says, single))
    if sum(count > 0 for count in facts.totals) == 1:
        name = next(name for name, _, there in rows if there)
        says = f"All pictures are of one class, {listed([name])}: there is nothing to tell apart. Add a second class."
        found.append(Finding("one class", says, (name,)))
    return found


def within(facts: Facts) -> list[Finding]:
    """Copies within a part and a class: they count twice in training, and make a test look larger than it is."""
    some = [pair for pair in facts.duplicates if not pair.across and not pair.disagree]
    if not some:
        return []
    says = f"{_counted(len(some), 'pair')} of the same picture within a part and a class ({_kinds(some)})"
    return [Finding("duplicates", f"{says}. Keep one of each.")]


def imbalance(facts: Facts) -> list[Finding]:
    """One class with many times the pictures of another, in training."""
    part = "train" if "train" in facts.parts else facts.parts[0]
    there = [(count, name) for name, count in zip(facts.classes, facts.readable[part], strict=True) if count]
    if len(there) < 2:
        return []
    (least, small), (most, large) = min(there), max(there)
    if most < UNEQUAL * least:
        return []
    where = f" in {part}" if len(facts.parts) > 1 else ""
    says = f"{listed([large])} has {most:,} pictures{where} and {listed([small])} {least:,}, {most / least:.3g} times"
    return [Finding("imbalance", f"{says} as many. Add pictures, or train with --balance weights.", (large, small))]


def similar_names(facts: Facts) -> list[Finding]:
    """Class names that differ in case, spaces or the code of an accent alone."""
    alike: dict[str, list[str]] = {}
    for name in facts.classes:
        key = " ".join(unicodedata.normalize("NFKC", name).casefold().replace("_", " ").split())
        alike.setdefault(key, []).append(name)
    told = " ".join(facts.notes)
    return [
        Finding(
            "similar names",
            f"{listed([name if name.isascii() else ascii(name)[1:-1] for name in names])} "
            "are different classes by their spelling alone. Are they one?",
            tuple(names),
        )
        for names in alike.values()
        if len(names) > 1 and not any(f"'{printable(name)}'" in told for name in names)
    ]


def suspicious(found: Sequence[Suspect]) -> list[Finding]:
    """Labels that are probably wrong."""
    if not found:
        return []
    one = found[0]
    says = f"{_counted(len(found), 'label')} {_are(len(found))} probably wrong: {one.file} is labelled"
    says += f" {listed([one.label])} and looks like {listed([one.looks_like])}. Look at {_them(len(found))}."
    return [Finding("suspicious label", says, tuple(each.file for each in found))]


def _kinds(pairs: list[Duplicate]) -> str:
    counts = Counter(pair.kind for pair in pairs)
    return ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if counts[kind])


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _them(number: int) -> str:
    return "it" if number == 1 else "them"
