"""Grades: their curves by a loop, what a good and a bad map get, and the sentences."""

import numpy as np
import pytest
import torch
from explained_networks import Functional, plain, planted, randomised
from scipy.stats import spearmanr
from torch import nn

from striate.errors import ConfigError
from striate.explain.grades import Curves, blurred, curves, grades
from striate.explain.methods import Maps, explained
from striate.explain.randomisation import cascade, randomisation, rank_correlation, scrambled


def test_the_curves_are_those_of_pixels_moved_one_after_the_other():
    net = randomised(Functional()).eval()
    image = torch.randn(1, 1, 6, 5, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    importance = torch.empty(30).double()
    importance[order] = torch.arange(30, 0, -1).double()
    found = curves(net, image, torch.tensor([1]), importance.view(1, 6, 5), steps=30)
    gone, back = image.clone(), blurred(image)
    for step in range(31):
        for picture, curve in ((gone, found.deletion), (back, found.insertion)):
            assert curve[0, step].item() == pytest.approx(net(picture).softmax(1)[0, 1].item(), rel=1e-5)
        if step < 30:
            place = int(order[step])
            gone[0, 0, place // 5, place % 5] = 0
            back[0, 0, place // 5, place % 5] = image[0, 0, place // 5, place % 5]


def test_the_areas_are_those_of_numpys_trapezoids():
    deletion, insertion = torch.rand(3, 11), torch.rand(3, 11)
    found = Curves(deletion, insertion).areas()
    for area, curve in zip(found, (deletion, insertion), strict=True):
        assert area.numpy() == pytest.approx(np.trapezoid(curve.numpy(), dx=0.1), rel=1e-5)


def test_a_blur_keeps_what_is_even_and_levels_what_is_not():
    assert blurred(torch.full((1, 2, 9, 7), 3.0)).allclose(torch.tensor(3.0))
    noise = torch.randn(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    assert blurred(noise).std() < 0.1


@pytest.fixture(scope="module")
def graded(finder):
    """Grades of six pictures by method, of the network that learned to find a pattern."""
    images, targets, where = planted(6, seed=9)
    names = ("integrated_gradients", "centre_blob")
    found = {name: grades(finder, images, explained(finder, images, targets, name)) for name in names}
    return found, images, targets, where


def test_a_map_of_what_the_network_looks_at_passes():
    net = nn.Sequential(nn.Flatten(), nn.Linear(576, 2))
    net[1].weight.data.zero_()
    net[1].weight.data[1].view(24, 24)[:6, :6] = 0.3  # it looks at one corner, and the edges are elsewhere
    net[1].bias.data = torch.tensor([0.0, -5.0])
    images = torch.randn(3, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    images[:, :, :6, :6] = 1.0
    maps = explained(net, images, torch.tensor([1, 1, 1]), "saliency")
    for grade in grades(net, images, maps):
        assert grade.passed
        assert grade.verdict.startswith("passes: it changes when the weights are scrambled (rank correlation 0.")
        assert grade.insertion - grade.deletion > max(i - d for d, i in grade.baselines.values())


def test_what_a_network_learned_is_found_by_what_moves_its_answer(finder, graded):
    found, images, targets, _ = graded
    of_nothing = finder(torch.zeros_like(images)).argmax(1)  # the class that is answered for a blank picture
    told = [grade for i, grade in enumerate(found["integrated_gradients"]) if targets[i] != of_nothing[i]]
    assert len(told) >= 3
    for grade in told:
        assert grade.deletion < 0.1
        assert grade.insertion > 0.9
        assert grade.insertion > grade.baselines["centre_blob"][1]


def test_a_blob_fails_and_says_why(graded):
    for grade in graded[0]["centre_blob"]:
        assert grade.randomisation == pytest.approx(1)
        assert not grade.passed
        assert "stays much the same when the weights are scrambled (rank correlation 1.00, limit 0.5)" in grade.verdict


def test_the_opposite_of_a_good_map_finds_nothing(finder, graded):
    _, images, targets, where = graded
    deletion, insertion = curves(finder, images, targets, -where.float()).areas()
    best_deletion, best_insertion = curves(finder, images, targets, where.float()).areas()
    assert (best_deletion < deletion).all()
    assert (best_insertion > insertion).all()


def test_a_map_that_points_away_fails_against_the_baselines(finder, graded, monkeypatch):
    _, images, targets, where = graded
    monkeypatch.setattr("striate.explain.grades.randomisation", lambda *a, **k: torch.zeros(6))
    for grade in grades(finder, images, Maps(-where.float(), targets, "grad_cam", "3")):
        assert grade.verdict.startswith("fails: ")
        assert "finds the pixels that matter as well (insertion less deletion" in grade.verdict


def test_a_blank_map_fails(finder, graded):
    _, images, targets, where = graded
    blank = Maps(torch.zeros_like(where, dtype=torch.float), targets, "saliency")
    assert {grade.verdict for grade in grades(finder, images, blank, steps=2)} == {"fails: the map is blank."}


def test_an_answer_that_never_moves_leaves_it_undecided():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    net[4].weight.data *= 1e-4
    images, targets = planted(2, seed=1)[0], torch.tensor([0, 1])
    for grade in grades(net, images, explained(net, images, targets, "saliency"), steps=4):
        assert grade.verdict.startswith("undecided: the probability of the target moves by 0.00 only")
        assert not grade.passed


def test_grades_are_the_same_for_the_same_seed(finder):
    images, targets, _ = planted(2, seed=3)
    maps = explained(finder, images, targets, "grad_cam")
    assert grades(finder, images, maps, seed=4) == grades(finder, images, maps, seed=4)
    assert grades(finder, images, maps, seed=4) != grades(finder, images, maps, seed=5)


@pytest.mark.parametrize("axes", [1, 3])
def test_pictures_of_other_dimensions_are_graded_too(axes):
    net = randomised(plain(axes))
    images, targets = torch.randn(2, 1, *[8] * axes, dtype=torch.double), torch.tensor([0, 1])
    for grade in grades(net, images, explained(net, images, targets, "saliency"), steps=3, shuffles=1):
        assert 0 <= grade.deletion <= 1
        assert 0 <= grade.randomisation <= 1


def test_what_cannot_be_graded_is_refused(finder):
    images, targets, where = planted(2, seed=3)
    with pytest.raises(ConfigError, match=r"maps are \(2, 24, 23\); the pictures need \(2, 24, 24\)"):
        curves(finder, images, targets, where[..., 1:].float())
    with pytest.raises(ConfigError, match="steps is 0; it must be at least 1"):
        curves(finder, images, targets, where.float(), steps=0)
    with pytest.raises(ConfigError, match="shuffles is 0; it must be at least 1"):
        randomisation(finder, images, Maps(where.float(), targets, "saliency"), shuffles=0)


def test_the_rank_correlation_is_spearmans_with_ties():
    draw = torch.Generator().manual_seed(0)
    a, b = torch.randint(6, (4, 5, 5), generator=draw), torch.randint(6, (4, 5, 5), generator=draw)
    wanted = [spearmanr(x.flatten(), y.flatten()).statistic for x, y in zip(a, b, strict=True)]
    assert rank_correlation(a, b).tolist() == pytest.approx(wanted)
    assert rank_correlation(a, torch.zeros(4, 5, 5)).tolist() == [0] * 4


def test_scrambling_shuffles_a_copy_within_each_tensor():
    net = plain()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    other = scrambled(net, seed=3)
    assert all(value.equal(before[key]) for key, value in net.state_dict().items())
    for (name, mine), theirs in zip(net.named_parameters(), other.parameters(), strict=True):
        assert mine.flatten().sort().values.equal(theirs.flatten().sort().values), name
    assert not other[0].weight.equal(net[0].weight)
    assert other[0].weight.equal(scrambled(net, seed=3)[0].weight)
    assert scrambled(net, layers={"9"})[0].weight.equal(net[0].weight)


def test_a_cascade_scrambles_from_the_answer_down_until_all_is_scrambled(finder):
    images, targets, _ = planted(3, seed=3)
    maps = explained(finder, images, targets, "saliency")
    found = list(cascade(finder, images, maps))
    assert [name for name, _ in found] == ["6", "2", "0"]
    whole = explained(scrambled(finder), images, targets, "saliency")
    assert found[-1][1].allclose(rank_correlation(maps.maps, whole.maps))
