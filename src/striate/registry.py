"""Things found by name: the marked objects in the files of one package, and those that installed packages announce."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any

from striate.errors import UnknownName


def plain(name: str) -> str:
    """A name as people vary it, made one: case, spaces, dots, hyphens and underscores do not count.

    >>> plain("ResNet-50") == plain("resnet50")
    True
    """
    return re.sub(r"[\s._-]", "", name).lower()


def nearest(name: str, names: list[str], most: int = 3) -> list[str]:
    """The registered names most like `name`, best first; may be empty."""
    by_plain = {plain(known): known for known in names}
    return [by_plain[match] for match in difflib.get_close_matches(plain(name), by_plain, most, 0.5)]


class Registry(Mapping[str, Any]):
    """The objects of `package` that carry the attribute `mark`, by the name they have there.

    Files are imported at the first look-up, not before. Installed packages add theirs under the entry point group
    `group`. A name may be written in any case, with or without hyphens and underscores.
    """

    def __init__(self, kind: str, package: str, *, mark: str, group: str):
        self.kind, self.package, self.mark, self.group = kind, package, mark, group

    @cached_property
    def _found(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        package = importlib.import_module(self.package)
        for file in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{self.package}.{file.name}")
            own = {
                name: value
                for name, value in vars(module).items()
                if hasattr(value, self.mark) and getattr(value, "__module__", "") == module.__name__
            }
            found.update(own)
        for entry in entry_points(group=self.group):
            found.setdefault(entry.name, entry.load())
        return found

    @cached_property
    def _by_plain(self) -> dict[str, str]:
        return {plain(name): name for name in self._found}

    def __getitem__(self, name: str) -> Any:
        """The object called `name`; `UnknownName` offers the nearest names."""
        known = self._by_plain.get(plain(name))
        if known is None:
            close = nearest(name, list(self._found))
            hint = f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(sorted(self._found))}."
            raise UnknownName(f"there is no {self.kind} called '{name}'. {hint}")
        return self._found[known]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and plain(name) in self._by_plain

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def name_of(self, name: str) -> str:
        """The registered spelling of `name`."""
        self[name]
        return self._by_plain[plain(name)]
