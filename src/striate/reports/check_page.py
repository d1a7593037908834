"""A check of a data set as one page: what is to be mended, with the pictures themselves. It needs no other file."""

from __future__ import annotations

from pathlib import Path

from striate.data.check.found import Checked
from striate.reports.check_charts import classes, sizes
from striate.reports.check_pictures import conversions, pairs, suspects
from striate.reports.environment import colours, environment, write_page
from striate.reports.words import count

MOST_LINES = 500  # files that are listed without a picture


def write_check(found: Checked, path: Path) -> None:
    """Write the page to `path`. `ConfigError` where that cannot be written."""
    write_page(path, render_check(found), "--html")


def render_check(found: Checked) -> str:
    """The page as text."""
    return (
        environment()
        .get_template("check.html")
        .render(
            colours=colours(),
            found=found,
            said=_said(found),
            sums=_sums(found),
            classes=classes(found),
            sizes=sizes(found),
            pairs=pairs(found),
            unreadable=found.unreadable[:MOST_LINES],
            conversions=conversions(found),
            suspects=suspects(found),
        )
    )


def _said(found: Checked) -> str:
    if not found.usable:
        return "Not one picture can be read."
    if found.sound:
        return "It is sound: every picture can be read, and nothing is to be mended."
    number = len(found.findings)
    return f"{'One thing is' if number == 1 else f'{count(number)} things are'} to be mended before training."


def _sums(found: Checked) -> tuple[tuple[str, str], ...]:
    """The numbers at the top, each with what it counts; of faults only those that are there."""
    splits = found.splits
    parts = f": {', '.join(f'{name} {count(number)}' for name, number in splits.items())}" if len(splits) > 1 else ""
    faults = (
        (len(found.unreadable), "cannot be read"),
        (len(found.duplicates), "pairs of the same picture"),
        (sum(pair.across for pair in found.duplicates), "of them across parts"),
        (len(found.suspects), "labels that are probably wrong"),
        (len(found.converted), "odd but valid"),
    )
    told = tuple((count(number), words) for number, words in faults if number)
    return ((count(found.examples), f"pictures{parts}"), (count(len(found.classes)), "classes"), *told)
