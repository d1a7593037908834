"""The axioms of the methods that look at pixels, and the pictures whose cause is known."""

import pytest
import torch
from explained_networks import Functional, Modules, plain, planted, randomised
from torch import nn
from torch.nn import functional as F

from striate.errors import ConfigError
from striate.explain import deconvnet, guided_backpropagation, integrated_gradients, saliency, smooth_grad
from striate.explain.answers import as_found, pictures_at_once, scores
from striate.explain.centre_blob import centre_blob
from striate.explain.edge_detector import edge_detector
from striate.explain.methods import explained, methods
from striate.explain.occlusion import occlusion
from striate.zoo import networks

SIZES = {1: (21,), 2: (12, 10), 3: (6, 8, 7)}
FINDERS = [
    *("saliency", "smooth_grad", "integrated_gradients", "guided_backpropagation", "deconvnet"),
    *("grad_cam", "grad_cam_plus_plus", "occlusion"),
]


def images_of(axes: int, count: int = 3) -> torch.Tensor:
    draw = torch.Generator().manual_seed(7)
    return torch.randn(count, 1, *SIZES[axes], generator=draw, dtype=torch.double)


def linear(features: int = 24, classes: int = 3) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(features, classes)).double()


def difference(net, images, targets):
    with as_found(net), torch.no_grad():
        return scores(net, images, targets) - scores(net, torch.zeros_like(images), targets)


@pytest.mark.parametrize("name", FINDERS)
def test_a_planted_pattern_is_pointed_at(finder, name):
    images, targets, where = planted(60, seed=5)
    strongest = explained(finder, images, targets, name).maps.flatten(1).argmax(1)
    assert where.flatten(1).gather(1, strongest[:, None]).float().mean() >= 0.95


def test_a_blob_in_the_middle_does_not_point_at_a_planted_pattern(finder):
    images, targets, where = planted(100, seed=5)
    strongest = explained(finder, images, targets, "centre_blob").maps.flatten(1).argmax(1)
    assert where.flatten(1).gather(1, strongest[:, None]).float().mean() < 0.3


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_integrated_gradients_sum_to_the_difference_of_the_scores(axes):
    net, images, targets = randomised(plain(axes)), images_of(axes), torch.tensor([0, 1, 2])
    found = integrated_gradients.attributions(net, images, targets).flatten(1).sum(1)
    assert found.allclose(difference(net, images, targets), rtol=0.01)


@pytest.mark.parametrize("name", ["lenet5", "simple_cnn", "lenet5_1998", "resnet20_cifar"])
def test_integrated_gradients_are_complete_on_networks_of_the_zoo(name):
    torch.manual_seed(1)
    net, images = randomised(networks[name]()), torch.randn(2, *networks[name].facts.image, dtype=torch.double)
    targets = torch.tensor([3, 7])
    found = integrated_gradients.attributions(net, images, targets).flatten(1).sum(1)
    assert found.allclose(difference(net, images, targets), rtol=0.01)


def test_integrated_gradients_are_complete_for_a_network_that_learned(finder):
    images, targets, _ = planted(50, seed=8)
    found = integrated_gradients.attributions(finder, images, targets).flatten(1).sum(1)
    wanted = difference(finder, images, targets)
    assert ((found - wanted).abs() / wanted.abs()).max() < 0.01


def test_integrated_gradients_of_a_smooth_function_are_its_integral():
    class Cube(nn.Module):
        def forward(self, x):
            return torch.stack([x.flatten(1).pow(3).sum(1), x.flatten(1).sum(1)], 1)

    images = images_of(2)
    found = integrated_gradients.attributions(Cube(), images, torch.zeros(3, dtype=torch.int64))
    assert found.allclose(images**3, rtol=1e-2, atol=1e-3)


def test_integrated_gradients_begin_at_the_baseline_they_are_given():
    net, images, targets = linear(), torch.randn(2, 1, 4, 6, dtype=torch.double), torch.tensor([0, 2])
    weights = net[1].weight[targets].view(2, 1, 4, 6)
    start = torch.full((1, 4, 6), 0.5)
    found = integrated_gradients.attributions(net, images, targets, baseline=start)
    assert found.allclose(weights * (images - 0.5))
    assert found.allclose(integrated_gradients.attributions(net, images, targets, baseline=0.5))


