"""One function for every method: what it gives, how it leaves the network, and what it says of a mistake."""

import pytest
import torch
from explained_networks import Functional, plain, randomised
from torch import nn

from striate.errors import ConfigError, UnknownName
from striate.explain.methods import answered, explained, methods

IMAGES = torch.randn(3, 1, 12, 10, generator=torch.Generator().manual_seed(4))
TARGETS = torch.tensor([0, 1, 2])
NAMES = [
    *("centre_blob", "deconvnet", "edge_detector", "grad_cam", "grad_cam_plus_plus", "guided_backpropagation"),
    *("integrated_gradients", "occlusion", "saliency", "smooth_grad"),
]


def test_every_method_is_found_by_its_name():
    assert set(NAMES) <= set(methods)
    assert methods.name_of("Grad-CAM") == "grad_cam"


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_map_is_as_large_as_the_picture_in_any_dimension(name, axes):
    images = torch.randn(2, 1, *(12, 10, 6)[:axes], dtype=torch.double, generator=torch.Generator().manual_seed(0))
    found = explained(randomised(plain(axes, inplace=True)), images, torch.tensor([2, 0]), name)
    assert found.maps.shape == (2, *images.shape[2:])
    assert found.maps.isfinite().all()
    assert found.method == name
    assert not found.maps.requires_grad
    if not methods[name].explanation.signed:
        assert found.maps.min() >= 0


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", NAMES)
def test_the_network_is_left_as_it_was_found_bit_for_bit(name, mode):
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, x):
            self.seen += 1
            return x

    net = nn.Sequential(Counts(), *plain())
    net.train()
    net[2].eval()
    net[1].weight.requires_grad_(False)
    net(IMAGES).sum().backward()
    state = {key: value.clone() for key, value in net.state_dict().items()}
    flags = [(module.training, id(module)) for module in net.modules()]
    wanted = [parameter.requires_grad for parameter in net.parameters()]
    slopes = [None if p.grad is None else p.grad.clone() for p in net.parameters()]
    with mode():
        explained(net, IMAGES, TARGETS, name)
    assert all(value.equal(state[key]) for key, value in net.state_dict().items())
    assert [(module.training, id(module)) for module in net.modules()] == flags
    assert [parameter.requires_grad for parameter in net.parameters()] == wanted
    for parameter, before in zip(net.parameters(), slopes, strict=True):
        assert (parameter.grad is None) if before is None else parameter.grad.equal(before)
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in net.modules())


def test_the_network_is_left_as_it_was_found_when_it_fails():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Linear(7, 3)).train()
    for name in ("grad_cam", "saliency", "occlusion"):
        with pytest.raises(RuntimeError):
            explained(net, IMAGES, TARGETS, name)
    assert all(module.training and not module._forward_hooks for module in net.modules())
    assert all(parameter.requires_grad for parameter in net.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_dropout_is_silent_and_batch_norm_uses_what_it_learned(name):
    net = randomised(plain())
    first = explained(net.train(), IMAGES, TARGETS, name).maps
    assert first.equal(explained(net.eval(), IMAGES, TARGETS, name).maps)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrap", [lambda y: (y, y), lambda y: {"out": y}, lambda y: [[y], None]])
def test_of_several_outputs_the_first_is_explained(name, wrap):
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = randomised(Functional())

        def forward(self, x):
            return wrap(self.net(x))

    net = Wrapped()
    assert explained(net, IMAGES, TARGETS, name).maps.allclose(explained(net.net, IMAGES, TARGETS, name).maps)


def test_without_a_target_the_answer_of_the_network_is_explained():
    net = randomised(plain()).eval()
    answer = net(IMAGES.double()).argmax(1)
    assert answered(net, IMAGES).equal(answer)
    found = explained(net, IMAGES)
    assert found.targets.equal(answer)
    assert found.maps.equal(explained(net, IMAGES, answer).maps)


def test_an_answer_at_every_position_is_averaged():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 1))
    pooled = nn.Sequential(*net, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    maps = explained(net, IMAGES, TARGETS, "saliency").maps
    assert maps.allclose(explained(pooled, IMAGES, TARGETS, "saliency").maps)


def test_a_network_with_one_output_has_the_target_0():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(320, 1), nn.Flatten(0))
    assert explained(net, IMAGES, torch.zeros(3, dtype=torch.int64), "saliency").maps.any()
    with pytest.raises(ConfigError, match="there is no class 1: Sequential answers for one class, 0"):
        explained(net, IMAGES, torch.ones(3, dtype=torch.int64), "saliency")


