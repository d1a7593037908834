"""What a window does as it moves: convolution, cross-correlation, transposed convolution, max and average pooling.

All are one thing: numbers are laid out (zeros between them, a border around them), a window moves over them, and each
window gives one number of the result. So an `Operation` can be applied to a photograph and drawn step by step alike.

Modes of a convolution, as in scipy.signal: "valid", only windows that lie within the picture; "full", every window that
touches it; "same", the middle part of "full" that has the picture's size. `padding` is laid around before the mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor
from torch.nn import functional

from striate.arithmetic import never_seen, output_size, transposed_size
from striate.errors import ConfigError
from striate.explain.windows import Shape, extent, window_maxima, window_sums
from striate.registry import nearest
from striate.solving import Fit

OPERATIONS = ("convolution", "transposed", "max_pool", "average_pool")
MODES = ("valid", "same", "full")
MOST_NUMBERS = 500_000_000  # of a result or of what is laid out for it: 4 GB
LARGEST = 100_000  # of a stride, padding or dilation


@dataclass(frozen=True)
class Operation:
    """One operation, with all that it needs except the picture.

    `kernel`: its numbers, as they are written; of a pooling, the size of the window counts, not the numbers.
    `stride`, `padding`, `dilation`: one number for each axis of the kernel. `correlate`: the kernel is not turned.
    """

    name: str
    kernel: Tensor
    mode: str = "valid"
    stride: Shape = ()
    padding: Shape = ()
    dilation: Shape = ()
    correlate: bool = False

    def __post_init__(self) -> None:
        for field, known in (("name", OPERATIONS), ("mode", MODES)):
            value = getattr(self, field)
            if value not in known:
                close = nearest(str(value), list(known), 1)
                hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(known)}."
                kind = "operation" if field == "name" else field
                raise ConfigError(f"there is no {kind} called '{value}'. {hint}")
        if self.name != "convolution" and self.mode != "valid":
            raise ConfigError(f"mode {self.mode} belongs to a convolution. Leave it out, or use padding.")
        if self.name != "convolution" and self.correlate:
            raise ConfigError(f"correlate belongs to a convolution; {self.title.lower()} has no second kind.")
        for field, usual, least in (("stride", 1, 1), ("padding", 0, 0), ("dilation", 1, 1)):
            given = getattr(self, field) or (usual,) * self.kernel.ndim
            object.__setattr__(self, field, _each_axis(field, given, self.kernel.ndim, least))

    @property
    def title(self) -> str:
        """What lectures call it."""
        if self.name == "convolution":
            return "Cross-correlation" if self.correlate else "Convolution"
        return {"transposed": "Transposed convolution", "max_pool": "Max pooling"}.get(self.name, "Average pooling")

    @property
    def pools(self) -> bool:
        return self.name.endswith("pool")

    @property
    def turned(self) -> bool:
        """Whether the kernel is laid on the window turned by 180 degrees."""
        return self.name == "transposed" or (self.name == "convolution" and not self.correlate)

    @property
    def laid(self) -> Tensor:
        """The numbers that a window is multiplied with, place by place; of a max pooling, ones."""
        if self.pools:
            share = 1.0 if self.name == "max_pool" else 1 / prod(self.kernel.shape)
            return torch.full(tuple(self.kernel.shape), share, dtype=torch.float64)
        return self.kernel.flip(tuple(range(self.kernel.ndim))) if self.turned else self.kernel

    @property
    def moves(self) -> Shape:
        """Cells from window to window over the numbers laid out."""
        return (1,) * self.kernel.ndim if self.name == "transposed" else self.stride

    @property
    def border(self) -> tuple[tuple[int, int], ...]:
        """Cells laid around, (before, after) along each axis; below zero, cells taken away."""
        found = []
        for kernel, padding, dilation in zip(self.kernel.shape, self.padding, self.dilation, strict=True):
            rest = extent(kernel, dilation) - 1
            if self.name == "transposed":
                found.append((rest - padding, rest - padding))
            else:
                more = {"valid": (0, 0), "same": (rest - rest // 2, rest // 2), "full": (rest, rest)}[self.mode]
                found.append((padding + more[0], padding + more[1]))
        return tuple(found)

    def shape(self, sizes: Sequence[int]) -> Shape:
        """The sizes of the result along the axes of the kernel; `ConfigError` where there is no window."""
        if min(sizes) < 1:
            raise ConfigError("the picture is empty. Give one with at least 1 pixel.")
        if self.name == "transposed":
            steps = zip(sizes, self.kernel.shape, self.stride, self.padding, self.dilation, strict=True)
            found = tuple(transposed_size(n, k, s, 2 * p, d) for n, k, s, p, d in steps)
            if min(found) < 1:
                raise ConfigError(f"padding {_times(self.padding)} takes the whole result away. Take a smaller one.")
        else:
            found = tuple(self._windows(axis, size) for axis, size in enumerate(sizes))
            if min(found) < 1:
                self._refuse(sizes)
            if self.name == "max_pool":
                self._refuse_empty_windows(sizes)
        if prod(found) > MOST_NUMBERS:
            raise ConfigError(f"the result would have {prod(found):,} numbers, more than {MOST_NUMBERS:,}.")
        return found

    def _windows(self, axis: int, size: int) -> int:
        kernel, stride, dilation = self.kernel.shape[axis], self.stride[axis], self.dilation[axis]
        return output_size(size, kernel, stride, sum(self.border[axis]), dilation)

    def _refuse_empty_windows(self, sizes: Sequence[int]) -> None:
        """Each window of a max pooling must hold a number of the picture: the border has none."""
        for size, kernel, padding, dilation in zip(sizes, self.kernel.shape, self.padding, self.dilation, strict=True):
            most = extent(kernel, dilation) // 2 if dilation <= size else 0
            if padding > most:
                raise ConfigError(f"padding is {padding}; here a max pooling takes at most {most}, half its window.")

    def _refuse(self, sizes: Sequence[int]) -> None:
        reach = [extent(k, d) for k, d in zip(self.kernel.shape, self.dilation, strict=True)]
        short = max(e - n - sum(b) for e, n, b in zip(reach, sizes, self.border, strict=True))
        what = f"window {_times(reach)}" if self.pools else f"kernel {_times(reach)}"
        more = "" if set(self.dilation) == {1} else " with its dilation"
        around = f" with padding {_times(self.padding)}" if any(self.padding) else ""
        mend = f"padding {max(self.padding) + -(-short // 2)}" + ("" if self.pools else ", or mode full or same")
        raise ConfigError(
            f"the {what}{more} is larger than the picture, {_times(sizes)}{around}. Take a smaller one, {mend}."
        )

    def lay_out(self, picture: Tensor) -> Tensor:
        """The numbers that the window moves over: zeros put between (transposed), the border put around.

        The border is 0; of a max pooling it is the least number that there is, so that it never wins.
        """
        axes = self.kernel.ndim
        sizes = picture.shape[-axes:]
        self.shape(sizes)
        spread = self.stride if self.name == "transposed" else (1,) * axes
        laid_out = [(n - 1) * s + 1 + sum(b) for n, s, b in zip(sizes, spread, self.border, strict=True)]
        if (numbers := prod(picture.shape[:-axes]) * prod(laid_out)) > MOST_NUMBERS:
            raise ConfigError(f"with its border it has {numbers:,} numbers, more than {MOST_NUMBERS:,}. Pad less.")
        if self.name == "transposed" and max(self.stride) > 1:
            wide = [(n - 1) * s + 1 for n, s in zip(sizes, self.stride, strict=True)]
            wider = torch.zeros(*picture.shape[:-axes], *wide, dtype=picture.dtype, device=picture.device)
            places = tuple(slice(None, None, s) for s in self.stride)
            wider[(slice(None),) * (picture.ndim - axes) + places] = picture
            picture = wider
        flat = [side for pair in reversed(self.border) for side in pair]
        if not any(flat):
            return picture
        return functional.pad(picture, flat, value=_least(picture.dtype) if self.name == "max_pool" else 0)

    def __call__(self, picture: Tensor) -> Tensor:
        """The result for `picture`, whose last axes are those of the kernel; each of those before it stands alone.

        The type is that of a floating-point picture; else float64, or, of a max pooling, the picture's own.
        """
        with torch.no_grad():
            laid_out = self.lay_out(picture)
            if self.name == "max_pool":
                return window_maxima(laid_out, tuple(self.kernel.shape), self.moves, self.dilation)
            return window_sums(laid_out, self.laid, self.moves, self.dilation)

    def formulas(self, sizes: Sequence[int]) -> tuple[str, ...]:
        """The arithmetic of the size along each axis, with its numbers.

        >>> Operation("convolution", torch.ones(3, 3), stride=(2, 2), padding=(1, 1)).formulas((5, 7))
        ('(5 + 2·1 − 3)/2 + 1 = 3', '(7 + 2·1 − 3)/2 + 1 = 4')
        """
        found = []
        for axis, (size, output) in enumerate(zip(sizes, self.shape(sizes), strict=True)):
            kernel, stride, dilation = self.kernel.shape[axis], self.stride[axis], self.dilation[axis]
            if self.name == "transposed":
                window = f"{kernel}" if dilation == 1 else f"{dilation}·({kernel} − 1) + 1"
                found.append(f"({size} − 1)·{stride} − 2·{self.padding[axis]} + {window} = {output}")
                continue
            border = self.border[axis]
            unseen = never_seen(size, kernel, stride, sum(border), dilation)
            found.append(Fit(size, kernel, stride, border, dilation, output, unseen).formula)
        return tuple(found)

    def of_rows(self) -> Operation:
        """The same operation with rows of one line where it had one axis, so that it can be drawn."""
        if self.kernel.ndim == 2:
            return self
        return replace(
            self,
            kernel=self.kernel[None],
            stride=(1, *self.stride),
            padding=(0, *self.padding),
            dilation=(1, *self.dilation),
        )


def _each_axis(name: str, given: Sequence[int], axes: int, least: int) -> Shape:
    values = tuple(given) * axes if len(given) == 1 else tuple(given)
    if len(values) != axes:
        raise ConfigError(f"{name} is {_times(values)}; the kernel has {axes} axes. Give one number, or {axes}.")
    for value in values:
        if not least <= value <= LARGEST:
            raise ConfigError(f"{name} is {value}; it must be between {least} and {LARGEST:,}.")
    return values


def _times(sizes: Sequence[int]) -> str:
    return "×".join(str(size) for size in sizes)


def _least(kind: torch.dtype) -> float:
    return float("-inf") if kind.is_floating_point else torch.iinfo(kind).min
