"""What the words of the notation mean: the rows of each, and the sizes that nobody wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from torch import nn

from striate.arithmetic import same_padding
from striate.layers.local import local
from striate.layers.maxout import Maxout
from striate.layers.pooling import avg_pool, max_pool, pool_to, smallest
from striate.layers.separable import depthwise, separable
from striate.layers.squeeze_excitation import squeeze_excitation
from striate.notation.arguments import Border, Settings
from striate.rows import Row, Size, conv, deconv, linear, norm, zeros

WIDTH, MOST_WIDTH, HIDDEN = 32, 512, 128  # first maps, the most that doubling gives, features of an fc
SIGNALS = ("linear", "bilinear", "trilinear")  # torch's words for interpolation along 1, 2, 3 axes

Rows = Iterable[tuple[str, Row]]  # a name without its number, and the row
Axes = tuple[int, ...]  # one number an axis


@dataclass
class State:
    """What the rows so far mean for those that follow.

    `width`: maps of the next convolution that does not say; `channels`: maps at this place; `flat`: whether they are
    features; `last`: whether this is the fully connected layer that gives the `classes`.
    """

    axes: int
    classes: int
    channels: int
    width: int = WIDTH
    flat: bool = False
    last: bool = False


def kept(kernel: Axes, stride: Axes, dilation: Axes) -> Border:
    """The border of a convolution that does not say: half the window on both sides where it is odd.

    An even one gets what makes N pixels N/stride where that is whole; an odd pixel of it goes to the bottom or right.

    >>> kept((3, 7), (1, 2), (1, 1)), kept((2,), (1,), (1,)), kept((4,), (4,), (1,)), kept((4,), (2,), (1,))
    (((1, 1), (3, 3)), ((0, 1),), ((0, 0),), ((1, 1),))
    """
    border = []
    for k, s, d in zip(kernel, stride, dilation, strict=True):
        extent = d * (k - 1) + 1
        total = extent - 1 if extent % 2 else max(0, extent - s)
        border.append((total // 2, total - total // 2))
    return tuple(border)


def short(sizes: Iterable[int]) -> Size:
    """One number where all axes have the same."""
    along = tuple(sizes)
    return along[0] if len(set(along)) == 1 else along


def window(given: Settings, kernel: int = 3) -> tuple[Axes, Axes, Axes]:
    """Kernel, stride and dilation of each axis."""
    return given.size("kernel", kernel), given.size("stride", 1), given.size("dilation", 1)


def bordered(
    given: Settings, kernel: Axes, stride: Axes, dilation: Axes, default: Border | None = None
) -> Border | str:
    """The border of each axis; "same" or "same^" where it depends on the size of the maps."""
    for same in ("same", "same^"):
        if same in given and max(stride) > 1:
            return same
        if same in given:
            upper = same == "same^"
            return tuple(same_padding(k, d, upper=upper) for k, d in zip(kernel, dilation, strict=True))
    return given.border("padding", kept(kernel, stride, dilation) if default is None else default)


def whole(padding: Size | str) -> Size:
    """A padding that is known to be in numbers."""
    assert not isinstance(padding, str), "a row that takes no 'same' was given it"
    return padding


def padded(
    stem: str, border: Border | str, row: Callable[[Size | str], Row], put: Callable[..., nn.Module] = zeros
) -> Iterator[tuple[str, Row]]:
    """`row` of a padding; where its sides differ, a row that puts the border there stands above it."""
    if isinstance(border, str):
        yield stem, row(border)
    elif all(before == after for before, after in border):
        yield stem, row(short(before for before, _ in border))
    else:
        yield "pad", put(*border)
        yield stem, row(0)


def widen(given: Settings, state: State) -> int:
    """The maps that a convolution gives, which is also the width of the next."""
    state.width = state.channels = given.count("out", state.width)
    return state.width


def conv_rows(given: Settings, state: State, *, kernel: int = 3) -> Rows:
    k, s, d = window(given, kernel)
    row = partial(
        conv, widen(given, state), short(k), stride=short(s), dilation=short(d),
        groups=given.count("groups", 1), bias="nobias" not in given,
    )  # fmt: skip
    return padded("conv", bordered(given, k, s, d), lambda padding: row(padding=padding))


def pointwise_rows(given: Settings, state: State) -> Rows:
    stride, bias = short(given.size("stride", 1)), "nobias" not in given
    yield "conv", conv(widen(given, state), 1, stride=stride, groups=given.count("groups", 1), bias=bias)


def depthwise_rows(given: Settings, state: State) -> Rows:
    k, s, d = window(given)
    row = partial(depthwise, short(k), stride=short(s), dilation=short(d), bias="nobias" not in given)
    return padded("dw", bordered(given, k, s, d), lambda padding: row(padding=padding))


def separable_rows(given: Settings, state: State) -> Rows:
    k, s, d = window(given)
    out, bias = widen(given, state), "nobias" not in given
    row = partial(separable, out, short(k), stride=short(s), dilation=short(d), bias=bias)
    return padded("sep", bordered(given, k, s, d), lambda padding: row(padding=padding))


def local_rows(given: Settings, state: State) -> Rows:
    k, s = given.size("kernel", 3), short(given.size("stride", 1))
    out, bias = widen(given, state), "nobias" not in given
    border = given.border("padding", ((0, 0),) * len(k))
    return padded("local", border, lambda padding: local(out, short(k), stride=s, padding=whole(padding), bias=bias))


def spread(kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Padding of a side and output padding of a transposed convolution that makes N pixels N·stride, if they exist."""
    total = dilation * (kernel - 1) + 1 - stride
    if total < 0:
        return 0, -total
    odd = total % 2 if max(stride, dilation) > 1 else 0
    return (total + odd) // 2, odd


