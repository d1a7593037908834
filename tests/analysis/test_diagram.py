"""The drawing of a network: what it says, that nothing lies upon anything else, and the two files."""

from __future__ import annotations

import io
import itertools
import random
import re
from collections.abc import Iterator
from functools import cache
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from striate.analysis.analyse import analyse
from striate.analysis.diagram import draw_png, draw_svg
from striate.analysis.diagram_page import scene_of
from striate.analysis.diagram_scene import Bar, Face, Mark, Scene, Titled, Words, words_width
from striate.analysis.result import Analysis, Layer
from striate.palette import DARK, LIGHT
from striate.zoo import networks

SVG = "{http://www.w3.org/2000/svg}"


ZOO = (
    "lenet5", "lenet5_1998", "vgg16", "googlenet", "resnet18", "resnet50", "inception_v3", "inception_resnet_v2",
    "mobilenet_v1", "squeezenet1_1", "senet154", "dpn68", "densenet121", "xception", "nasnet_a_mobile",
)  # fmt: skip


@cache
def known(name: str) -> Analysis:
    """The analysis of a network of the zoo at its own image."""
    with torch.device("meta"):
        net = networks[name]()
    return analyse(net, networks[name].facts.image)


def by_hand(*layers: Layer, image: tuple[int, ...] = (3, 32, 32)) -> Analysis:
    parameters, multiply_adds = sum(a.parameters for a in layers), sum(a.multiply_adds for a in layers)
    return Analysis(image, 1, layers, parameters, parameters, multiply_adds, 0, 0, 0, 0, 0, 0, None)


def conv(name: str, source: str, out: int = 8, size: int = 32) -> Layer:
    return Layer(name, "Conv2d", (source,), (out, size, size), 100, multiply_adds=1_000, detail="3x3")


class UNet(nn.Module):
    """A small one: two steps down, two up, the maps of the way down joined to those of the way up."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 8), (8, 16), (16, 32)))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in ((32, 16), (16, 8)))
        self.mix = nn.ModuleList(nn.Conv2d(2 * a, a, 3, padding=1) for a in (16, 8))
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        one = self.down[0](x).relu()
        two = self.down[1](self.pool(one)).relu()
        three = self.down[2](self.pool(two)).relu()
        x = self.mix[0](torch.cat([two, self.up[0](three)], 1)).relu()
        return self.mix[1](torch.cat([one, self.up[1](x)], 1)).relu()


class Heads(nn.Module):
    """More than one output."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Conv2d(3, 8, 3)
        self.deep = nn.Sequential(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 9, 3))
        self.heads = nn.ModuleList(nn.Conv2d(8, k, 1) for k in (2, 4, 5))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.trunk(x)
        return [*(head(x) for head in self.heads), self.deep(x)]


ODD = {
    "nothing": (nn.Identity(), (3, 8, 8)),
    "one layer": (nn.Conv2d(3, 8, 3), (3, 8, 8)),
    "features": (nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1)), (4,)),
    "signal": (nn.Sequential(nn.Conv1d(1, 8, 3), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(8 * 31, 2)), (1, 64)),
    "volume": (nn.Sequential(nn.Conv3d(1, 8, 3), nn.ReLU(), nn.MaxPool3d(2)), (1, 8, 8, 8)),
    "u-net": (UNet(), (3, 64, 64)),
    "heads": (Heads(), (3, 16, 16)),
}


def drawn(name: str) -> Analysis:
    return analyse(*ODD[name]) if name in ODD else known(name)


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def titles(svg: str) -> list[str]:
    return [title.text or "" for title in ElementTree.fromstring(svg).iter(f"{SVG}title")]


def every_mark(marks: tuple[Mark, ...]) -> Iterator[Mark]:
    for mark in marks:
        yield mark
        if isinstance(mark, Titled):
            yield from every_mark(mark.marks)


def test_lenet5_has_the_volumes_of_the_lecture():
    numbers = [text for text in texts(draw_svg(known("lenet5"))) if re.fullmatch(r"\d+²?", text)]
    assert numbers == ["1", "28²", "6", "28²", "6", "14²", "16", "10²", "16", "5²", "120", "84", "10"]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("resnet50", [2, 3, 5, 2]),  # 3, 4, 6 and 3 blocks (He et al., table 1), the first of each with a projection
        ("resnet152", [2, 7, 35, 2]),  # 3, 8, 36 and 3
        ("densenet121", [6, 12, 24, 16]),  # Huang et al., table 1
        ("googlenet", [2, 5, 2]),  # 3a-b, 4a-e, 5a-b (Szegedy et al., table 1)
        ("mobilenet_v1", [5]),  # Howard et al., table 1
    ],
)
def test_what_repeats_is_drawn_once_with_the_repeats_of_the_papers_table(name: str, counts: list[int]):
    said = [int(text[1:]) for text in texts(draw_svg(known(name))) if re.fullmatch(r"×\d+", text)]
    assert said == counts


def test_copies_that_differ_say_in_what():
    assert {"256, 480 maps", "512 to 832 maps", "832, 1024 maps"} <= set(texts(draw_svg(known("googlenet"))))


def boxes(scene: Scene) -> Iterator[tuple[str, float, float, float, float]]:
    """(what, left, top, right, bottom) of each text and of each volume."""
    for mark in every_mark(scene.marks):
        if isinstance(mark, Words):
            width = words_width(mark.text, mark.size, bold=mark.bold)
            left = mark.x - width / 2 if mark.anchor == "middle" else mark.x
            yield mark.text, left, mark.y - 0.75 * mark.size, left + width, mark.y + 0.1 * mark.size
        elif isinstance(mark, Titled) and any(isinstance(part, Face) for part in mark.marks):
            corners = [p for part in mark.marks if isinstance(part, Face) for p in part.points]
            corners += [
                p
                for part in mark.marks
                if isinstance(part, Bar)
                for p in ((part.x, part.y), (part.x + part.width, part.y + part.height))
            ]
            xs, ys = zip(*corners, strict=True)
            yield mark.title, min(xs), min(ys), max(xs), max(ys)