def test_a_linear_network_is_explained_exactly():
    net, images, targets = linear(), torch.randn(2, 1, 4, 6, dtype=torch.double), torch.tensor([1, 2])
    weights = net[1].weight[targets].view(2, 1, 4, 6)
    assert saliency.attributions(net, images, targets).allclose(weights)
    assert smooth_grad.attributions(net, images, targets).allclose(weights)
    assert integrated_gradients.attributions(net, images, targets, steps=3).allclose(weights * images)
    assert occlusion(net, images, targets, window=1, stride=1).allclose((weights * images)[:, 0])


def test_occlusion_is_the_mean_fall_of_the_score_over_the_windows_that_cover_a_pixel():
    net, image, target = randomised(plain()).eval(), images_of(2, 1), torch.tensor([1])
    fall, times = torch.zeros(12, 10).double(), torch.zeros(12, 10).double()
    for row in (0, 2, 4, 6, 8, 10):
        for column in (0, 2, 4, 6, 8):
            if row - 2 + 3 >= 12 or column - 2 + 3 >= 10:
                continue  # the window before already reached the border
            covered = image.clone()
            covered[..., row : row + 3, column : column + 3] = 0.25
            fall[row : row + 3, column : column + 3] += (net(image) - net(covered))[0, 1].item()
            times[row : row + 3, column : column + 3] += 1
    assert occlusion(net, image, target, window=3, stride=2, fill=0.25)[0].allclose(fall / times)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_occlusion_covers_every_pixel_in_any_dimension(axes):
    net, images = randomised(plain(axes)), images_of(axes)
    assert occlusion(net, images, torch.tensor([0, 1, 2]), window=3, stride=3).isfinite().all()


def test_the_stride_of_occlusion_may_be_given_alone():
    assert occlusion(linear(784), torch.randn(1, 1, 28, 28), torch.tensor([0]), stride=8).unique().numel() == 16


def test_guided_backpropagation_and_deconvnet_follow_their_rules_in_a_network_worked_by_hand():
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    net[1].weight.data = torch.tensor([[1.0, 2.0], [-3.0, 1.0]])
    net[3].weight.data = torch.tensor([[2.0, 5.0]])
    image, target = torch.tensor([[[1.0, 1.0]]]), torch.tensor([0])  # the second unit, -2, is shut
    assert saliency.attributions(net, image, target).tolist() == [[[2.0, 4.0]]]
    assert guided_backpropagation.attributions(net, image, target).tolist() == [[[2.0, 4.0]]]
    assert deconvnet.attributions(net, image, target).tolist() == [[[2.0 - 15.0, 4.0 + 5.0]]]
    net[3].weight.data = torch.tensor([[-2.0, 5.0]])
    assert saliency.attributions(net, image, target).tolist() == [[[-2.0, -4.0]]]
    assert guided_backpropagation.attributions(net, image, target).tolist() == [[[0.0, 0.0]]]
    assert deconvnet.attributions(net, image, target).tolist() == [[[-15.0, 5.0]]]


@pytest.mark.parametrize("method", [guided_backpropagation, deconvnet, saliency, smooth_grad, integrated_gradients])
def test_functions_in_place_and_used_twice_are_explained_as_modules_used_once_are(method):
    functions, modules = randomised(Functional()), randomised(Modules())
    images, targets = images_of(2), torch.tensor([0, 1, 2])
    found = method.attributions(functions, images, targets)
    assert found.allclose(method.attributions(modules, images, targets))
    assert found.abs().sum() > 0


@pytest.mark.parametrize("relu", [nn.ReLU6(), nn.Hardtanh(0.0, 9.0, inplace=True), nn.Threshold(0.0, 0.0)])
def test_other_layers_that_cut_at_zero_follow_the_rules_of_relu(relu):
    net, same = randomised(plain()), randomised(plain())
    net[2] = relu
    images, targets = images_of(2) / 20, torch.tensor([0, 1, 2])
    for method in (guided_backpropagation, deconvnet):
        found = method.attributions(net, images, targets)
        assert found.allclose(method.attributions(same, images, targets))


