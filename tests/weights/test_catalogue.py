"""The catalogue says what the publishers say: compared with torchvision's and timm's own lists where they are there."""

import hashlib
import math
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from other_packages import torchvision

from striate.errors import WeightsError
from striate.weights.catalogue import entries, entry_of, imagenet_classes, preparation_of, weights_of
from striate.zoo import networks

THEIRS = {"googlenet_bn": "googlenet", "googlenet_bn_aux": "googlenet", "inception_v3_aux": "inception_v3"}
TIMM = {  # our network: timm's weights whose preparation a file of the user's own gets
    "resnet101_d": "resnet101d.gluon_in1k",
    "resnet152_d": "resnet152d.gluon_in1k",
    "seresnet50": "legacy_seresnet50.in1k",
    "seresnet50_v15": "seresnet50.ra2_in1k",
    "senet154": "legacy_senet154.in1k",
    "mobilenet_v1": "mobilenetv1_100.ra4_e3600_r224_in1k",
    "inception_v4": "inception_v4.tf_in1k",
    "inception_resnet_v2": "inception_resnet_v2.tf_in1k",
    "xception": "legacy_xception.tf_in1k",
    "nasnet_a_large": "nasnetalarge.tf_in1k",
    "pnasnet5_large": "pnasnet5large.tf_in1k",
    "dpn68": "dpn68.mx_in1k",
    "dpn92": "dpn92.mx_in1k",
    "dpn98": "dpn98.mx_in1k",
    "dpn131": "dpn131.mx_in1k",
}
OF_TORCHVISION = [entry for entry in entries() if entry.publisher == "torchvision"]
PACKAGED = [entry for entry in entries() if entry.package]


def name_of(entry):
    return f"{entry.network}-{entry.name}"


@pytest.mark.parametrize("entry", OF_TORCHVISION, ids=name_of)
def test_it_says_of_torchvisions_weights_what_torchvision_says(entry):
    weights = torchvision().models.get_model_weights(THEIRS.get(entry.network, entry.network))
    theirs = next(w for w in weights if w.url == entry.url)
    assert theirs.name == {"imagenet": "IMAGENET1K_V1", "imagenet_v2": "IMAGENET1K_V2"}[entry.name]
    published = theirs.meta["_metrics"]["ImageNet-1K"]
    assert (entry.top1, entry.top5) == (published["acc@1"], published["acc@5"])
    how = theirs.transforms()
    assert entry.preparation.image == (3, *2 * how.crop_size)
    assert [entry.preparation.resize] == how.resize_size
    assert entry.preparation.interpolation == how.interpolation.value
    if entry.network in THEIRS or entry.network == "inception_v3":  # transform_input turns theirs into these
        assert set(entry.preparation.mean + entry.preparation.std) == {0.5}
    else:
        assert (list(entry.preparation.mean), list(entry.preparation.std)) == (how.mean, how.std)


@pytest.mark.parametrize("network", THEIRS)
def test_torchvisions_transform_input_is_what_a_mean_and_deviation_of_a_half_do(network):
    import torch

    with torch.device("meta"):
        theirs = torchvision().models.get_model(THEIRS[network], transform_input=True, init_weights=False)
    grey = torch.rand(1, 3, 2, 2)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    assert torch.allclose(theirs._transform_input((grey - mean) / std), (grey - 0.5) / 0.5, atol=1e-6)


def test_nothing_of_torchvisions_that_we_have_is_left_out():
    for name in networks:
        theirs = name if name not in ("googlenet", "googlenet_aux") else None  # ours is the paper's, theirs is not
        if theirs in torchvision().models.list_models():
            weights = torchvision().models.get_model_weights(theirs)
            meant = {w.url for w in weights if not w.name.endswith("FEATURES")}  # which classify nothing
            assert meant == {entry.url for entry in weights_of(name).values()}, name


@pytest.mark.parametrize("network", TIMM)
def test_a_file_of_the_users_own_is_prepared_as_timm_prepares_its(network):
    torchvision()
    models = pytest.importorskip("timm.models")
    theirs = models.get_pretrained_cfg(TIMM[network])
    ours, why = preparation_of(network, "my_file.pth")
    assert ours.image == theirs.input_size
    assert ours.resize == math.floor(theirs.input_size[1] / theirs.crop_pct)
    assert ours.interpolation == theirs.interpolation
    assert (ours.mean, ours.std) == (pytest.approx(theirs.mean), pytest.approx(theirs.std))
    assert why == f"pictures are prepared as timm does for {network}"


@pytest.mark.parametrize("entry", PACKAGED, ids=name_of)
def test_the_file_of_a_package_has_the_sum_that_is_written_here(entry):
    spec = find_spec(entry.package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{entry.package} is not installed")
    contents = (Path(spec.origin).parent / entry.member).read_bytes()
    assert hashlib.sha256(contents).hexdigest() == entry.sha256


@pytest.mark.parametrize("entry", PACKAGED, ids=name_of)
def test_efficientnet_lite_sees_what_its_authors_write_x_minus_127_by_128(entry):
    import torch

    white = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    assert entry.preparation.normalise(white).mean().item() == pytest.approx((255 - 127) / 128)
    assert entry.preparation.normalise(white * 0).mean().item() == pytest.approx(-127 / 128)
    assert entry.preparation.resize == entry.preparation.image[1] + 32


@pytest.mark.parametrize("entry", entries(), ids=name_of)
def test_every_entry_is_whole(entry):
    assert entry.network in networks
    assert re.fullmatch(r"[0-9a-f]{8}|[0-9a-f]{64}", entry.sha256)
    assert entry.file.endswith(f"-{entry.sha256[:8]}.pth")
    assert bool(entry.url) != bool(entry.package)
    assert entry.url == "" or entry.url.startswith("https://")
    assert entry.licence in ("BSD-3-Clause", "Apache-2.0")
    assert len(entry.categories) == networks[entry.network].facts.classes == 1000
    assert entry.preparation.image == networks[entry.network].facts.image


def test_the_published_accuracy_is_that_of_the_leaderboard_or_of_a_later_recipe():
    for entry in entries():
        facts = networks[entry.network].facts
        if entry.name == "imagenet" and entry.network not in ("resnext101_64x4d", "googlenet_bn_aux"):
            assert entry.top1 == facts.top1, entry.network


def test_the_categories_are_those_of_torchvision_in_its_order():
    weights = torchvision().models.get_model_weights("resnet50")
    assert list(imagenet_classes()) == weights.DEFAULT.meta["categories"]
    assert len(set(imagenet_classes())) == 1000


def test_an_unknown_name_is_answered_with_what_there_is():
    with pytest.raises(
        WeightsError, match="resnet50: there are no weights called 'v9'. There are imagenet, imagenet_v2"
    ):
        entry_of("resnet50", "v9")
    assert entry_of("resnet50", "ImageNet-V2").name == "imagenet_v2"


def test_a_network_without_public_weights_says_so():
    with pytest.raises(WeightsError, match="amoebanet_a: no public weights are known for it. Give a file of your own"):
        entry_of("amoebanet_a")


def test_a_file_called_as_a_known_one_is_prepared_as_that_one():
    ours, why = preparation_of("resnet50", "resnet50-11ad3fa6.pth")
    assert ours.resize == 232
    assert why == "pictures are prepared as torchvision says for resnet50-11ad3fa6.pth"


def test_where_nothing_is_known_that_is_said():
    ours, why = preparation_of("polynet", "polynet.pth")
    assert ours.resize == 256
    assert why == "how its pictures are prepared is unknown; they are prepared as torchvision does"
