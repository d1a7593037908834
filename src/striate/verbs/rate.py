"""Which learning rate a network learns fastest with on some data, by raising it until the loss rises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.settings import checked, kinds, setting
from striate.training.config import TrainConfig

if TYPE_CHECKING:
    from striate.networks import Net
    from striate.training.range_test import RangeTest


@dataclass(frozen=True)
class RateSettings(TrainConfig):
    """A training's configuration, and the rates to try."""

    low: float = setting(1e-5, meaning="the first rate", low=1e-12, high=10.0, written=False)
    high: float = setting(10.0, meaning="the last rate", low=1e-11, high=1e6, written=False)
    steps: int = setting(100, meaning="steps from the first to the last", low=10, high=10_000, written=False)
    plot: Path | None = setting(None, meaning="draw the loss over the rate into this SVG file", written=False)


def rate(
    data: Any, net: Net = "lenet5", *, low: float = 1e-5, high: float = 10.0, steps: int = 100, **settings: Any
) -> RangeTest:
    """The learning-rate range test of `net` on `data`; `settings` as of `train`. Nothing is written."""
    from striate.training.range_test import range_test

    values = {"data": data if isinstance(data, str) else "python objects", **settings}
    values["net"] = net if isinstance(net, str) else "python object"
    return range_test(data, net, checked(TrainConfig, values, where="rate"), low=low, high=high, steps=steps)


def training_settings(settings: RateSettings) -> dict[str, Any]:
    """The fields of the training, without data, network and run."""
    return {name: getattr(settings, name) for name in kinds(TrainConfig) if name not in ("data", "net", "run")}


def draw(found: RangeTest, path: Path) -> None:
    """Draw the loss over the rate into an SVG file. `ConfigError` where it cannot be written."""
    from xml.sax.saxutils import escape

    from striate import atomic
    from striate.errors import ConfigError
    from striate.reports.chart import linear, logarithmic

    width, height, left, top, below = 720, 420, 64, 44, 56
    x = logarithmic(found.rates[0], found.rates[-1])
    shown = [min(loss, 1.5 * found.losses[0]) for loss in found.losses]
    y = linear(min(shown), max(shown))

    def across(value: float) -> float:
        return left + (width - left - 20) * x.at(value)

    def up(value: float) -> float:
        return height - below - (height - below - top) * y.at(value)

    points = " ".join(f"{across(r):.1f},{up(v):.1f}" for r, v in zip(found.rates, shown, strict=True))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"',
        ' font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{left}" y="24" font-size="15">{escape(found.network)}: steepest at {found.rate:.3g}</text>',
    ]
    for value, label in x.ticks:
        at = across(value)
        parts.append(f'<path d="M{at:.1f} {top}V{height - below}" stroke="#e3e3e3"/>')
        parts.append(f'<text x="{at:.1f}" y="{height - below + 20}" text-anchor="middle">{label}</text>')
    for value, label in y.ticks:
        at = up(value)
        parts.append(f'<path d="M{left} {at:.1f}H{width - 20}" stroke="#e3e3e3"/>')
        parts.append(f'<text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
    mark = across(found.rate)
    parts.append(
        f'<path d="M{mark:.1f} {top}V{height - below}" stroke="#b4551a" stroke-dasharray="5 4" stroke-width="2"/>'
    )
    parts.append(
        f'<polyline points="{points}" fill="none" stroke="#1f5fa8" stroke-width="2.5" stroke-linejoin="round"/>'
    )
    parts.append(f'<text x="{(left + width) / 2:.0f}" y="{height - 12}" text-anchor="middle">learning rate</text>')
    parts.append(f'<text transform="translate(16 {height / 2:.0f}) rotate(-90)" text-anchor="middle">loss</text>')
    try:
        atomic.write_text(path, "\n".join([*parts, "</svg>"]) + "\n")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}).") from None
