"""Grad-CAM and Grad-CAM++ by their equations, at any layer."""

import pytest
import torch
from explained_networks import Functional, plain, randomised
from torch import nn
from torch.nn import functional as F

from striate.errors import ConfigError, UnknownName
from striate.explain.cam import maps_and_slopes
from striate.explain.grad_cam import grad_cam
from striate.explain.grad_cam_plus_plus import grad_cam_plus_plus
from striate.explain.methods import explained

IMAGES = torch.randn(2, 1, 12, 10, dtype=torch.double, generator=torch.Generator().manual_seed(4))
TARGETS = torch.tensor([0, 2])


def test_with_mean_pooling_and_one_linear_layer_grad_cam_is_the_class_activation_map():
    """Zhou et al. 2015, arXiv:1512.04150: the maps weighted by the classifier; Grad-CAM divides by the positions."""
    net = randomised(plain()).eval()
    maps = net[:6](IMAGES)
    weights = net[9].weight[TARGETS]
    wanted = F.relu(torch.einsum("nchw,nc->nhw", maps, weights)) / maps[0, 0].numel()
    stretched = F.interpolate(wanted[:, None], size=(12, 10), mode="bilinear", align_corners=False)[:, 0]
    assert grad_cam(net, IMAGES, TARGETS).allclose(stretched)


def test_grad_cam_plus_plus_is_its_equations_written_as_loops():
    net = randomised(plain()).eval()
    maps, slopes = maps_and_slopes(net, IMAGES, TARGETS, "5")
    wanted = torch.zeros(2, 6, 5).double()
    for n in range(2):
        for k in range(maps.shape[1]):
            weight = 0.0
            for i in range(6):
                for j in range(5):
                    g = slopes[n, k, i, j]
                    below = 2 * g**2 + maps[n, k].sum() * g**3
                    weight += 0.0 if below == 0 else g**2 / below * max(g, 0)
            wanted[n] += weight * maps[n, k]
    stretched = F.interpolate(wanted.relu()[:, None], size=(12, 10), mode="bilinear", align_corners=False)[:, 0]
    assert grad_cam_plus_plus(net, IMAGES, TARGETS).allclose(stretched)


def test_maps_and_slopes_are_those_of_the_layer_and_not_of_what_works_in_place_behind_it():
    net = randomised(plain(inplace=True)).eval()
    maps, slopes = maps_and_slopes(net, IMAGES, TARGETS, "4")
    wanted = net[:5](IMAGES).detach().requires_grad_()
    assert maps.equal(wanted)
    assert (maps < 0).any()
    score = net[5:](wanted.clone()).gather(1, TARGETS[:, None]).sum()
    assert slopes.allclose(torch.autograd.grad(score, wanted)[0])


def test_of_a_layer_used_twice_either_call_can_be_asked_for():
    net = randomised(Functional()).eval()
    first = F.relu(net.first(IMAGES))
    once = net.twice(first)
    assert maps_and_slopes(net, IMAGES, TARGETS, "twice")[0].allclose(net.twice(once.relu()))
    assert maps_and_slopes(net, IMAGES, TARGETS, "twice:1")[0].allclose(once)
    assert not grad_cam(net, IMAGES, TARGETS, layer="twice:1").allclose(grad_cam(net, IMAGES, TARGETS))


def test_a_layer_that_gives_several_tensors_is_explained_by_the_first():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.pool, self.fc = nn.Conv2d(1, 4, 3), nn.MaxPool2d(2, return_indices=True), nn.Linear(80, 3)

        def forward(self, x):
            return self.fc(self.pool(self.conv(x))[0].flatten(1))

    net = Pair().double()
    maps, slopes = maps_and_slopes(net, IMAGES, TARGETS, "pool")
    assert maps.equal(net.pool(net.conv(IMAGES))[0])
    assert slopes.allclose(net.fc.weight[TARGETS].view_as(slopes))


def test_a_layer_with_its_channels_last_gives_the_same_map():
    class Last(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.body, self.turn, self.head = net[:6], nn.Identity(), net[6:]

        def forward(self, x):
            return self.head(self.turn(self.body(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2))

    images = torch.randn(2, 1, 16, 16, dtype=torch.double, generator=torch.Generator().manual_seed(4))
    net = randomised(plain()).eval()
    assert grad_cam(Last(net), images, TARGETS, layer="turn").allclose(grad_cam(net, images, TARGETS))


def test_an_unknown_layer_is_offered_the_nearest_and_the_list():
    with pytest.raises(UnknownName, match="no layer called 'twise'. Did you mean twice.* There are first, twice, fc"):
        explained(Functional(), IMAGES.float(), TARGETS, "grad_cam", layer="twise")


def test_a_layer_without_maps_is_told_the_last_with_maps():
    with pytest.raises(ConfigError, match=r"layer 'fc' gives \(3,\) a picture, .* The last layer with maps is twice"):
        explained(Functional(), IMAGES.float(), TARGETS, "grad_cam", layer="fc")


def test_a_layer_that_the_pictures_do_not_pass_is_told():
    net = Functional()
    net.spare = nn.Conv2d(1, 1, 1)
    with pytest.raises(ConfigError, match="layer was not used for these pictures"):
        explained(net, IMAGES.float(), TARGETS, "grad_cam", layer="spare")
    with pytest.raises(ConfigError, match="layer was called 2 times for these pictures"):
        explained(net, IMAGES.float(), TARGETS, "grad_cam", layer="twice:3")


def test_a_network_without_convolutions_has_no_grad_cam_but_a_saliency():
    net = nn.Sequential(nn.Flatten(), nn.Linear(120, 3))
    with pytest.raises(ConfigError, match="has no convolution, so there are no maps for Grad-CAM"):
        explained(net, IMAGES.float(), TARGETS, "grad_cam")
    assert explained(net, IMAGES.float(), TARGETS, "saliency").maps.any()