def deconv_rows(given: Settings, state: State) -> Rows:
    k, s, d = given.size("kernel", 2), given.size("stride", 2), given.size("dilation", 1)
    both = [spread(*along) for along in zip(k, s, d, strict=True)]
    padding, more = (tuple(sides) for sides in zip(*both, strict=True))
    if "padding" in given:
        padding, more = given.size("padding", 0, least=0), (0,) * len(k)
    if "output_padding" in given:
        more = given.size("output_padding", 0, least=0)
    yield "deconv", deconv(
        widen(given, state), short(k), stride=short(s), padding=short(padding), output_padding=short(more),
        dilation=short(d), groups=given.count("groups", 1), bias="nobias" not in given,
    )  # fmt: skip


def fc_rows(given: Settings, state: State) -> Rows:
    if not state.flat:
        yield "flatten", nn.Flatten()
    state.flat = True
    state.channels = given.count("out", state.classes if state.last else HIDDEN)
    yield "fc", linear(state.channels, bias="nobias" not in given)


def pool_rows(given: Settings, state: State) -> Rows:
    k = given.size("kernel", 2)
    s, d = given.size("stride", 0) if "stride" in given else k, given.size("dilation", 1)
    row = partial(max_pool, short(k), stride=short(s), dilation=short(d), ceil="ceil" in given)
    state.width = max(state.width, min(MOST_WIDTH, 2 * state.width))
    border = bordered(given, k, s, d, ((0, 0),) * len(k))
    return padded("pool", border, lambda padding: row(padding=padding), smallest)


def average_rows(given: Settings, state: State) -> Rows:
    k = given.size("kernel", 2)
    s = given.size("stride", 0) if "stride" in given else k
    row = partial(avg_pool, short(k), stride=short(s), ceil="ceil" in given)
    state.width = max(state.width, min(MOST_WIDTH, 2 * state.width))
    border = bordered(given, k, s, (1,) * len(k), ((0, 0),) * len(k))
    return padded("avgpool", border, lambda padding: row(padding=padding))


def global_rows(stem: str, largest: bool, given: Settings, state: State) -> Rows:
    """Global pooling gives features; with a size it gives maps of that size."""
    yield stem, pool_to(short(given.size("size", 1)), largest=largest)
    if "size" not in given:
        state.flat = True
        yield "flatten", nn.Flatten()


def flatten_rows(given: Settings, state: State) -> Rows:
    state.flat = True
    yield "flatten", nn.Flatten()


def unflatten_rows(given: Settings, state: State) -> Rows:
    size = given.shape("shape", (state.channels, *(1,) * state.axes))
    state.flat, state.channels = False, size[0]
    yield "unflatten", nn.Unflatten(1, size)


def up_rows(given: Settings, state: State) -> Rows:
    scale = tuple(float(n) for n in given.size("size", 2))
    yield "up", nn.Upsample(scale_factor=scale, mode=SIGNALS[state.axes - 1] if "linear" in given else "nearest")


def pad_rows(given: Settings, state: State) -> Rows:
    yield "pad", zeros(*given.border("padding", ((1, 1),) * state.axes))


def maxout_rows(given: Settings, state: State) -> Rows:
    pieces = given.count("pieces", 2)
    state.channels //= pieces
    yield "maxout", Maxout(pieces)


def norm_rows(given: Settings, state: State) -> Rows:
    yield "norm", norm()


def lrn_rows(given: Settings, state: State) -> Rows:
    yield "lrn", nn.LocalResponseNorm(given.count("maps", 5))


def excitation_rows(given: Settings, state: State) -> Rows:
    yield "se", squeeze_excitation(given.count("reduction", 16))


def dropout_rows(given: Settings, state: State) -> Rows:
    yield "dropout", nn.Dropout(given.fraction("share", 0.5))


def sloped_rows(stem: str, build: Callable[[float], nn.Module], slope: float, given: Settings, state: State) -> Rows:
    """An activation with one number."""
    yield stem, build(given.fraction("slope", slope))


def plain_rows(stem: str, build: Callable[[], nn.Module], given: Settings, state: State) -> Rows:
    """A layer without settings."""
    yield stem, build()
