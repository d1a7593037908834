"""One picture painted in the style of another."""

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

    from striate.explain.painting import Tell
    from striate.explain.viewer import Viewer
    from striate.model import Model

NET = "efficientnet_lite0"


@dataclass(frozen=True)
class StyleSettings:
    """What to paint in whose manner, and with which network."""

    content: Path = setting(positional="CONTENT", meaning="the picture whose content is kept")
    style: Path = setting(positional="STYLE", meaning="the picture whose style is taken")
    net: str = setting(NET, meaning="a network with public weights, a run, or, with --weights, any network")
    weights: str | None = setting(None, meaning="weights of NET: a file, or a name that striate zoo lists")
    colours: str = setting(
        "style", meaning="whose colours: the style's, the content's, or the style's moved to the content's",
        choices=("style", "content", "matched"),
    )  # fmt: skip
    layers: str | None = setting(None, meaning="layers of style, as conv1_1,conv2_1; chosen by depth")
    content_layer: str | None = setting(None, meaning="the layer of content, as conv4_2; chosen by depth")
    strength: float = setting(1.0, meaning="of the style over the content; 2 is twice the usual", low=0.01, high=100.0)
    size: int = setting(512, meaning="pixels of the longer side", low=32, high=2048)
    steps: int = setting(200, meaning="evaluations of the loss by L-BFGS, over all sizes", low=1)
    every: int = setting(0, meaning="write the picture after every so many steps too; 0: never", low=0)
    out: Path | None = setting(None, short="o", meaning="write the picture here; style.png otherwise")


@dataclass(frozen=True)
class Stylised:
    """`pixels`: (c, h, w) uint8. Distances are relative, 0 is the same: `style` to the style's Gram matrices, for the
    content's picture and for the result; `content` of the result to the content."""

    pixels: Tensor
    style: tuple[float, float]
    content: float
    style_layers: tuple[str, ...]
    content_layer: str
    colours: str
    seconds: float

    @property
    def image(self) -> Image:
        """The picture as a Pillow image."""
        import PIL.Image

        plain = self.pixels[0] if len(self.pixels) == 1 else self.pixels.permute(1, 2, 0)
        return PIL.Image.fromarray(plain.contiguous().numpy())

    def save(self, path: str | Path) -> None:
        """Write the picture in the format of the name's ending."""
        from striate.verbs.dream_files import check_output, write

        check_output("style", Path(path), ())
        write(Path(path), self.pixels / 255)

    def as_json(self) -> dict[str, Any]:
        return {
            "style": {"before": self.style[0], "after": self.style[1]},
            "content": self.content,
            "style_layers": list(self.style_layers),
            "content_layer": self.content_layer,
            "colours": self.colours,
            "size": list(self.pixels.shape[1:]),
            "seconds": self.seconds,
        }


def style(
    content: str | Path, style: str | Path, net: str | Path | Model = NET, *, tell: Tell | None = None, **settings: Any
) -> Stylised:
    """The picture file `content` painted in the style of the picture file `style`.

    `net`: a network with public weights, a run, or a model. `settings`: weights, colours, layers, content_layer,
    strength, size, steps, every, as the command has them. `tell` is called with each `striate.explain.painting.Step`;
    every `every` steps it holds the picture. Nothing is random. Raises `UnknownName`, `ConfigError`, `DataError`.
    """
    from striate.model import Model, load

    values = {**settings, "content": str(content), "style": str(style)}
    values["net"] = "model" if isinstance(net, Model) else str(net)
    asked = checked(StyleSettings, values, where="style")
    model = net if isinstance(net, Model) else load(net, asked.weights)
    return _painted(model, asked, tell)


def _painted(model: Model, asked: StyleSettings, tell: Tell | None) -> Stylised:
    from striate.explain import style as transfer
    from striate.explain.painting import Watch, silent
    from striate.explain.style_colours import grey_manner, lightness, recoloured, with_colours_of
    from striate.verbs.dream_files import opened, viewer_of

    viewer = viewer_of(model)
    began, channels = time.perf_counter(), viewer.image[0]
    content, manner = (opened(path, asked.size, channels) for path in (asked.content, asked.style))
    shown = content
    if asked.colours == "matched":
        manner = recoloured(manner, content)
    elif asked.colours == "content":
        shown, manner = lightness(content), grey_manner(manner, content)
    usual = transfer.Balance()
    found = transfer.style(
        viewer, shown, manner, layers=_layers(viewer, asked),
        balance=transfer.Balance(usual.content / asked.strength, usual.smooth),
        steps=asked.steps, watch=Watch(tell or silent, asked.every),
    )  # fmt: skip
    picture = with_colours_of(found.picture, content) if asked.colours == "content" else found.picture
    used = found.layers
    assert used.style is not None
    assert used.content is not None
    return Stylised(
        (picture[0] * 255).round().byte(), found.style, found.content, tuple(used.style), used.content,
        asked.colours, time.perf_counter() - began,
    )  # fmt: skip


def _layers(viewer: Viewer, asked: StyleSettings) -> Any:
    """The layers that were named, each checked."""
    from striate.explain.chosen_layers import named
    from striate.explain.style import Layers

    names = None if asked.layers is None else [part.strip() for part in asked.layers.split(",") if part.strip()]
    if names is not None and not names:
        raise ConfigError("style: layers is empty. Name some, as conv1_1,conv2_1, or leave it out.")
    kept = None if asked.content_layer is None else named(viewer, asked.content_layer)
    return Layers(None if names is None else [named(viewer, name) for name in names], kept)
