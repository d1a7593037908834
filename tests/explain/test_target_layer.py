"""The layer that Grad-CAM chooses, judged by what torch's own hooks and gradients say of it."""

import pytest
import torch
from explained_networks import Functional, plain
from torch import nn
from torch.nn import functional as F

from striate.errors import ConfigError
from striate.explain.answers import first_tensor
from striate.explain.target_layer import channel_axis, target_layer
from striate.zoo import networks

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
LIGHT = 12e6  # parameters; heavier networks are built in the slow run

OF_THE_PAPERS = {  # the maps that the papers' own figures show as the last before pooling
    "lenet5": "relu2", "lenet5_1998": "c3_squash", "simple_cnn": "relu2", "neocognitron": "s3",
    "googlenet": "inception5b", "googlenet_aux": "inception5b", "googlenet_bn": "inception5b",
    "inception_v3": "Mixed_7c", "inception_v3_aux": "Mixed_7c", "inception_v4": "features.21",
    "inception_resnet_v2": "conv2d_7b", "xception": "act4", "squeezenet1_0": "classifier.2",
    "squeezenet1_1": "classifier.2", "resnet18": "layer4", "resnet34": "layer4", "resnet50": "layer4",
    "resnet50_v1": "layer4", "resnext50_32x4d": "layer4", "seresnet50": "layer4", "seresnet50_v15": "layer4",
    "resnet20_cifar": "layer3", "resnet110_cifar_b": "layer3", "pyramidnet110_48": "relu_final",
    "densenet121": "relu", "densenet201": "relu", "dpn68": "features.conv5_bn_ac", "mobilenet_v1": "blocks",
    "efficientnet_lite0": "relu1", "nasnet_a_mobile": "act", "alexnet": "features.11", "alexnet_grouped": "relu5",
    "zfnet": "relu5", "vgg11": "features.19", "vgg16": "features.29", "vgg19_bn": "features.51",
    "resnet152": "layer4", "senet154": "layer4", "polynet": "stage_c", "pnasnet5_large": "act", "amoebanet_a": "act",
}  # fmt: skip

OF_OTHERS = {  # torchvision's
    "alexnet": "features.11", "convnext_tiny": "features.7", "densenet121": "features.norm5",
    "efficientnet_b0": "features.8", "efficientnet_v2_s": "features.7", "googlenet": "inception5b",
    "inception_v3": "Mixed_7c", "mnasnet0_5": "layers.16", "mobilenet_v2": "features.18",
    "mobilenet_v3_large": "features.16", "mobilenet_v3_small": "features.12", "regnet_x_400mf": "trunk_output",
    "regnet_y_400mf": "trunk_output", "resnet18": "layer4", "resnext50_32x4d": "layer4",
    "shufflenet_v2_x0_5": "conv5", "squeezenet1_1": "classifier.2", "vgg11_bn": "features.27", "vgg16": "features.29",
    "wide_resnet50_2": "layer4", "maxvit_t": "blocks.3", "swin_t": "permute",
}  # fmt: skip

