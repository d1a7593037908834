"""Which column of a table is which, by the names that people give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from striate.data.examples import split_said
from striate.errors import DataError
from striate.registry import nearest, plain

PATH = (
    "path", "file_name", "filename", "file", "file_path", "image", "image_path", "image_file", "image_name", "img",
    "img_path", "img_name", "picture",
)  # fmt: skip
LABEL = ("label", "class", "category", "target", "class_name", "label_name", "category_name", "labels")
SPLIT = ("split",)
PERHAPS_SPLIT = ("subset", "set", "fold", "partition")  # where the first row says train, val or test
GROUP = ("group", "group_id", "patient", "patient_id", "subject", "subject_id", "video", "video_id")
MEANT = (*PATH, *LABEL, *SPLIT, *PERHAPS_SPLIT, *GROUP)
TOLD = 8  # columns in a message


class Roles(NamedTuple):
    """The columns that are read; `unread` are the others."""

    path: str
    label: str | None
    split: str | None
    group: str | None
    unread: tuple[str, ...]


def of_role(names: Sequence[str], role: Sequence[str]) -> list[str]:
    """Those of `names` that mean `role`, the most usual first; case, blanks and underscores do not count."""
    order = [plain(each) for each in role]
    return sorted((name for name in dict.fromkeys(names) if plain(name) in order), key=lambda n: order.index(plain(n)))


def known_columns(names: Sequence[str]) -> int:
    """How many of the names mean something here."""
    return sum(bool(of_role(names, role)) for role in (PATH, LABEL, SPLIT, GROUP))


def roles(names: Sequence[str], first: Mapping[str, str], there: Sequence[str], *, where: str) -> Roles:
    """What the columns `names` mean. `DataError` begins with `where`.

    `first`: cells of the first row by column. `there`: columns whose first cell is a file that is there, which settles
    several columns of paths.
    """
    path, label = _path(names, there, where), label_column(names, first, where)
    perhaps = [each for each in of_role(names, PERHAPS_SPLIT) if split_said(first.get(each, ""))]
    split = next(iter(of_role(names, SPLIT) or perhaps), None)
    group = next(iter(of_role(names, GROUP)), None)
    read = (path, label, split, group)
    return Roles(*read, unread=tuple(name for name in dict.fromkeys(names) if name and name not in read))


def no_column(names: Sequence[str], what: str, role: Sequence[str], where: str) -> DataError:
    """The error for a table without a column that is needed."""
    known = {plain(each) for each in MEANT}
    free = [name for name in names if name and plain(name) not in known]
    close = next((each for name in role[:4] for each in nearest(name, free, 1)), None)
    guess = f" Is '{close}' meant?" if close else ""
    here = ", ".join(names[:TOLD]) + (f" and {len(names) - TOLD} more" if len(names) > TOLD else "")
    return DataError(
        f"{where}: has no column of {what}; it has {here or 'none'}.{guess} Name one '{role[0]}' "
        f"(or {', '.join(role[1:4])})."
    )


def _path(names: Sequence[str], there: Sequence[str], where: str) -> str:
    found = of_role(names, PATH)
    if not found:
        raise no_column(names, "paths", PATH, where)
    some = [name for name in found if name in there]
    if len(found) > 1 and len(some) != 1:
        raise DataError(
            f"{where}: columns {' and '.join(found)} can both be the path of the picture. Rename the one that is not."
        )
    return some[0] if some else found[0]


def label_column(names: Sequence[str], first: Mapping[str, str], where: str) -> str | None:
    """The column of classes; where others only number what one names (`label`, `class_name`), that one."""
    found = of_role(names, LABEL)
    named = [name for name in found if plain(name).endswith("name")]
    if len(named) == 1 and all(first.get(name, "").isdecimal() for name in found if name not in named):
        found = named
    if len(found) > 1:
        raise DataError(f"{where}: columns {' and '.join(found)} can both be the class. Rename the one that is not.")
    return found[0] if found else None
