"""A small table of words: as aligned text, or as a rich table on a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Grid:
    """`head` and `rows` of as many cells each; the first column is read as names, the others as numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """Aligned lines without trailing spaces.

        >>> print(Grid(("layer", "weights"), (("conv1", "64"), ("fc", "1,000"))).text())
        layer  weights
        conv1       64
        fc       1,000
        """
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        lines = []
        for first, *others in (self.head, *self.rows):
            cells = [
                first.ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)),
            ]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def table(self, title: str | None = None) -> Table:
        """The same as a rich table."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title, box=SIMPLE_HEAD, title_justify="left")
        for i, name in enumerate(self.head):
            table.add_column(Text(name), justify="right" if i else "left", overflow="fold", no_wrap=not i)
        for first, *others in self.rows:
            table.add_row(Text(first, style="bold"), *map(Text, others))
        return table


def grouped(number: float) -> str:
    """A number for people: its thousands apart, a fraction with one digit.

    >>> grouped(61706), grouped(0.5), grouped(2.0)
    ('61,706', '0.5', '2')
    """
    return f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"


def as_times(ratio: float | None) -> str:
    """A ratio in three digits with its sign, as in 7.89×; a dash where there is none.

    >>> as_times(7.8904), as_times(4001536000), as_times(0.0325), as_times(None)
    ('7.89×', '4,001,536,000×', '0.0325×', '–')
    """
    if ratio is None:
        return "–"
    return f"{ratio:,.0f}×" if ratio >= 100 else f"{ratio:.3g}×"


def as_bytes(count: int) -> str:
    """Bytes in the largest decimal unit that leaves a whole part.

    >>> as_bytes(999), as_bytes(246824), as_bytes(102_228_128)
    ('999 B', '246.8 kB', '102.2 MB')
    """
    for size, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