def test_a_network_in_half_precision_is_explained():
    found = explained(plain().bfloat16(), IMAGES, TARGETS, "grad_cam")
    assert found.maps.isfinite().all()


@pytest.mark.parametrize("target", [3, -1])
@pytest.mark.parametrize("name", NAMES)
def test_a_target_out_of_range_is_refused_by_every_method(name, target):
    with pytest.raises(ConfigError, match=f"there is no class {target}: Functional answers for 3 classes, 0 to 2"):
        explained(Functional(), IMAGES, torch.tensor([0, target, 1]), name)


def test_an_unknown_method_is_offered_the_nearest():
    with pytest.raises(UnknownName, match="no explanation called 'grad_kam'. Did you mean grad_cam"):
        explained(Functional(), IMAGES, TARGETS, "grad_kam")


def test_a_layer_is_refused_where_the_method_takes_none():
    with pytest.raises(ConfigError, match="saliency looks at pixels and takes no layer, but 'twice' is given"):
        explained(Functional(), IMAGES, TARGETS, "saliency", layer="twice")


@pytest.mark.parametrize(
    ("images", "targets", "message"),
    [
        (IMAGES.to(torch.uint8), TARGETS, r"images are \(3, 1, 12, 10\) torch.uint8; they must be normalised floats"),
        (IMAGES[0, 0], TARGETS, r"images are \(12, 10\) torch.float32; they must be"),
        (IMAGES[:0], TARGETS[:0], r"images are \(0, 1, 12, 10\)"),
        (IMAGES, TARGETS[:2], r"targets are \(2,\) torch.int64 for 3 pictures; they must be one class number"),
        (IMAGES, TARGETS.float(), r"targets are \(3,\) torch.float32"),
        (IMAGES, [0, 1, 2], "targets are list for 3 pictures"),
    ],
)
def test_pictures_and_targets_of_the_wrong_kind_are_refused(images, targets, message):
    with pytest.raises(ConfigError, match=message):
        explained(Functional(), images, targets, "saliency")


class Ends(nn.Module):
    def __init__(self, end):
        super().__init__()
        self.conv, self.end = nn.Conv2d(1, 3, 3), end

    def forward(self, x):
        return self.end(self.conv(x))


class Custom(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.clone()


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (lambda x: x.mean((2, 3)).detach(), "the answer has no slope: a part of the network cannot be differentiated"),
        (lambda x: x.sign().mean((2, 3)), "the answer has no slope: 'sign' goes up in steps and is flat in between"),
        (lambda x: x.round().mean((2, 3)), "'round' goes up in steps"),
        (lambda x: torch.from_numpy(x.mean((2, 3)).numpy()), "(no slope: Can't call numpy|cannot be followed back)"),
        (lambda x: Custom.apply(x).mean((2, 3)), "the answer has no slope: You must implement"),
    ],
)
@pytest.mark.parametrize("name", ["saliency", "grad_cam"])
def test_parts_that_cannot_be_differentiated_are_told_with_what_still_applies(name, end, message):
    with pytest.raises(ConfigError, match=f"{message}.*centre_blob, edge_detector and occlusion need no slope"):
        explained(Ends(end), IMAGES, TARGETS, name)
    assert explained(Ends(end), IMAGES, TARGETS, "occlusion").maps.isfinite().all()


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (lambda x: x.mean((2, 3)).argmax(1), "Ends answers in int64, which has no slope and no strength"),
        (lambda x: x.mean(), r"Ends gives \(\) for 3 pictures; it must give one row of scores a picture"),
        (lambda x: None, "Ends gives no tensor for a picture"),
    ],
)
def test_an_answer_that_is_no_row_of_scores_is_refused(end, message):
    with pytest.raises(ConfigError, match=message):
        explained(Ends(end), IMAGES, TARGETS, "saliency")


def test_a_map_of_numbers_that_overflow_is_refused():
    with pytest.raises(ConfigError, match="saliency of picture 0 is not a number everywhere: the network's values"):
        explained(Ends(lambda x: (x.mean((2, 3)) - 1e4).sqrt()), IMAGES, TARGETS, "saliency")
