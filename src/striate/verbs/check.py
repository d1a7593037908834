"""Is a data set sound? Everything that would hurt a training, by name, before it hurts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.settings import setting

if TYPE_CHECKING:
    from striate.data.check.found import Checked


@dataclass(frozen=True)
class CheckSettings:
    """Which data to check, and what to write."""

    data: str = setting(positional="DATA", meaning="a data set by name (digits, mnist, ...), or a folder or file")
    format: str | None = setting(None, meaning="the layout of the data, where it can be read in several ways")
    group: str | None = setting(None, meaning="a pattern in the path, as 'patient(\\d+)', that no split tears apart")
    data_dir: Path | None = setting(None, meaning="where the files of a named data set are already")
    labels: bool = setting(False, meaning="look for labels that are probably wrong, too")
    html: Path | None = setting(None, meaning="write a page with the pictures into this file")


def check(
    data: Any,
    *,
    format: str | None = None,
    group: str | None = None,
    data_dir: str | PathLike[str] | None = None,
    labels: bool = False,
    html: str | PathLike[str] | None = None,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Checked:
    """All that is worth knowing of `data`: what cannot be read, copies and look-alikes, classes, parts, sizes.

    Every picture is decoded, and no file of the data is changed. `data`, `format`, `group` and `data_dir` are as in
    `striate.read`. `labels`: look for labels that are probably wrong, too. `html`: write a page with the pictures
    there. `tell` is called with how many pictures are done, of how many. `DataError` where the data cannot be read,
    `ConfigError` where there can be no page.
    """
    from striate.data.check.check import check as checked
    from striate.data.read import read

    if html is not None:
        from striate.reports.check_page import write_check
        from striate.reports.environment import require_page

        require_page(Path(html), "--html")
    found = checked(read(data, data_dir=data_dir, format=format, group=group), labels=labels, tell=tell)
    if html is not None:
        write_check(found, Path(html))
    return found
