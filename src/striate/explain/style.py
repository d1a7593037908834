"""Image Style Transfer Using Convolutional Neural Networks. Gatys, Ecker, Bethge, CVPR 2016. arXiv:1508.06576

A picture with the content of one and the style of another: the Gram matrices of its layers are brought to those of the
style, one layer of its maps is held to that of the content, by L-BFGS. Sizes go from coarse to fine, as in Controlling
Perceptual Factors in Neural Style Transfer, Gatys, Ecker, Bethge, Hertzmann, Shechtman, CVPR 2017, arXiv:1611.07865,
section 6; its control of colours is in `style_colours`.

Deviations, which let any network transfer style where the paper needs VGG-19 with average pooling:
* Before the Gram matrix, each channel is shifted and scaled so that it has mean 0 and variance 1 in the style. Else the
  few strong channels of a network with batch norm hide all others. (The shift: Li, Wang, Liu, Hou, Demystifying Neural
  Style Transfer, 2017, arXiv:1701.01036, match means and variances too.)
* Each distance is relative to the size of what it is measured to, so every layer weighs the same on any network.
* The pixels are a layer of style too, and all layers are looked at once more in the picture at half its size.
* Colours are optimised in independent directions (`painting`), and neighbouring pixels are held together a little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from striate.errors import ConfigError
from striate.explain.chosen_layers import content_layer, style_layers
from striate.explain.painting import Watch, mixed, resized, unmixed
from striate.explain.style_colours import recoloured
from striate.explain.viewer import Viewer

SIZES = (0.25, 0.5, 1.0)  # of the picture, one after the other
SHARE = (0.4, 0.35, 0.25)  # of the steps that each gets
SMALLEST = 64  # pixels of the longer side
LEVELS = 2  # how often the picture is looked at, each time at half the size
BORDER = 16  # pixels by which a picture goes on mirrored, so that the padding of the layers leaves no frame
HISTORY = 20  # steps that L-BFGS remembers
SCALE = 1e3  # of the loss, so that the first step of L-BFGS is neither tiny nor wild
PIXELS = "pixels"
LEAST = 0.01  # of the mean square of a layer: channels that vary less than this are not blown up


@dataclass(frozen=True)
class Balance:
    """What counts how much beside the style, which counts 1. `smooth`: for neighbouring pixels that differ."""

    content: float = 0.1
    smooth: float = 0.5


@dataclass(frozen=True)
class Layers:
    """The names of the layers that say style and content; None: chosen by depth."""

    style: Sequence[str] | None = None
    content: str | None = None


@dataclass(frozen=True)
class Styled:
    """`picture`: (1, c, h, w) in 0..1. Distances are squared and relative to what they are measured to; 0 is the same.

    `style`: (before, after) to the Gram matrices of the style, for the content's picture and the result, mean of all
    layers; `content`: of the result to the content's maps. `layers`: those that were used.
    """

    picture: Tensor
    style: tuple[float, float]
    content: float
    layers: Layers


def gram(features: Tensor) -> Tensor:
    """(n, c, c): the products of the channels of `features` (n, c, ...), mean over positions.

    >>> gram(torch.tensor([[[1.0, 3.0], [2.0, 0.0]]]))
    tensor([[[5., 1.],
             [1., 2.]]])
    """
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


class Measure:
    """The distances of pictures to the style and the content, at one size. `style`, `content`: (1, c, h, w)."""

    def __init__(self, viewer: Viewer, style: Tensor, content: Tensor, layers: Layers):
        assert layers.style is not None
        assert layers.content is not None
        self.viewer, self.style_names, self.content_name = viewer, tuple(layers.style), layers.content
        self.spread: dict[tuple[int, str], tuple[Tensor, Tensor]] = {}
        with torch.no_grad():
            shown, self.kept = self._looked(style)[0], self._looked(content)[1]
            for key, maps in shown.items():
                flat = maps.flatten(2)
                variance = flat.var(2, unbiased=False)[..., None, None]
                self.spread[key] = (
                    flat.mean(2)[..., None, None],
                    (variance + LEAST * flat.square().mean() + 1e-12).sqrt(),
                )
            self.wanted = {key: self._gram(key, maps) for key, maps in shown.items()}

    def __call__(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The distances of `picture` (1, c, h, w) to the style and to the content."""
        shown, kept = self._looked(picture)
        apart = [_relative(self._gram(key, shown[key]), wanted) for key, wanted in self.wanted.items()]
        middle = self.kept.mean((2, 3), keepdim=True)
        return torch.stack(apart).mean(), _relative(kept - middle, self.kept - middle)

    def _gram(self, key: tuple[int, str], maps: Tensor) -> Tensor:
        mean, deviation = self.spread[key]
        return gram((maps - mean) / deviation)

    def _looked(self, picture: Tensor) -> tuple[dict[tuple[int, str], Tensor], Tensor]:
        """The maps of style by (level, layer), and those of content."""
        shown: dict[tuple[int, str], Tensor] = {}
        room = min(BORDER, *(side - 1 for side in picture.shape[2:]))
        kept = picture = pad(picture, (room,) * 4, mode="reflect")
        for level in range(LEVELS):
            if level:
                picture = interpolate(picture, scale_factor=0.5, mode="bilinear", antialias=True)
            names = self.style_names if level else [*self.style_names, self.content_name]
            found = self.viewer.maps(picture, names)
            kept = found[self.content_name] if level == 0 else kept
            shown |= {(level, name): found[name] for name in self.style_names} | {(level, PIXELS): picture}
        return shown, kept


