"""Tar shards as the webdataset library writes them: members whose names differ only behind the first dot are a sample.

A picture stays in its shard and is read by itself, so that no shard is unpacked and training may take pictures in any
order. Its class is in a member .cls, .json (`label`, `class` ...) or .txt; a number is a place in classes.txt,
labels.json or the like beside the shards, where there is one. Shards called train-000.tar or lying in train/ are parts.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from striate.data.examples import Example, Label, Listing, Member, split_said
from striate.data.files import file_bytes, open_regular, shown
from striate.data.formats.cifar import PACKED
from striate.data.formats.folder import SUFFIXES, class_folders
from striate.data.marks import data_format
from striate.data.shards import content, members
from striate.data.tables.json_lines import parsed, plain_text
from striate.data.tables.roles import GROUP, LABEL, label_column, of_role
from striate.errors import ConfigError, DataError, StriateError

SUFFIXES_OF_TARS = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
BRACES = re.compile(r".*\{[^{}]*(?:,|\.\.)[^{}]*\}.*\.tar", re.IGNORECASE)
LIKE_A_SHARD = re.compile(r"(?:.*[^A-Za-z])?(?:\d{3,}|train|val|valid|validation|test)", re.IGNORECASE)
CLASSES = tuple(
    f"{name}.{kind}" for name in ("classes", "class_names", "classnames", "labels") for kind in ("txt", "json")
)
SAYS_CLASS = (".cls", ".json", ".txt")
LOOKED_AT = 16  # members that tell a shard from another tar
TRIED = 3  # tars in a folder that are looked into
MOST_LABEL = 2**16  # bytes of a member that says the class
MOST_SHARDS = 100_000
LONGEST = 200  # characters of a class in .txt, which may as well be a caption


def recognise(path: Path) -> bool:
    """Whether `path` is a tar, names several in braces, or is a folder of tars that hold pictures with classes."""
    if not path.is_dir():
        is_tar = path.name.lower().endswith(SUFFIXES_OF_TARS) and path.exists() and not PACKED.fullmatch(path.name)
        return is_tar or BRACES.fullmatch(path.name) is not None
    tars = _tars(path)[:TRIED]
    if any(_has_samples(each) for each in tars):
        return True
    return any(LIKE_A_SHARD.fullmatch(each.name.split(".")[0]) for each in tars) and not class_folders(path)


@data_format(recognise)
def webdataset(path: Path) -> Listing:
    """The pictures in the shards; nothing is kept but where each lies."""
    shards = _tars(path) if path.is_dir() else _named(path)
    if not shards:
        raise DataError(f"{shown(path)}: holds no .tar. Put shards there, such as train-000.tar.")
    root = path if path.is_dir() else shards[0].parent
    walk = _Walk(_class_names([root, shards[0].parent]))
    return Listing(root, walk.examples(shards), classes=walk.names, ordered=bool(walk.names), notes=walk.notes)


@dataclass
class _Walk:
    """What is met on the way through the shards. `names`: of the classes by number, or empty."""

    names: Sequence[str]
    notes: list[str] = field(default_factory=list)
    without_picture: int = 0

    def examples(self, shards: Sequence[Path]) -> Iterator[Example]:
        """One a sample with a picture; `notes` are whole once the last one is given."""
        labels: dict[str, Label] = {}
        for sample in _grouped(self.files(shards)):
            if (picture := _picture(sample)) is None:
                self.without_picture += 1
                continue
            where = f"{shown(picture.shard)}: {shown(Path(picture.name))}"
            name, group = self.class_of(sample, where)
            yield Example(picture, labels.setdefault(name, Label(name)), _part(picture.shard), group)
        if self.without_picture:
            self.notes.append(f"{self.without_picture:,} samples have no picture, and are not read")

    def files(self, shards: Sequence[Path]) -> Iterator[dict[str, Any]]:
        """The members as the library takes them: pictures by place, what may say the class by content."""
        for shard in shards:
            with open_regular(shard) as file:
                for member in members(shard, file, self.notes):
                    kind = Path(member.name).suffix.lower()
                    data: Any = None
                    if kind in SUFFIXES:
                        data = Member(shard, *member)
                    elif kind in SAYS_CLASS:
                        where = f"{shown(shard)}: {shown(Path(member.name))}"
                        data = content(file, member, where, most=MOST_LABEL)
                    yield {"fname": member.name, "data": data, "__url__": str(shard)}
            yield {}

    def class_of(self, sample: dict[str, Any], where: str) -> tuple[str, str | None]:
        """The class of a sample, and its group where its JSON has one. `DataError` begins with `where`."""
        known = {}
        if "json" in sample:
            known = parsed(_text(sample["json"], where), f"{where}: its .json")
        groups = of_role(list(known), GROUP)
        group = plain_text(known[groups[0]], groups[0], where) or None if groups else None
        column = label_column(of_role(list(known), LABEL), {name: str(known[name]) for name in known}, where)
        if "cls" in sample:
            said = _text(sample["cls"], where)
        elif column is not None:
            said = plain_text(known[column], column, where)
        else:
            said = _text(sample.get("txt", b""), where)
            if len(said) > LONGEST or "\n" in said:
                raise DataError(f"{where}: its .txt reads like a caption, {said[:40]!r}... Write a class into a .cls.")
        if not said:
            raise DataError(f"{where} has no class: no .cls, .json with a label, or .txt is beside it. Add one.")
        if self.names and said.isdecimal():
            if int(said) >= len(self.names):
                raise DataError(
                    f"{where} is of class {said}, but {len(self.names)} have a name, 0 to {len(self.names) - 1}."
                )
            return self.names[int(said)], group
        return said, group


def _grouped(files: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The samples that the library makes of members."""
    try:
        from webdataset.tariterators import group_by_keys
    except ImportError:
        raise ConfigError(_missing()) from None
    try:
        yield from group_by_keys(files)
    except StriateError:
        raise
    except ValueError as error:  # two members of one name
        raise DataError(f"a sample cannot be put together: {error.args[0]!s:.160}. Pack its shard again.") from None