@pytest.mark.parametrize("name", [*ZOO, *ODD])
def test_no_text_and_no_volume_lies_upon_another(name: str):
    scene = scene_of(drawn(name), "A title")
    found = [*boxes(scene)]
    for a, b in itertools.combinations(found, 2):
        apart = a[3] <= b[1] + 0.1 or b[3] <= a[1] + 0.1 or a[4] <= b[2] + 0.1 or b[4] <= a[2] + 0.1
        assert apart, (a, b)
    assert all(
        left >= 0 and right <= scene.width and top >= 0 and bottom <= scene.height
        for _, left, top, right, bottom in found
    )


def test_a_u_net_is_drawn_as_a_u():
    svg = draw_svg(analyse(*ODD["u-net"]))
    tops = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        title, rect = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        if title is not None and title.text and rect is not None:
            tops[title.text.split()[0]] = float(rect.attrib["y"])
    assert tops["down.0"] < tops["down.1"] < tops["down.2"]
    assert tops["down.2"] > tops["mix.0"] > tops["mix.1"]


def test_a_pointer_is_told_layers_shape_parameters_and_multiply_adds():
    (told,) = [title for title in titles(draw_svg(known("vgg16"))) if title.startswith("features.0 ")]
    assert "Conv2d" in told
    assert "features.1 ReLU" in told
    assert told.splitlines()[-3:] == ["64 × 224 × 224", "1\u2009792 parameters", "86\u2009704\u2009128 multiply-adds"]


def test_a_long_chain_of_unlike_layers_shows_its_ends_and_says_how_many_are_left_out():
    widths = random.Random(0).sample(range(3, 2_000), 600)
    layers = [conv(f"conv{i}", f"conv{i - 1}" if i else "", width, 700 - i) for i, width in enumerate(widths)]
    svg = draw_svg(by_hand(*layers, image=(3, 701, 701)))
    (said,) = [text for text in texts(svg) if text.startswith("…")]
    assert said == f"… {601 - 2 * 19} more …"
    assert titles(svg)[1].startswith("conv0 ")
    assert titles(svg)[-1].startswith("conv599 ")


def test_many_lanes_that_give_the_same_are_drawn_as_one():
    assert "×16" in texts(draw_svg(known("lenet5_1998")))  # the partial connections of C3


@pytest.mark.parametrize("dark", [False, True, None])
def test_the_svg_is_one_file_without_scripts_or_anything_to_fetch(dark: bool | None):
    svg = draw_svg(known("googlenet"), dark=dark)
    root = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "style", "rect", "path", "circle", "text", "g", "title",
    }  # fmt: skip
    assert not re.search(r"href|url\(|@import|javascript|on\w+=", svg)


def test_names_and_titles_are_escaped():
    analysis = by_hand(conv('<b> & "c"', ""))
    svg = draw_svg(analysis, title='</svg><script>"x"&\x00')
    root = ElementTree.fromstring(svg)
    assert texts(svg)[0] == '</svg><script>"x"&'
    assert root.attrib["aria-label"].startswith('</svg><script>"x"&')
    assert any(title.startswith('<b> & "c" Conv2d 3x3\n') for title in titles(svg))


def test_colours_are_light_dark_or_as_the_viewer_has_it():
    light, dark, auto = (draw_svg(known("lenet5"), dark=dark) for dark in (False, True, None))
    assert LIGHT.card in light
    assert DARK.card not in light
    assert DARK.card in dark
    assert LIGHT.card not in dark
    assert LIGHT.card in auto.split("@media (prefers-color-scheme: dark)")[0]
    assert DARK.card in auto.split("@media (prefers-color-scheme: dark)")[1]


@pytest.mark.parametrize("name", ["lenet5", "googlenet", "u-net"])
def test_drawing_twice_gives_the_same_bytes(name: str):
    assert draw_svg(drawn(name)) == draw_svg(drawn(name))
    assert draw_png(drawn(name), scale=1) == draw_png(drawn(name), scale=1)


@pytest.mark.parametrize(("dark", "palette"), [(False, LIGHT), (True, DARK)])
def test_the_png_has_the_geometry_and_the_colours_of_the_svg(dark: bool, palette):
    analysis, scale = known("vgg16"), 2
    scene = scene_of(analysis)
    picture = Image.open(io.BytesIO(draw_png(analysis, scale=scale, dark=dark)))
    assert picture.size == (round(scene.width * scale), round(scene.height * scale))
    fronts = [mark for mark in every_mark(scene.marks) if isinstance(mark, Bar) and mark.paint.endswith(".front")]
    assert len(fronts) > 18
    for front in fronts:
        wanted = {"convolution": palette.convolution, "pool": palette.pool, "image": palette.image}
        at = round((front.x + front.width / 2) * scale), round((front.y + front.height / 2) * scale)
        assert "#" + bytes(picture.getpixel(at)).hex() == wanted[front.paint.split(".")[0]].front
    assert "#" + bytes(picture.getpixel((1, 1))).hex() == palette.card


def test_the_png_is_written_where_it_is_asked_for(tmp_path):
    file = tmp_path / "lenet5.png"
    picture = draw_png(known("lenet5"), file, scale=1)
    assert file.read_bytes() == picture
    assert picture.startswith(b"\x89PNG")