FAMILIES = {  # of timm's: a small network of each, and what its last maps are called
    "eca_botnext26ts_256": "stages", "mobileone_s1": "stages", "convmixer_768_32": "blocks", "convnext_atto": "stages",
    "coatnet_pico_rw_224": "norm", "cs3darknet_focus_s": "stages", "densenet121": "features.norm5",
    "dla46x_c": "level5",
    "dpn48b": "features.conv5_bn_ac", "edgenext_xx_small": "stages", "efficientnet_lite0": "bn2",
    "tf_efficientnetv2_b0": "bn2", "fasternet_t0": "stages", "fastvit_t8": "final_conv", "ghostnet_050": "blocks",
    "hardcorenas_a": "blocks", "hgnetv2_b0": "stages", "hrnet_w18_small": "final_layer",
    "inception_next_atto": "stages", "inception_v3": "Mixed_7c", "inception_v4": "features.21", "lcnet_050": "blocks",
    "mambaout_femto": "stages", "poolformerv2_s12": "stages", "mixnet_s": "bn2", "mnasnet_small": "bn2",
    "mobilenetv1_100": "blocks", "mobilenetv2_050": "bn2", "mobilenetv3_small_050": "blocks",
    "mobilenetv4_conv_small": "blocks", "mobilevit_xxs": "final_conv", "nf_regnet_b0": "final_act",
    "rdnet_tiny": "dense_stages", "regnetx_002": "s4", "regnety_002": "s4", "repghostnet_050": "blocks",
    "repvgg_a0": "stages", "repvit_m0_9": "stages", "res2net50_26w_4s": "layer4", "resnest26d": "layer4",
    "resnet18": "layer4", "resnetv2_18": "norm", "rexnet_100": "features", "selecsls42": "head",
    "legacy_seresnet18": "layer4", "skresnet18": "layer4", "starnet_s050": "norm", "tinynet_e": "bn2",
    "tresnet_m": "body.layer4", "vgg11": "features.19", "ese_vovnet19b_slim_dw": "stages", "legacy_xception": "act4",
    "xception41p": "act", "cspresnet50": "stages", "darknet53": "stages", "gernet_s": "stages", "spnasnet_100": "bn2",
    "fbnetc_100": "bn2", "semnasnet_075": "bn2", "wide_resnet50_2": "layer4",
}  # fmt: skip


def watched(net: nn.Module, image: torch.Tensor) -> dict[str, list[torch.Tensor]]:
    """What each module gives, by name, one tensor a call."""
    given: dict[str, list[torch.Tensor]] = {}

    def kept(name):
        return lambda module, args, output: given.setdefault(name, []).append(first_tensor(output))

    hooks = [module.register_forward_hook(kept(name)) for name, module in net.named_modules()]
    with torch.no_grad():
        net(image)
    for hook in hooks:
        hook.remove()
    return given


def answer_without(net: nn.Module, image: torch.Tensor, layer: str) -> bool:
    """Whether the answer has a slope at the picture although nothing passes back through `layer`."""
    name, _, call = layer.partition(":")
    calls = []

    def cut(module, args, output):
        calls.append(1)
        return output.detach() if not call or len(calls) == int(call) else None

    hook = dict(net.named_modules())[name].register_forward_hook(cut)
    x = image.clone().requires_grad_()
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    answer = first_tensor(net(x * 1))
    hook.remove()
    if not answer.requires_grad:
        return False
    (slope,) = torch.autograd.grad(answer.sum(), x, allow_unused=True)
    return slope is not None


def assert_right(net: nn.Module, image: torch.Tensor, layer: str) -> None:
    """The layer gives maps, all of the answer comes through them, and no convolution with a map of another size or
    number of positions lies behind."""
    net.eval()
    name = layer.partition(":")[0]
    given = watched(net, image)
    maps = given[name][-1]
    positions = maps[0].numel() // maps.shape[channel_axis(image, maps)]
    assert maps.ndim == image.ndim
    assert positions > 1
    assert not answer_without(net, image, layer), "a part of the answer does not come through this layer"
    convolved = [m for m, module in net.named_modules() if isinstance(module, CONVOLUTIONS) and m in given]
    spatial = [m for m in given if m in convolved and given[m][-1][0, 0].numel() > 1]  # dicts keep the order of calls
    behind = [*given][[*given].index(name) + 1 :]
    assert not [m for m in behind if m in spatial and not m.startswith(f"{name}.")], "maps are made behind this layer"
    before = [m for m in spatial if m not in behind]
    if convolved:  # the neocognitron's are functions
        assert positions == given[before[-1]][-1][0, 0].numel(), "these maps are pooled"


