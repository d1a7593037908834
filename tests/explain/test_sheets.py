"""The drawn sheets: colours stand for the numbers they say, everything asked for is there, and nothing is cut off."""

import numpy
import pytest
import torch
from PIL import Image
from torch import nn

from striate.errors import ConfigError
from striate.explain.activation_sheet import activation_sheet, chosen, most_active
from striate.explain.activations import activations
from striate.explain.canvas import text_width
from striate.explain.embedding import embedding, principal
from striate.explain.embedding_sheet import CLASSES, embedding_sheet
from striate.explain.field_sheet import Exciting, exciting_sheet, field_sheet
from striate.explain.heat_sheet import Heat, heat_sheet, lines, overlay
from striate.explain.kernel_sheet import kernel_sheet
from striate.explain.plates import Scale, photograph, plane, shortened
from striate.palette import LIGHT
from striate.zoo import networks


def colours(image: Image.Image) -> set[tuple[int, ...]]:
    return {colour for _, colour in image.convert("RGB").getcolors(image.width * image.height)}


def share(image: Image.Image, colour: str) -> float:
    """Of the pixels, how many have just this colour."""
    wanted = numpy.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return float((numpy.asarray(image.convert("RGB")) == wanted).all(2).mean())


def edges_are_paper(image: Image.Image, margin: int = 12) -> bool:
    """Whether nothing is drawn in the outermost pixels, so nothing is cut off."""
    pixels = numpy.asarray(image.convert("RGB")).astype(int)
    paper = numpy.array([int(LIGHT.paper[i : i + 2], 16) for i in (1, 3, 5)])
    strips = (pixels[:margin], pixels[-margin:], pixels[:, :margin], pixels[:, -margin:])
    return all((abs(strip - paper) < 3).all() for strip in strips)


def test_a_scale_of_both_signs_is_orange_below_and_blue_above_zero():
    low, zero, high = numpy.asarray(Scale.of(torch.tensor([-2.0, 0.0, 2.0]))(torch.tensor([[-2.0, 0.0, 2.0]])))[0]
    assert low[0] > low[2] + 50
    assert high[2] > high[0] + 50
    assert zero.min() > 230


def test_a_scale_of_one_sign_becomes_darker_only():
    values = torch.linspace(0, 3, 50)[None]
    row = numpy.asarray(Scale.of(values)(values))[0].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (numpy.diff(row) <= 0).all()
    assert row[0] - row[-1] > 150


def test_what_is_not_a_number_is_drawn_as_zero_and_infinity_as_the_end():
    scale = Scale(1.0, False)
    drawn = numpy.asarray(scale(torch.tensor([[float("nan"), 0.0, float("inf"), 1.0]])))[0]
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[2] == drawn[3]).all()
    assert Scale.of(torch.tensor([float("nan"), -3.0])) == Scale(3.0, True)


def test_the_middle_of_a_name_that_is_too_long_is_left_out():
    name = "features.denseblock3.denselayer12.norm2"
    short = shortened(name, 150)
    assert text_width(short, 13) <= 150
    start, end = short.split("...")
    assert name.startswith(start)
    assert name.endswith(end)
    assert shortened("conv1", 150) == "conv1"


def test_planes_of_volumes_are_their_middle_and_of_sounds_a_row():
    assert plane(torch.arange(24).view(3, 2, 4)).tolist() == [[8, 9, 10, 11], [12, 13, 14, 15]]
    assert plane(torch.arange(5)).shape == (1, 5)


def test_a_photograph_is_taken_as_bytes_or_as_floats():
    pixels = torch.randint(0, 256, (3, 4, 5), dtype=torch.uint8)
    assert (numpy.asarray(photograph(pixels)) == pixels.permute(1, 2, 0).numpy()).all()
    assert (numpy.asarray(photograph(pixels / 255)) == pixels.permute(1, 2, 0).numpy()).all()
    assert photograph(torch.rand(5, 4, 6)).size == (6, 4)


@pytest.mark.parametrize(
    "shape",
    [
        (32, 3, 7, 7),
        (16, 6, 5, 5),
        (512, 512, 3, 3),
        (96, 1, 3, 3),
        (64, 16, 1, 1),
        (1, 1, 1, 1),
        (8, 2, 9),
        (4, 1, 3, 3, 3),
    ],
)
def test_kernels_of_every_shape_fit_on_their_sheet(shape):
    drawn = kernel_sheet(torch.randn(shape, generator=torch.Generator().manual_seed(0)), "conv")
    assert edges_are_paper(drawn)
    assert max(drawn.size) < 2000