def style(
    viewer: Viewer,
    content: Tensor,
    manner: Tensor,
    *,
    layers: Layers = Layers(),
    balance: Balance = Balance(),
    steps: int = 200,
    watch: Watch = Watch(),  # noqa: B008  frozen
) -> Styled:
    """`content` (1, c, h, w) in 0..1 painted in the style of `manner` (1, c, any size).

    `steps`: evaluations of the loss, over all sizes. Nothing in it is random.
    """
    if not content.shape[1] == manner.shape[1] == viewer.image[0]:
        raise ConfigError(
            f"the pictures have {content.shape[1]} and {manner.shape[1]} channels, and the network takes "
            f"{viewer.image[0]}."
        )
    chosen = Layers(
        style_layers(viewer) if layers.style is None else layers.style, layers.content or content_layer(viewer)
    )
    sizes = _sizes(content)
    counts = [max(1, round(steps * share / sum(SHARE[-len(sizes) :]))) for share in SHARE[-len(sizes) :]]
    picture, done, total = recoloured(content, manner), 0, sum(counts)
    for size, count in zip(sizes, counts, strict=True):
        longest = max(size) / max(manner.shape[2:])
        alike = (max(1, round(manner.shape[2] * longest)), max(1, round(manner.shape[3] * longest)))
        measure = Measure(viewer, resized(manner, alike).clamp(0, 1), resized(content, size).clamp(0, 1), chosen)
        painted = unmixed(resized(picture, size).clamp(0, 1) - 0.5).requires_grad_()
        picture = _optimised(painted, measure, balance, count, _Counted(watch, done, done + count, total))
        done += count
    found = picture.clamp(0, 1)
    with torch.no_grad():
        before, (after, away) = measure(content)[0], measure(found)
    return Styled(found, (float(before), float(after)), float(away), chosen)


@dataclass
class _Counted:
    """Tells of evaluations `done` + 1 to `end`, of `total`; those of a last line search beyond are not told."""

    watch: Watch
    done: int
    end: int
    total: int

    def __call__(self, value: float, picture: Tensor) -> None:
        if self.done < self.end:
            self.done += 1
            self.watch(self.done, self.total, value, picture)


def _optimised(
    painted: Tensor, measure: Measure, balance: Balance, evaluations: int, told: Callable[[float, Tensor], None]
) -> Tensor:
    """The picture after so many evaluations of the loss, from independent colours around 0."""
    lbfgs = torch.optim.LBFGS(
        [painted], max_iter=evaluations, max_eval=evaluations, history_size=HISTORY, line_search_fn="strong_wolfe",
        tolerance_grad=0, tolerance_change=0,
    )  # fmt: skip

    def loss() -> Tensor:
        with torch.enable_grad():
            picture = mixed(painted) + 0.5
            away, apart = measure(picture)
            outside = (picture - picture.clamp(0, 1)).square().mean()
            rough = sum((picture.diff(dim=dim).square().mean() for dim in (2, 3)), torch.zeros(()))
            value = away + balance.content * apart + balance.smooth * rough + 10 * outside
            (painted.grad,) = torch.autograd.grad(SCALE * value, painted)
        if not bool(value.isfinite()):
            raise ConfigError("the style cannot be followed: the network gives numbers that are not finite.")
        told(float(value.detach()), picture)
        return SCALE * value.detach()

    lbfgs.step(loss)
    return mixed(painted.detach()) + 0.5


def _sizes(content: Tensor) -> list[tuple[int, int]]:
    """(height, width) from coarse to fine."""
    height, width = content.shape[2:]
    sizes = [(max(1, round(height * share)), max(1, round(width * share))) for share in SIZES]
    return [size for size in sizes[:-1] if max(size) >= SMALLEST] + [(height, width)]


def _relative(found: Tensor, wanted: Tensor) -> Tensor:
    """The squared distance over the squared size of `wanted`."""
    return (found - wanted).square().sum() / (wanted.square().sum() + 1e-12)