@pytest.mark.parametrize(
    "name",
    [n if networks[n].facts.parameters < LIGHT else pytest.param(n, marks=pytest.mark.slow) for n in networks],
)
def test_the_layer_of_a_network_of_the_zoo_is_its_last_stage_of_maps(name):
    net = networks[name]()
    image = torch.randn(1, *networks[name].facts.image, generator=torch.Generator().manual_seed(0))
    layer = target_layer(net, image)
    assert layer == OF_THE_PAPERS.get(name, layer)
    assert_right(net, image, layer)


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_OTHERS)
def test_the_layer_of_torchvisions_networks_is_their_last_stage_of_maps(torchvision, name):
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    net = torchvision.models.get_model(name, weights=None, **options)
    assert target_layer(net, torch.randn(1, 3, *[299 if name == "inception_v3" else 224] * 2)) == OF_OTHERS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["r3d_18", "mc3_18", "r2plus1d_18"])
def test_the_layer_of_a_network_for_films_is_its_last_stage_too(torchvision, name):
    net = torchvision.models.get_model(name, weights=None)
    assert target_layer(net, torch.randn(1, 3, 8, 48, 48)) == "layer4"


@pytest.mark.slow
def test_the_layer_is_right_for_nearly_every_convolutional_family_of_timm(timm):
    wrong, tried = {}, 0
    for name, wanted in FAMILIES.items():
        if not timm.is_model(name):
            continue
        tried += 1
        net = timm.create_model(name)
        image = torch.randn(1, *net.default_cfg["input_size"])
        if (found := target_layer(net, image)) != wanted:
            wrong[name] = found
    assert tried >= 50
    assert len(wrong) <= 0.05 * tried, wrong


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_layer_is_found_in_any_dimension(axes):
    assert target_layer(plain(axes, inplace=True), torch.randn(1, 1, *[12] * axes)) == "5"


def test_of_a_layer_used_again_the_call_is_named_unless_it_is_the_last():
    assert target_layer(Functional(), torch.randn(1, 1, 8, 8)) == "twice"

    class Early(Functional):
        def forward(self, x):
            x = self.twice(self.first(x))
            return self.fc(self.twice(x.mean((2, 3), keepdim=True)).flatten(1))

    assert target_layer(Early(), torch.randn(1, 1, 8, 8)) == "twice:1"


def test_a_side_head_is_not_taken_for_the_answer():
    class Sides(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(4, 3)
            self.side = nn.Sequential(nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

        def forward(self, x):
            x = self.body(x)
            return self.fc(x.mean((2, 3))), self.side(x)

    assert target_layer(Sides(), torch.randn(1, 1, 8, 8)) == "body"


def test_a_branch_and_a_gate_are_not_the_stage():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right, self.gate = nn.Conv2d(1, 4, 3), nn.Conv2d(1, 4, 3), nn.Conv2d(8, 8, 1)

        def forward(self, x):
            x = torch.cat([self.left(x), self.right(x)], 1)
            return x * self.gate(F.adaptive_avg_pool2d(x, 1)).sigmoid()

    net = nn.Sequential(nn.Conv2d(1, 1, 3), Branches(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert target_layer(net, torch.randn(1, 1, 9, 9)) == "1"


def test_pooling_and_what_follows_it_is_not_the_last_stage():
    net = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(4), nn.Dropout(), nn.AdaptiveAvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(16, 3)),
    )
    assert target_layer(net, torch.randn(1, 1, 10, 10)) == "1"


def test_channels_may_be_the_last_axis():
    assert channel_axis(torch.empty(1, 3, 64, 64), torch.empty(1, 8, 8, 96)) == 3
    assert channel_axis(torch.empty(1, 3, 64, 64), torch.empty(1, 96, 8, 8)) == 1
    assert channel_axis(torch.empty(1, 3, 16, 64, 64), torch.empty(1, 4, 8, 8, 96)) == 4
    assert channel_axis(torch.empty(1, 3, 64), torch.empty(1, 8, 96)) == 1


def test_a_network_without_convolutions_is_told_which_methods_still_apply():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    with pytest.raises(ConfigError, match="Sequential has no convolution.*saliency, smooth_grad, integrated_gradients"):
        target_layer(net, torch.randn(1, 1, 8, 8))


def test_pictures_too_small_for_maps_are_told():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ConfigError, match="gives maps of more than one position for pictures of 1x3x3. Give larger"):
        target_layer(net, torch.randn(1, 1, 3, 3))