def _missing() -> str:
    return "shards are read with the webdataset library, which is not installed. Run: pip install 'striate[webdataset]'"


def _picture(sample: dict[str, Any]) -> Member | None:
    """The picture of a sample: `jpg` goes before `depth.png`. `DataError` where there are several."""
    found = {suffix: value for suffix, value in sample.items() if isinstance(value, Member)}
    plain = {suffix: value for suffix, value in found.items() if "." not in suffix} or found
    if len(plain) > 1:
        one = next(iter(plain.values()))
        raise DataError(
            f"{shown(one.shard)}: sample {shown(Path(sample['__key__']))} has several pictures, "
            f"{', '.join(sorted(plain))}. Keep one a sample."
        )
    return next(iter(plain.values()), None)


def _tars(folder: Path) -> list[Path]:
    """The tars in a folder and in its folders that are called like a part; packed ones where there are no others."""
    found, parts = _tars_and_parts(folder)
    for part in parts:
        found += _tars_and_parts(part)[0]
    return [each for each in found if each.suffix.lower() == ".tar"] or found


def _tars_and_parts(folder: Path) -> tuple[list[Path], list[Path]]:
    with os.scandir(folder) as entries:
        some = [each for each in entries if each.name.lower().endswith(SUFFIXES_OF_TARS) or split_said(each.name)]
    tars = [each.name for each in some if not split_said(each.name) and not each.name.startswith(".")]
    parts = [each.name for each in some if split_said(each.name) and each.is_dir()]
    return [path for name in sorted(tars) if not (path := folder / name).is_dir()], [
        folder / name for name in sorted(parts)
    ]


def _named(path: Path) -> list[Path]:
    """The one tar, or those that the braces in its name mean, all of which must be there."""
    if path.exists() or not BRACES.fullmatch(path.name):
        return [path]
    try:
        from braceexpand import braceexpand
    except ImportError:
        raise ConfigError(_missing()) from None
    if re.search(r"\d{7}", path.name):  # the library would make a list of them all
        raise DataError(f"{shown(path)}: its braces mean too many shards. Write {{000..009}}.")
    try:
        shards = [path.parent / each for each in islice(braceexpand(path.name), MOST_SHARDS)]
    except ValueError as error:
        raise DataError(f"{shown(path)}: its braces cannot be read ({error}). Write {{000..009}}.") from None
    if missing := [each for each in shards if not each.exists()]:
        raise DataError(f"{shown(missing[0])}: there is no such shard, nor {len(missing) - 1:,} more. Mend the braces.")
    return shards


def _has_samples(shard: Path) -> bool:
    """Whether the first members are a picture and what says its class."""
    found: set[tuple[str, bool]] = set()  # what stands before the first dot; whether it is a picture
    try:
        with open_regular(shard) as file:
            for member in members(shard, file, [], LOOKED_AT):
                folder, _, name = member.name.rpartition("/")
                kind = Path(name).suffix.lower()
                if kind in SUFFIXES or kind in SAYS_CLASS:
                    found.add((f"{folder}/{name.split('.')[0]}", kind in SUFFIXES))
    except DataError:  # reading it will say why
        return False
    return any((key, not is_picture) in found for key, is_picture in found)


def _part(shard: Path) -> str | None:
    """The part that a shard's name says, or else its folder's."""
    said = [split_said(word) for word in re.split(r"[^A-Za-z]+", shard.stem)]
    return next((each for each in said if each), split_said(shard.parent.name))


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        raise DataError(f"{where}: its class is not UTF-8. Write it as text.") from None


def _class_names(folders: Sequence[Path]) -> tuple[str, ...]:
    """The names of the classes by number, from a file beside the shards."""
    paths = [folder / name for folder in folders for name in CLASSES]
    path = next((each for each in paths if each.is_file()), None)
    if path is None:
        return ()
    text = _text(file_bytes(path, most=2**24), shown(path))
    names = _in_json(text, shown(path)) if path.suffix == ".json" else [line.strip() for line in text.splitlines()]
    if not names or not all(names) or len(set(names)) < len(names):
        raise DataError(f"{shown(path)}: needs one name a class, each its own, in the order of their numbers.")
    return tuple(names)


def _in_json(text: str, name: str) -> list[str]:
    """["cat", "dog"], {"0": "cat", "1": "dog"} or {"cat": 0, "dog": 1} as names in order."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        pairs = [(value, key) if isinstance(value, int) else (key, value) for key, value in found.items()]
        by_number = {int(number): each for number, each in pairs if str(number).isdecimal()}
        found = [by_number.get(number) for number in range(len(pairs))]
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise DataError(f'{name}: is not a list of names. Write ["cat", "dog"] or {{"0": "cat", "1": "dog"}}.')
    return found
