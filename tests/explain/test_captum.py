"""Captum, where it is installed, gives the same maps on networks that it can explain."""

import pytest
import torch
from explained_networks import Modules, randomised
from torch import nn
from torch.nn import functional as F

from striate.explain import deconvnet, guided_backpropagation, integrated_gradients, saliency
from striate.explain.grad_cam import grad_cam
from striate.explain.occlusion import occlusion

attr = pytest.importorskip("captum.attr", reason="captum is not installed")
IMAGES = torch.randn(2, 1, 12, 10, dtype=torch.double, generator=torch.Generator().manual_seed(4))
TARGETS = torch.tensor([0, 2])
pytestmark = pytest.mark.filterwarnings("ignore")  # captum warns of its own hooks


@pytest.fixture
def net() -> nn.Module:
    return randomised(Modules()).eval()


def test_saliency(net):
    wanted = attr.Saliency(net).attribute(IMAGES.clone(), target=TARGETS, abs=False)
    assert saliency.attributions(net, IMAGES, TARGETS).allclose(wanted)


def test_integrated_gradients_with_many_steps(net):
    wanted = attr.IntegratedGradients(net).attribute(IMAGES, target=TARGETS, n_steps=1000)
    found = integrated_gradients.attributions(net, IMAGES, TARGETS, steps=1000, most=1000)
    assert found.allclose(wanted, atol=2e-3 * float(wanted.abs().max()))


def test_guided_backpropagation(net):
    wanted = attr.GuidedBackprop(net).attribute(IMAGES.clone(), target=TARGETS)
    assert guided_backpropagation.attributions(net, IMAGES, TARGETS).allclose(wanted)


def test_deconvnet(net):
    wanted = attr.Deconvolution(net).attribute(IMAGES.clone(), target=TARGETS)
    assert deconvnet.attributions(net, IMAGES, TARGETS).allclose(wanted)


def test_grad_cam(net):
    wanted = attr.LayerGradCam(net, net.relus[2]).attribute(IMAGES, target=TARGETS, relu_attributions=True)
    stretched = F.interpolate(wanted, size=(12, 10), mode="bilinear", align_corners=False)[:, 0]
    assert grad_cam(net, IMAGES, TARGETS, layer="relus.2").allclose(stretched)


@pytest.mark.parametrize(("window", "stride"), [(3, 2), (4, 4), (5, 1)])
def test_occlusion(net, window, stride):
    net, images = net.float(), IMAGES.float()  # captum's takes no other
    wanted = attr.Occlusion(net).attribute(
        images, sliding_window_shapes=(1, window, window), strides=(1, stride, stride), target=TARGETS
    )
    assert occlusion(net, images, TARGETS, window=window, stride=stride).allclose(wanted[:, 0], atol=1e-5)
