"""What a network dreams: a photograph with more of what a layer finds, or a picture made from nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import ConfigError
from striate.settings import checked, setting

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from striate.explain.goals import Goal
    from striate.explain.painting import Tell
    from striate.explain.viewer import Viewer
    from striate.model import Model

OCTAVES, STEPS, FROM_NOTHING = 5, 20, 256


@dataclass(frozen=True)
class DreamSettings:
    """Which network dreams, of what, over which picture."""

    source: str = setting(positional="RUN|NET", meaning="the folder of a run, or a network with public weights")
    picture: Path | None = setting(None, positional="IMAGE", meaning="a picture to dream over; none: from nothing")
    layer: str | None = setting(None, meaning="the layer, as `striate show` names it; chosen by depth")
    channel: int | None = setting(None, meaning="one channel of the layer, counted from 0", low=0)
    class_: str | None = setting(None, meaning="a class instead of a layer: its name or its number")
    guide: Path | None = setting(None, meaning="a picture: dream of what the layer finds in it")
    octaves: int | None = setting(None, meaning=f"sizes, each 1.4 times the one before; {OCTAVES}", low=1, high=12)
    steps: int | None = setting(
        None, meaning=f"steps at each size, {STEPS}; from nothing in all, {FROM_NOTHING}", low=1
    )
    size: int = setting(512, meaning="pixels of the longer side", low=32, high=2048)
    weights: str | None = setting(None, meaning="weights of NET: a file, or a name that striate zoo lists")
    every: int = setting(0, meaning="write the picture after every so many steps too; 0: never", low=0)
    seed: int = setting(0, meaning="of all that is random", low=0)
    out: Path | None = setting(None, short="o", meaning="write the picture here; dream.png otherwise")


@dataclass(frozen=True)
class Dream:
    """`pixels`: (c, h, w) uint8. `before`, `after`: how much the goal is in the first and in the last picture.

    `label`: of the class, or None; `probability`: of that class, as the network sees the last picture.
    """

    pixels: Tensor
    layer: str | None
    channel: int | None
    label: str | None
    before: float
    after: float
    probability: float | None
    seconds: float
    seed: int

    @property
    def image(self) -> Image:
        """The picture as a Pillow image."""
        import PIL.Image

        plain = self.pixels[0] if len(self.pixels) == 1 else self.pixels.permute(1, 2, 0)
        return PIL.Image.fromarray(plain.contiguous().numpy())

    def save(self, path: str | Path) -> None:
        """Write the picture in the format of the name's ending."""
        from striate.verbs.dream_files import check_output, write

        check_output("dream", Path(path), ())
        write(Path(path), self.pixels / 255)

    def as_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "channel": self.channel,
            "class": self.label,
            "before": self.before,
            "after": self.after,
            "probability": self.probability,
            "size": list(self.pixels.shape[1:]),
            "seed": self.seed,
            "seconds": self.seconds,
        }


def dream(
    source: str | Path | Model, picture: str | Path | None = None, *, tell: Tell | None = None, **settings: Any
) -> Dream:
    """What `source` (a run, a network with public weights, or a model) dreams over `picture`, or from nothing.

    `settings`: layer, channel, class_, guide, octaves, steps, size, weights, every, seed, as the command has them.
    `tell` is called with each `striate.explain.painting.Step`; every `every` steps it holds the picture. The same seed
    gives the same picture. Raises `UnknownName` for a layer or a class that is not there, `ConfigError`, `DataError`.
    """
    from striate.model import Model, load

    values = {**settings, "source": source if isinstance(source, str) else "model", "picture": picture}
    values |= {"source": str(source)} if isinstance(source, Path) else {}
    asked = checked(
        DreamSettings, {key: str(v) if isinstance(v, Path) else v for key, v in values.items()}, where="dream"
    )
    _check(asked)
    model = source if isinstance(source, Model) else load(source, asked.weights)
    return _dreamt(model, asked, tell)


def _check(asked: DreamSettings) -> None:
    """Raise `ConfigError` for settings that exclude each other."""
    of_layer = {"--layer": asked.layer, "--channel": asked.channel, "--guide": asked.guide}
    for name, value in of_layer.items():
        if asked.class_ is not None and value is not None:
            raise ConfigError(f"dream: {name} belongs to a layer and --class to a class. Leave one of them out.")
    if asked.guide is not None and asked.channel is not None:
        raise ConfigError("dream: --guide says what to find in all channels. Leave --channel or --guide out.")
    if asked.picture is None and asked.octaves is not None:
        raise ConfigError("dream: --octaves are of a picture that is dreamt over. Give IMAGE, or leave it out.")


def _dreamt(model: Model, asked: DreamSettings, tell: Tell | None) -> Dream:
    from striate.explain.answers import probabilities
    from striate.explain.class_picture import class_picture
    from striate.explain.dream import Octaves
    from striate.explain.dream import dream as dream_over
    from striate.explain.painting import Watch, silent
    from striate.verbs.dream_files import opened, viewer_of

    viewer = viewer_of(model)
    began, watch, channels = time.perf_counter(), Watch(tell or silent, asked.every), viewer.image[0]
    start = None if asked.picture is None else opened(asked.picture, asked.size, channels)
    goal, layer = _goal(viewer, model, asked)
    if start is None:
        size = (asked.size, asked.size)
        found = class_picture(viewer, goal, size, steps=asked.steps or FROM_NOTHING, seed=asked.seed, watch=watch)
    else:
        octaves = Octaves(asked.octaves or OCTAVES, asked.steps or STEPS)
        found = dream_over(viewer, start, goal, octaves, seed=asked.seed, watch=watch)
    number = getattr(goal, "number", None)
    share = None
    if number is not None:
        sized = viewer.own_size(found.picture)
        share = float(probabilities(viewer.scores(sized).detach())[0, number])
    return Dream(
        (found.picture[0] * 255).round().byte(), layer, asked.channel,
        None if number is None else model.classes[number],
        found.before, found.after, share, time.perf_counter() - began, asked.seed,
    )  # fmt: skip


def _goal(viewer: Viewer, model: Model, asked: DreamSettings) -> tuple[Goal, str | None]:
    """What to have more of, and the layer that this is asked of."""
    from striate.data.classes import class_number
    from striate.explain.chosen_layers import dream_layer, named
    from striate.explain.goals import Class, Layer, channel_of, guided
    from striate.verbs.dream_files import opened

    if asked.class_ is not None:
        return Class(class_number(asked.class_, model.classes)), None
    layer = dream_layer(viewer) if asked.layer is None else named(viewer, asked.layer)
    if asked.guide is not None:
        return guided(viewer, layer, opened(asked.guide, min(asked.size, max(viewer.image)), viewer.image[0])), layer
    return (Layer(layer) if asked.channel is None else channel_of(viewer, layer, asked.channel)), layer
