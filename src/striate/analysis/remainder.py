"""Where a stride leaves a remainder: the formula of the lectures filled in, and what no window ever sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from striate.arithmetic import never_seen, window_formula

AXES = {1: ("position",), 2: ("row", "column"), 3: ("slice", "row", "column")}


class Window(NamedTuple):
    """A window along one axis of `size` units: `padding` on each side; `after` of the units are themselves padding."""

    size: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    after: int = 0

    @property
    def lost(self) -> int:
        """Units at the end, padding included, that no window sees."""
        return never_seen(self.size, self.kernel, self.stride, 2 * self.padding, self.dilation)

    @property
    def formula(self) -> str:
        return window_formula(self.size, self.kernel, self.stride, self.padding, self.dilation)


def fits(windows: Sequence[Window]) -> str | None:
    """None where the windows fit, else the sentence that says what is never seen; one `Window` an axis.

    >>> fits([Window(7, 3, 3), Window(7, 3, 3)])
    '(7 + 2·0 − 3)/3 + 1 = 2.33: the last row and the last column are never seen'
    >>> fits([Window(10, 3, 4, padding=1)])
    '(10 + 2·1 − 3)/4 + 1 = 3.25: the last position, of the padding, is never seen'
    """
    partial = _partial(windows)
    if not partial:
        return None
    formulas = ", ".join(dict.fromkeys(window.formula for window, _ in partial))
    lost = " and ".join(f"the last {_counted(window.lost, name)}" for window, name in partial)
    padding = [(min(window.lost, window.padding + window.after), name) for window, name in partial]
    are = "are" if len(partial) > 1 or partial[0][0].lost > 1 else "is"
    if all(n == window.lost for (n, _), (window, _) in zip(padding, partial, strict=True)):
        return f"{formulas}: {lost}, of the padding, {are} never seen"
    of_them = " and ".join(f"{n} {name}{'s' if n > 1 else ''}" for n, name in padding if n)
    return f"{formulas}: {lost} {are} never seen" + (f" ({of_them} of that padding)" if of_them else "")


def sizes_that_fit(windows: Sequence[Window]) -> str:
    """The next smaller and the next larger input that leave nothing over.

    >>> sizes_that_fit([Window(7, 3, 3), Window(7, 3, 3)])
    '6x6 or 9x9'
    """
    smaller = "x".join(str(window.size - window.lost) for window in windows)
    larger = "x".join(str(window.size + (window.stride - window.lost) * (window.lost > 0)) for window in windows)
    return f"{smaller} or {larger}"


def _partial(windows: Sequence[Window]) -> list[tuple[Window, str]]:
    names = AXES[len(windows)] if windows else ()
    return [(window, name) for window, name in zip(windows, names, strict=True) if window.lost]


def _counted(n: int, name: str) -> str:
    return f"{name}" if n == 1 else f"{n} {name}s"
