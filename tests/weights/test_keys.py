"""The names in public checkpoints: torchvision's and timm's state dicts go into our networks, none left over.

Nothing is in memory here: names and shapes are all that is compared. That the numbers then give the same answers is
tested with the zoo, and here for one file of each form.
"""

import re
from importlib import import_module

import pytest
import torch
from oracle import timm_model, torchvision_model
from small_networks import held

from striate.weights.checkpoint import read_checkpoint
from striate.weights.keys import lite_of_timm, without_prefix
from striate.weights.load import load_weights
from striate.weights.match import match
from striate.zoo import networks

ORACLES = {
    name: oracle
    for file in ("oracles_resnet", "oracles_inception", "oracles_nas")
    for name, oracle in import_module(file).ORACLES.items()
}
QUICK = (
    "alexnet", "densenet121", "dpn68", "efficientnet_lite0", "googlenet_bn", "googlenet_bn_aux", "inception_v3_aux",
    "mobilenet_v1", "resnet18", "resnet50", "resnext50_32x4d", "seresnet50", "squeezenet1_1", "vgg16_bn", "xception",
)  # fmt: skip


def on_meta(name):
    with torch.device("meta"):
        return networks[name]()


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n not in QUICK)) for n in ORACLES])
def test_the_names_of_torchvision_and_timm_go_into_our_networks_none_left_over(name):
    with torch.device("meta"):
        theirs = ORACLES[name].build().state_dict()
    found = match(on_meta(name).state_dict(), held(theirs, ordered=False))
    assert found.fits
    assert not found.by_order
    learned = {key for key in theirs if not key.endswith("num_batches_tracked")}
    assert learned == learned & set(found.mapping.values())


@pytest.mark.parametrize("number", range(3))
def test_timms_efficientnet_lite_is_matched_as_order_alone_would_match_it(number):
    """Two ways that know nothing of each other: names, and the order in which both networks run."""
    with torch.device("meta"):
        theirs = timm_model(f"tf_efficientnet_lite{number}").state_dict()
    ours = on_meta(f"efficientnet_lite{number}").state_dict()
    assert lite_of_timm(list(theirs)) == list(ours)


@pytest.mark.parametrize("name", ["vgg11", "vgg16_bn"])
def test_timms_vgg_whose_classifier_is_convolutions_fits(name):
    with torch.device("meta"):
        theirs = timm_model(name).state_dict()
    found = match(on_meta(name).state_dict(), held(theirs))
    assert found.fits
    assert found.mapping["classifier.0.weight"] == "pre_logits.fc1.weight"
    assert found.mapping["classifier.6.bias"] == "head.fc.bias"
    assert "the names are those of timm's VGG" in found.notes


def test_the_first_densenets_of_torchvision_fit():
    """Their names as torchvision's own pattern describes them; the file densenet121-a639ec97.pth still has them."""
    with torch.device("meta"):
        state = torchvision_model("densenet121").state_dict()
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): value for key, value in state.items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    found = match(on_meta("densenet121").state_dict(), held(old))
    assert found.fits
    assert found.notes == ["the names are those of torchvision's first DenseNets"]


def test_the_cifar_resnets_of_people_s_repositories_fit():
    ours = on_meta("resnet20_cifar_b").state_dict()
    theirs = {
        "module." + key.replace("downsample", "shortcut").replace("fc.", "linear."): value
        for key, value in ours.items()
    }
    found = match(ours, held({key: value for key, value in theirs.items() if "num_batches" not in key}))
    assert found.fits
    assert found.notes == [
        "'module.' was taken off the names",
        "the names are those of CIFAR repositories' shortcuts",
        "the last layer is called linear there and fc here",
    ]


def test_googlenets_file_with_its_auxiliary_heads_fits_the_network_without():
    with torch.device("meta"):
        theirs = torchvision_model("googlenet", aux_logits=True, init_weights=False).state_dict()
    found = match(on_meta("googlenet_bn").state_dict(), held(theirs))
    assert found.fits
    assert any(name.startswith("aux1.") for name in found.unused)


def test_a_prefix_stays_where_the_network_has_it_too():
    assert without_prefix(["model.a", "b"], ["model.a", "b"]) == (["model.a", "b"], "")
    assert without_prefix(["module.a", "loss.b"], ["a"]) == (["a", "loss.b"], "module.")


def test_a_file_that_torch_saved_of_torchvisions_network_gives_its_answers(tmp_path):
    torch.manual_seed(0)
    theirs = torchvision_model("squeezenet1_1").eval()
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "x.pth")
    ours = on_meta("squeezenet1_1")
    load_weights(ours, read_checkpoint(tmp_path / "x.pth"), network_name="squeezenet1_1")
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(ours.eval()(images), theirs(images), atol=1e-5)