def test_a_kernel_of_one_channel_is_drawn_in_the_colours_of_its_numbers():
    kernel = torch.zeros(1, 1, 3, 3)
    kernel[0, 0, 0, 0], kernel[0, 0, 2, 2] = 1.0, -1.0
    drawn = numpy.asarray(kernel_sheet(kernel, "conv")).astype(int)
    scale = Scale(1.0, True)
    blue, orange = (numpy.asarray(scale(torch.tensor([[v]])))[0, 0].astype(int) for v in (1.0, -1.0))
    places = [numpy.argwhere((abs(drawn - colour) < 4).all(2)) for colour in (blue, orange)]
    inside = [p[(p[:, 0] < 200)].mean(0) for p in places]  # above the scale itself
    assert (inside[0] < inside[1]).all()


def test_a_kernel_that_looks_at_colours_is_drawn_in_them():
    kernel = torch.zeros(1, 3, 2, 2)
    kernel[0, 0] = 1.0  # red
    assert (255, 128, 128) in colours(kernel_sheet(kernel, "conv"))


def test_the_sheet_of_activations_has_a_row_for_each_layer_and_grows_with_them():
    net, picture = networks["lenet5"](), torch.rand(1, 28, 28)
    seen = activations(net, picture[None])
    whole, part = activation_sheet(seen, picture), activation_sheet(seen, picture, layers=3, channels=4)
    assert edges_are_paper(whole)
    assert edges_are_paper(part)
    assert part.height < whole.height / 2
    assert part.width < whole.width


def test_the_layers_chosen_are_the_first_the_last_and_ends_of_steps():
    net = nn.Sequential(*[nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ReLU()) for _ in range(9)])
    names = [a.name for a in chosen(activations(net, torch.rand(1, 3, 4, 4)), 4)]
    assert names == ["0.2", "3.2", "5.2", "8.2"]
    assert len(chosen(activations(net, torch.rand(1, 3, 4, 4)), 99)) == 27


def test_the_most_active_channels_vary_the_most_and_keep_their_order():
    maps = torch.zeros(4, 8, 8)
    maps[0] = 6.0  # strong, but the same everywhere
    maps[3, :4], maps[1, 0, 0] = 5.0, 1.0
    assert most_active(maps, 2) == [1, 3]


@pytest.mark.parametrize("net", [nn.Conv1d(2, 3, 5), nn.Conv3d(1, 2, 3)])
def test_activations_of_sounds_and_volumes_are_drawn_too(net):
    given = torch.rand(1, 2, 40) if isinstance(net, nn.Conv1d) else torch.rand(1, 1, 6, 7, 8)
    assert edges_are_paper(activation_sheet(activations(nn.Sequential(net), given), torch.rand(1, 8, 8)))


def test_the_receptive_field_is_bright_and_the_rest_pale():
    picture = torch.zeros(3, 100, 100, dtype=torch.uint8)  # black: paled it becomes grey
    drawn = field_sheet(picture, (20, 20, 60, 70), "conv2", (3, 1, 2))
    scale = 560 / 100
    pixels = numpy.asarray(drawn).astype(int)
    top = next(y for y in range(drawn.height) if share(drawn.crop((100, y, 400, y + 1)), LIGHT.paper) == 0)
    inside, outside = (
        pixels[top + int(40 * scale), 32 + int(45 * scale)],
        pixels[top + int(90 * scale), 32 + int(45 * scale)],
    )
    assert inside.max() < 20
    assert outside.min() > 100
    assert edges_are_paper(drawn)


def test_a_field_that_reaches_over_the_border_is_cut_and_one_outside_is_told():
    picture = torch.rand(3, 40, 60)
    for box in ((-10, -10, 20, 20), (30, 50, 70, 90), (-20, -20, 0, 0)):
        assert edges_are_paper(field_sheet(picture, box, "conv2", (0, 0, 0), size=(30, 30)))


def test_every_patch_that_excites_is_on_its_strip():
    marks = [(200, 10 * k, 30) for k in range(8)]
    found = [
        Exciting(torch.tensor(m, dtype=torch.uint8)[:, None, None].expand(3, 9, 7), 5.0 - k, f"a{k}.jpg")
        for k, m in enumerate(marks)
    ]
    drawn = exciting_sheet(found, "conv2", 4, of=1000)
    assert set(marks) <= colours(drawn)
    assert edges_are_paper(drawn)


def test_pca_equals_scikit_learn_up_to_the_sign():
    decomposition = pytest.importorskip("sklearn.decomposition")
    features = torch.randn(40, 7, generator=torch.Generator().manual_seed(0)) @ torch.diag(torch.arange(1.0, 8.0))
    wanted = decomposition.PCA(2)
    points = wanted.fit_transform(features.double().numpy())
    assert numpy.abs(embedding(features).numpy()) == pytest.approx(numpy.abs(points), abs=1e-8)
    assert principal(features.double(), 2)[1].tolist() == pytest.approx(wanted.explained_variance_ratio_.tolist())


