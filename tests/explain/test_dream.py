"""DeepDream and pictures made from nothing: what is asked for must be more in the result, and only by the seed."""

import numpy
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from striate.errors import ConfigError, UnknownName
from striate.explain.class_picture import class_picture, seen
from striate.explain.dream import Octaves, dream, smoothed
from striate.explain.goals import Class, Layer, channel_of, guided
from striate.explain.painting import Watch, frequencies, mixed, noise, resized, unmixed
from striate.explain.viewer import Viewer

QUICK = Octaves(2, 8)


def small_net(channels: int = 3) -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4),
    )  # fmt: skip
    nn.init.normal_(net[-1].weight, std=20)  # scores that differ from picture to picture
    return net


def viewer_of(net: nn.Module, image: tuple[int, int, int] = (3, 32, 32)) -> Viewer:
    return Viewer(net, image, (0.5,) * image[0], (0.25,) * image[0])


@pytest.fixture
def viewer():
    return viewer_of(small_net())


@pytest.fixture(scope="module")
def picture() -> Tensor:
    return noise((3, 64, 48), seed=7)


def test_a_layer_finds_much_more_in_what_is_dreamt(viewer, picture):
    found = dream(viewer, picture, Layer("4"), Octaves(3, 15))
    assert found.after > 5 * found.before
    assert found.picture.shape == picture.shape
    assert 0 <= found.picture.min() <= found.picture.max() <= 1


def test_the_scores_are_the_mean_square_of_the_layer_run_by_hand(viewer, picture):
    found = dream(viewer, picture, Layer("4"), QUICK)
    with torch.no_grad():
        by_hand = [viewer.net.eval()[:5]((x - 0.5) / 0.25).square().mean() for x in (picture, found.picture)]
    assert [found.before, found.after] == pytest.approx([float(value) for value in by_hand], rel=1e-4)


def test_a_channel_rises_more_where_it_is_asked_for(viewer, picture):
    one, other = (dream(viewer, picture, channel_of(viewer, "4", k), Octaves(2, 20)).picture for k in (2, 9))
    with torch.no_grad():
        means = [viewer.maps(x, ["4"])["4"].mean((0, 2, 3)) for x in (one, other)]
    assert means[0][2] / means[0][9] > 1.1 * means[1][2] / means[1][9]


def test_a_guided_dream_is_more_like_its_guide(viewer, picture):
    guide = noise((3, 40, 40), seed=1).flip(1).square()
    found = dream(viewer, picture, guided(viewer, "4", guide), Octaves(2, 15))

    def likeness(x: Tensor) -> float:
        """The mean, over places, of the largest product with a place of the guide; a loop, in numpy."""
        with torch.no_grad():
            ours, theirs = (viewer.net.eval()[:5]((y - 0.5) / 0.25)[0].flatten(1).numpy() for y in (x, guide))
        return float(numpy.mean([max(column @ other for other in theirs.T) for column in ours.T]))

    assert likeness(found.picture) > 2 * likeness(picture)
    assert found.after == pytest.approx(likeness(found.picture), rel=1e-3)


def test_a_class_can_be_dreamt_over_a_picture_by_a_network_of_any_size_or_of_one(picture):
    fixed = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 32 * 32, 3))
    nn.init.normal_(fixed[-1].weight, std=0.1)
    for net, any_size in ((small_net(), True), (fixed, False)):
        viewer = viewer_of(net)
        assert viewer.any_size is any_size
        found = dream(viewer, picture, Class(1), QUICK)
        assert found.after > found.before + 0.5


def test_a_picture_made_from_nothing_excites_its_class_whole_at_the_network_s_size(viewer):
    found = class_picture(viewer, Class(2), (48, 64), steps=30)
    assert found.picture.shape == (1, 3, 48, 64)
    with torch.no_grad():
        whole = interpolate(found.picture, (32, 32), mode="bilinear", antialias=True)
        answer = viewer.net.eval()((whole - 0.5) / 0.25)[0]
    assert found.after == pytest.approx(float(answer[2]), rel=1e-4)
    assert found.after > found.before + 5


def test_the_same_seed_gives_the_same_picture_and_another_another(viewer, picture):
    for make in (
        lambda seed: dream(viewer, picture, Layer("4"), QUICK, seed=seed),
        lambda seed: class_picture(viewer, Class(0), (32, 32), steps=5, seed=seed),
    ):
        assert make(3).picture.equal(make(3).picture)
        assert not make(3).picture.equal(make(4).picture)


def test_the_network_is_left_as_it_was_found(picture):
    net = small_net()
    net[1].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    dream(viewer_of(net), picture, Layer("4"), QUICK)
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())
    assert [m.training for m in net] == [k != 1 for k in range(9)]
    assert all(p.requires_grad and p.grad is None for p in net.parameters())
    assert not any(m._forward_hooks for m in net.modules())


def test_nothing_behind_the_layer_is_computed(picture):
    class Refuses(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if x.shape[-1] != 16:
                raise RuntimeError("never reached")
            return x

    viewer = viewer_of(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, stride=2), Refuses()))
    assert dream(viewer, picture, Layer("0"), QUICK).after > 0


