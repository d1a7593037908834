"""Check a data set before training: unreadable and odd files, duplicates and leaks, classes, parts, sizes.

Exit code 0: it is sound; 1: something is to be mended; 2: it cannot be used. No file of it is changed.

striate check photographs
striate check photographs --html check.html
striate check labels.csv --group "patient(\\d+)" --json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from striate.cli.output import remark
from striate.errors import StriateError
from striate.verbs.check import CheckSettings, check

if TYPE_CHECKING:
    from rich.table import Table

    from striate.data.check.found import Checked, Duplicate

SETTINGS = CheckSettings
MOST = 10  # lines of a list that are printed
PIPE = 120  # columns where there is no terminal
UNREAD: dict[str, Any] = {
    "format": None, "splits": {}, "classes": {}, "examples": 0, "unreadable": [], "converted": [], "duplicates": [],
}  # fmt: skip


def main(settings: CheckSettings, as_json: bool) -> int:
    try:
        found = _checked(settings)
    except StriateError as error:
        if as_json:  # a program finds the same keys whatever has happened
            unusable = {"kind": "unusable", "says": str(error), "names": []}
            print(json.dumps({**UNREAD, "findings": [unusable], "notes": []}))
        raise
    if as_json:
        print(json.dumps(found.as_json(), allow_nan=False))
    else:
        _draw(found)
    if settings.html is not None:
        remark(f"{settings.html}")
    return 2 if not found.usable else 0 if found.sound else 1


def _checked(settings: CheckSettings) -> Checked:
    from rich.console import Console
    from rich.progress import Progress

    live = sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True) if live else nullcontext() as bar:
        task = bar.add_task("pictures", total=None) if bar else None

        def tell(done: int, of: int) -> None:
            if bar is not None and task is not None:
                bar.update(task, completed=done, total=of)

        return check(
            settings.data,
            format=settings.format,
            group=settings.group,
            data_dir=settings.data_dir,
            labels=settings.labels,
            html=settings.html,
            tell=tell,
        )


def _draw(found: Checked) -> None:
    from rich.console import Console

    from striate.data.check.found import by_harm, printable

    console = Console(width=None if sys.stdout.isatty() else PIPE, highlight=False, markup=False)
    console.print(_summary(found), end="\n\n")
    if found.findings:
        says = [(each.kind, each.says) for each in found.findings]
        console.print(_table(f"{len(says):,} to mend, worst first", ("what", "where, and how to mend it"), says))
    unreadable = [(each.file, each.reason) for each in found.unreadable]
    same = [(each.a, each.b, each.kind, _where(each)) for each in by_harm(found.duplicates)]
    converted = [(each.file, each.what) for each in found.converted]
    suspects = [(each.file, printable(each.label), printable(each.looks_like)) for each in found.suspects]
    for title, head, rows in (
        ("cannot be read", ("file", "reason"), unreadable),
        ("the same picture", ("one", "other", "kind", "where"), same),
        ("labels that are probably wrong", ("file", "labelled", "looks like"), suspects),
        ("odd but valid: read after a conversion", ("file", "what is done"), converted),
    ):
        if rows:
            console.print(_table(f"{len(rows):,} {title}", head, rows))
    for note in found.notes:
        console.print(f"note: {note}")
    if not found.usable:
        console.print("Not one picture can be read.")
    elif found.sound:
        console.print("Sound: nothing is to be mended.")


def _summary(found: Checked) -> str:
    from striate.data.check.found import printable

    parts = ", ".join(f"{name} {count:,}" for name, count in found.splits.items())
    totals = sorted(found.totals.items(), key=lambda each: -each[1])
    classes = [f"{printable(name)} {count:,}" for name, count in totals]
    if len(classes) > MOST:
        classes = [*classes[: MOST - 1], "...", classes[-1]]
    lines = [
        f"{found.name} ({found.format})",
        f"pictures  {found.examples:,}{f': {parts}' if len(found.splits) > 1 else ''}",
        f"classes   {len(totals):,}: {', '.join(classes)}",
    ]
    if found.sizes:
        (height, width), _ = found.sizes.most_common(1)[0]
        heights, widths = zip(*found.sizes, strict=True)
        spread = f" most often; {min(widths):,} to {max(widths):,} wide, {min(heights):,} to {max(heights):,} high"
        lines.append(f"sizes     {width:,} x {height:,}{spread if len(found.sizes) > 1 else ''}")
        lines.append(f"kinds     {', '.join(f'{kind} {count:,}' for kind, count in found.modes.most_common(MOST))}")
    return "\n".join(lines)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(head):
        table.add_column(name, overflow="fold", no_wrap=number == 0 and name == "what")
    for row in rows[:MOST]:
        table.add_row(*(Text(cell) for cell in row))
    if len(rows) > MOST:
        table.add_row(f"and {len(rows) - MOST:,} more")
    return table


def _where(pair: Duplicate) -> str:
    from striate.data.check.found import printable

    words = " and ".join(pair.splits) if pair.across else ""
    labels = " or ".join(f"'{printable(label)}'" for label in pair.labels) if pair.disagree else ""
    return ", ".join(part for part in (words, labels) if part) or "same class"