def test_a_network_without_relu_has_no_guided_backpropagation():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ConfigError, match="no ReLU, and the method is a rule about ReLUs. saliency, smooth_grad"):
        explained(net, torch.randn(1, 1, 8, 8), torch.tensor([0]), "guided_backpropagation")


def test_a_network_that_works_in_place_on_its_input_leaves_the_pictures_alone():
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Flatten()).double()
    images, targets = images_of(2), torch.tensor([0, 1, 2])
    before = images.clone()
    for name in methods:
        explained(net, images, targets, name)
    assert images.equal(before)


def test_the_map_of_a_picture_does_not_depend_on_the_others_or_on_how_many_pass_at_once(monkeypatch):
    net, images, targets = randomised(plain()), images_of(2), torch.tensor([0, 1, 2])
    assert pictures_at_once(images) == 512
    whole = {name: explained(net, images, targets, name).maps for name in methods}
    monkeypatch.setattr("striate.explain.answers.MOST", 2)
    for name, maps in whole.items():
        assert explained(net, images, targets, name).maps.allclose(maps), name
        assert explained(net, images[1:2], targets[1:2], name).maps.allclose(maps[1:2]), name


def test_many_large_pictures_pass_a_few_at_a_time():
    most = []
    net = nn.Sequential(nn.AvgPool2d(64), nn.Flatten(), nn.Linear(48, 2))
    net[0].register_forward_hook(lambda layer, given, output: most.append(len(given[0])))
    integrated_gradients.integrated_gradients(net, torch.zeros(2, 3, 256, 256), torch.tensor([0, 1]), steps=20)
    assert max(most) * 256 * 256 <= 2**19
    assert sum(most) == 40


def test_smooth_grad_is_the_same_for_the_same_seed():
    net, images, targets = randomised(plain()), images_of(2), torch.tensor([0, 1, 2])
    first, again, other = (smooth_grad.smooth_grad(net, images, targets, seed=seed) for seed in (1, 1, 2))
    assert first.equal(again)
    assert not first.allclose(other)


def test_smooth_grad_without_noise_is_the_slope():
    net, images, targets = randomised(plain()), images_of(2), torch.tensor([0, 1, 2])
    assert smooth_grad.smooth_grad(net, images, targets, noise=0.0).allclose(saliency.saliency(net, images, targets))


def test_the_edges_are_those_of_sobels_operator():
    image = torch.randn(1, 1, 7, 9, generator=torch.Generator().manual_seed(0))
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    across, down = (F.conv2d(padded, k[None, None]) for k in (kernel, kernel.T))
    assert edge_detector(nn.Identity(), image, torch.tensor([0]))[0].allclose((across**2 + down**2).sqrt()[0, 0])


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_baselines_know_nothing_of_the_network(axes):
    images, targets = images_of(axes), torch.tensor([0, 1, 2])
    for baseline in (centre_blob, edge_detector):
        maps = baseline(randomised(plain(axes), seed=1), images, targets)
        assert maps.shape == images[:, 0].shape
        assert maps.equal(baseline(randomised(plain(axes), seed=2), images, targets))
    assert centre_blob(nn.Identity(), images, targets)[0].argmax() == images[0, 0].numel() // 2 or axes > 1


def test_sizes_that_make_no_sense_are_refused():
    net, images, targets = linear(), torch.randn(1, 1, 4, 6), torch.tensor([0])
    with pytest.raises(ConfigError, match="steps is 1; it must be at least 2"):
        integrated_gradients.attributions(net, images, targets, steps=1)
    with pytest.raises(ConfigError, match=r"baseline is \(3,\); pictures are \(1, 4, 6\)"):
        integrated_gradients.attributions(net, images, targets, baseline=torch.zeros(3))
    with pytest.raises(ConfigError, match="copies is 0 and noise 0.15; they must be at least 1 and 0"):
        smooth_grad.attributions(net, images, targets, copies=0)
    with pytest.raises(ConfigError, match="stride is 3; it must be 1 to the window, 2"):
        occlusion(net, images, targets, window=2, stride=3)
    with pytest.raises(ConfigError, match="a window of 6 covers the whole picture of 4x6"):
        occlusion(net, images, targets, window=6)