def test_tsne_keeps_groups_apart_and_is_the_same_again():
    pytest.importorskip("sklearn.manifold")
    generator = torch.Generator().manual_seed(0)
    features = torch.cat([torch.randn(15, 6, generator=generator) + 30 * k for k in range(3)])
    points = embedding(features, "tsne", seed=1)
    assert points.equal(embedding(features, "tsne", seed=1))
    groups = points.view(3, 15, 2)
    spread = (groups - groups.mean(1, keepdim=True)).norm(dim=2).max()
    apart = torch.pdist(groups.mean(1)).min()
    assert apart > 2 * spread


@pytest.mark.parametrize(
    ("features", "method", "words"),
    [
        (torch.rand(5, 3), "umap", "method is 'umap'; it must be one of pca, tsne"),
        (torch.rand(2, 3), "pca", "there are 2 pictures; a plane of them needs at least 3"),
        (torch.full((4, 3), float("nan")), "pca", "some features are not finite numbers"),
    ],
)
def test_an_embedding_that_cannot_be_says_why(features, method, words):
    with pytest.raises(ConfigError, match=words):
        embedding(features, method)


def test_thumbnails_stand_where_their_points_are_and_all_others_are_dots():
    points = torch.tensor([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]])
    marks = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    drawn = embedding_sheet(points, [torch.tensor(m, dtype=torch.uint8)[:, None, None].expand(3, 8, 8) for m in marks])
    pixels = numpy.asarray(drawn).astype(int)
    first, second, third = (numpy.argwhere((pixels == m).all(2)).mean(0) for m in marks)
    assert first[0] == pytest.approx(second[0], abs=1)  # the same height
    assert first[1] < second[1]
    assert third[0] < second[0]  # upwards
    crowd = embedding_sheet(torch.zeros(9, 2), [torch.zeros(3, 4, 4)] * 9, [0] * 8 + [1], classes=("a", "b"))
    assert edges_are_paper(crowd)


def test_classes_have_frames_of_their_colours_and_a_legend():
    points = torch.rand(4, 2, generator=torch.Generator().manual_seed(0))
    drawn = embedding_sheet(points, [torch.zeros(3, 8, 8)] * 4, [0, 1, 2, 2], classes=("cat", "dog", "emu"))
    assert all(share(drawn, CLASSES[k]) > 0 for k in range(3))
    assert share(drawn, CLASSES[3]) == 0


def test_a_map_is_dense_where_it_is_strong_and_leaves_the_picture_where_it_is_zero():
    values = torch.zeros(10, 10)
    values[:5, :5] = 1.0
    drawn = numpy.asarray(overlay(Image.new("RGB", (40, 40), "white"), values, (100, 100))).astype(int)
    assert drawn[10, 10].sum() < 250
    assert (drawn[90, 90] == 255).all()


def test_a_map_of_both_signs_is_blue_and_orange():
    values = torch.cat([torch.full((8, 4), -1.0), torch.full((8, 4), 1.0)], 1)
    drawn = numpy.asarray(overlay(Image.new("RGB", (8, 8), "white"), values, (80, 80))).astype(int)
    assert drawn[40, 5, 0] > drawn[40, 5, 2] + 40
    assert drawn[40, 75, 2] > drawn[40, 75, 0] + 40


def test_a_blank_map_leaves_the_picture_alone():
    drawn = overlay(Image.new("RGB", (8, 8), "white"), torch.zeros(4, 4), (16, 16))
    assert colours(drawn) == {(255, 255, 255)}


def test_maps_stand_in_rows_with_their_grades_and_the_sheet_grows_with_them():
    picture = torch.rand(3, 60, 80)
    heats = [
        Heat(f"method_{k}", torch.randn(6, 8), 0.1, 0.6, 0.2, "passes: it is a long sentence " * 9) for k in range(7)
    ]
    some, many = heat_sheet(picture, heats[:2], "Why cat?"), heat_sheet(picture, heats, "Why cat?", words=["95 % sure"])
    assert edges_are_paper(some)
    assert edges_are_paper(many)
    assert many.height > 1.5 * some.height
    assert share(many, LIGHT.accent) > 0


def test_a_sentence_is_broken_into_lines_that_fit():
    text = "the map stays much the same when the weights are scrambled and shows the picture only"
    found = lines(text, 150, 13, 3)
    assert len(found) == 3
    assert all(text_width(line, 13) <= 150 for line in found)
    assert found[-1].endswith("...")
    assert " ".join(lines(text, 2000, 13, 3)) == text
