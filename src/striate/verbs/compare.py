"""Networks side by side, and what their convolutions would cost as other layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from striate.settings import setting
from striate.verbs.show import built, full_image, show

if TYPE_CHECKING:
    from striate.analysis.compare import Comparison
    from striate.analysis.equivalents import LayerEquivalents
    from striate.networks import Net
    from striate.rows import Shape


@dataclass(frozen=True)
class CompareSettings:
    """Which networks to lay side by side."""

    nets: list[str] = setting(positional="NET", meaning="networks by name, the lectures' notation, or file.py:function")
    image: tuple[int, ...] | None = setting(None, meaning="the picture all take; each network's own size")
    batch: int = setting(1, meaning="pictures at once; the bytes are for so many", low=1)
    classes: int | None = setting(None, meaning="classes of the last layer; each network's own number", low=1)
    equivalents: bool = setting(False, meaning="also what each convolution costs as dense and as separable layer")
    N: int | None = setting(None, meaning="the letter N of the lectures' pattern", low=0)
    M: int | None = setting(None, meaning="the letter M of the lectures' pattern", low=0)
    K: int | None = setting(None, meaning="the letter K of the lectures' pattern", low=0)


def compare(
    *nets: Net,
    image: Shape | None = None,
    batch: int = 1,
    classes: int | None = None,
    letters: Mapping[str, int] | None = None,
) -> Comparison:
    """`nets` side by side, with ratios to the first; each for its own picture where `image` is not given."""
    from striate.analysis.compare import compare as lay_side_by_side

    analyses = {}
    for number, net in enumerate(nets, 1):
        name = net if isinstance(net, str) else getattr(net, "__name__", type(net).__name__)
        key = name if name not in analyses else f"{name} ({number})"
        analyses[key] = show(net, image, batch=batch, classes=classes, letters=letters)
    return lay_side_by_side(analyses)


def equivalents(
    net: Net,
    *,
    image: Shape | None = None,
    classes: int | None = None,
    letters: Mapping[str, int] | None = None,
) -> tuple[LayerEquivalents, ...]:
    """For each convolution of `net`, the fully connected and the depthwise-separable layer in its place."""
    from striate.analysis.equivalents import convolution_equivalents

    shape = full_image(image, net)
    return convolution_equivalents(built(net, shape, classes, letters), shape)
