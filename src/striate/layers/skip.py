"""A path and a way around it: what both give is added (He et al., arXiv:1512.03385, equations 1 and 2)."""

from __future__ import annotations

from torch import Tensor, nn

from striate.errors import ShapeError
from striate.misfit import times
from striate.rows import Row, Shape, output_shape, stack


class Skip(nn.Module):
    """body(x) + x, or body(x) + shortcut(x). Nothing is done to the sum.

    Raises `ShapeError` where the two shapes differ: torch would repeat a 1x1 map over the whole picture without a word.

    >>> from striate.rows import conv
    >>> output_shape(Skip((8, 14, 14), conv(8, 3, padding=1)), (8, 14, 14))
    (8, 14, 14)
    """

    def __init__(self, shape: Shape, body: Row, shortcut: Row | None = None):
        super().__init__()
        self.body = stack(shape, body=body).get_submodule("body")
        self.shortcut = nn.Identity() if shortcut is None else stack(shape, shortcut=shortcut).get_submodule("shortcut")
        gives, around = output_shape(self.body, shape), output_shape(self.shortcut, shape)
        if gives != around:
            raise ShapeError(
                f"its body gives {times(gives)}, but the way around it gives {times(around)}: they cannot be added. "
                + ("Put a 1x1 convolution on the way around it." if len(gives) > 1 else "Give both the same features."),
                given=shape,
                formula=f"{times(gives)} ≠ {times(around)}",
                parts=(gives, around),
            )

    def forward(self, x: Tensor) -> Tensor:
        both: Tensor = self.body(x) + self.shortcut(x)
        return both


class skip:
    """The row of `Skip`."""

    def __init__(self, body: Row, shortcut: Row | None = None):
        self.body, self.shortcut = body, shortcut

    def __repr__(self) -> str:
        return f"skip({self.body!r}{'' if self.shortcut is None else f', {self.shortcut!r}'})"

    def __call__(self, shape: Shape) -> Skip:
        return Skip(shape, self.body, self.shortcut)