def test_a_layer_that_works_in_place_does_not_change_the_maps_before_it(viewer, picture):
    with torch.no_grad():
        found = viewer.maps(picture, ["4", "5"])
    assert float(found["4"].min()) < 0
    assert found["5"].equal(found["4"].relu())


def test_the_second_call_of_a_layer_has_its_own_name(picture):
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.step = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.step(self.step(x))

    viewer = viewer_of(Twice())
    with torch.no_grad():
        first, second = (viewer.maps(picture, [name])[name] for name in ("step", "step:2"))
        assert viewer.net.step(first).allclose(second, atol=1e-5)


def test_octaves_grow_by_1_4_and_none_is_smaller_than_32_pixels():
    assert Octaves(3).sizes(392, 196) == [(200, 100), (280, 140), (392, 196)]
    assert Octaves(9).sizes(64, 64) == [(33, 33), (46, 46), (64, 64)]
    assert Octaves(3).sizes(20, 20) == [(20, 20)]


def test_progress_tells_every_step_and_shows_the_pictures_asked_for(viewer, picture):
    told = []
    dream(viewer, picture, Layer("4"), Octaves(2, 5), watch=Watch(told.append, every=4))
    assert [(t.step, t.steps) for t in told] == [(k, 10) for k in range(1, 11)]
    assert [t.step for t in told if t.picture is not None] == [4, 8]
    assert told[7].picture.shape == (3, 64, 48)


def test_views_have_the_size_of_the_network_and_depend_on_the_draw(viewer):
    picture = noise((3, 90, 70), 0)
    one, again, other = (seen(viewer, picture, 3, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert one.shape == (3, 3, 32, 32)
    assert one.equal(again)
    assert not one.equal(other)


def test_smoothing_keeps_the_mean_of_a_flat_picture_and_equals_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    values = torch.randn(1, 2, 20, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = ndimage.gaussian_filter(values[0].numpy(), (0, 2.0, 2.0), mode="nearest", truncate=3)
    assert smoothed(values, 2.0)[0].numpy() == pytest.approx(wanted, abs=1e-12)


def test_independent_colours_and_back_are_the_same():
    colours = torch.randn(2, 3, 4, 5)
    assert mixed(unmixed(colours)).allclose(colours, atol=1e-5)


def test_frequencies_are_those_of_numpy():
    y, x = numpy.meshgrid(numpy.fft.fftfreq(6), numpy.fft.rfftfreq(9), indexing="ij")
    assert frequencies(6, 9).numpy() == pytest.approx(numpy.maximum(numpy.hypot(y, x), 1 / 9), abs=1e-7)


def test_a_network_for_grey_pictures_dreams_in_grey():
    viewer = viewer_of(small_net(1), (1, 32, 32))
    assert dream(viewer, noise((1, 40, 40), 0), Layer("4"), QUICK).picture.shape == (1, 1, 40, 40)


@pytest.mark.parametrize(
    ("name", "words"), [("convv", "Did you mean conv"), ("nothing like it", "There are conv, relu")]
)
def test_an_unknown_layer_is_answered_with_the_nearest_or_a_list(name, words):
    viewer = viewer_of(nn.Sequential())
    viewer.net.add_module("conv", nn.Conv2d(3, 4, 3))
    viewer.net.add_module("relu", nn.ReLU())
    with pytest.raises(UnknownName, match=f"there is no layer called '{name}'. {words}"):
        viewer.check(name)


def test_a_network_without_convolutions_says_what_still_applies():
    viewer = viewer_of(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4)))
    with pytest.raises(ConfigError, match="no convolution, so no layer gives maps to dream of. A class can still"):
        viewer.check("1")
    assert class_picture(viewer, Class(0), (32, 32), steps=10).after > 0


def test_a_channel_that_is_not_there_is_named_with_those_that_are(viewer):
    with pytest.raises(ConfigError, match="layer '4' has channels 0 to 15, not 16"):
        channel_of(viewer, "4", 16)


def test_a_network_of_many_channels_cannot_be_drawn():
    with pytest.raises(ConfigError, match="takes 13x32x32; only pictures of 1 or 3 channels can be drawn"):
        viewer_of(nn.Conv2d(13, 4, 3), (13, 32, 32))


def test_a_part_that_cannot_be_differentiated_is_told(picture):
    class Cut(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.detach()

    viewer = viewer_of(nn.Sequential(nn.Conv2d(3, 4, 3), Cut()))
    with pytest.raises(ConfigError, match="this layer has no slope: a part of the network cannot be differentiated"):
        dream(viewer, picture, Layer("1"), QUICK)


def test_weights_that_are_not_finite_are_told(picture):
    net = nn.Sequential(nn.Conv2d(3, 4, 3))
    nn.init.constant_(net[0].weight, float("nan"))
    with pytest.raises(ConfigError, match="the slope is not a number everywhere"):
        dream(viewer_of(net), picture, Layer("0"), QUICK)


def test_a_picture_of_other_channels_is_refused(viewer):
    with pytest.raises(ConfigError, match="the picture has 1 channels, and the network takes 3"):
        dream(viewer, torch.rand(1, 1, 40, 40), Layer("4"), QUICK)


def test_a_resized_picture_of_its_own_size_is_itself(picture):
    assert resized(picture, (64, 48)) is picture
