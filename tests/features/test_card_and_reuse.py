import copy

import pytest
import torch
from torch import nn

from striate.errors import ConfigError, DataError, StriateError
from striate.features.card import Card, classifier_name, weights_sha256
from striate.features.classifiers import fitted
from striate.features.extract import rows
from striate.features.reuse import with_classifier


def test_any_change_of_a_weight_changes_the_fingerprint(model):
    before = weights_sha256(model.net)
    assert weights_sha256(copy.deepcopy(model.net)) == before
    for name, tensor in model.net.state_dict().items():
        changed = copy.deepcopy(model.net)
        changed.state_dict()[name].view(-1)[-1] += 1e-3 * (1 + tensor.view(-1)[-1].abs())
        assert weights_sha256(changed) != before, name


def test_the_classifier_does_not_count_for_what_it_is_given(model):
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.net[6].weight += 1
    assert classifier_name(model) == "6"
    assert Card.of(other) == Card.of(model)
    assert Card.of(other, "4") != Card.of(model, "4")
    with torch.no_grad():
        other.net[0].weight += 1
    assert Card.of(other) != Card.of(model)


def test_a_network_without_a_layer_for_its_classes_says_so(model):
    model.classes = tuple("abc")
    model.net = nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(3))
    with pytest.raises(DataError, match="no layer gives 3 classes"):
        Card.of(model)


def test_features_of_a_layer_are_means_over_its_maps(model, images):
    net_input = model.preprocess.normalise(images)
    expected = model.net[0](net_input).mean((2, 3))
    assert torch.allclose(rows(model.features(images, "0")), expected, atol=1e-6)
    assert torch.allclose(rows(model.features(images)), model.net[:6](net_input), atol=1e-6)
    assert rows(torch.ones(2, 3, 4)).shape == (2, 12)


@pytest.mark.parametrize("kind", ["logistic", "nearest_neighbours"])
def test_a_network_with_a_new_classifier_answers_as_the_classifier_of_its_features(model, kind):
    images = torch.randint(256, (20, 1, 12, 12), dtype=torch.uint8)
    features, labels = rows(model.features(images)), torch.arange(20) % 2
    found = fitted(features, labels, ("left", "right"), kind)
    before = weights_sha256(model.net)
    made = with_classifier(model, found)
    assert made.classes == ("left", "right")
    assert torch.allclose(made.probabilities(images), found.outputs(features).softmax(1), atol=1e-5)
    assert weights_sha256(model.net) == before


def test_a_linear_classifier_is_saved_and_loaded_with_its_network_like_any_other(tmp_path):
    from striate.data.preprocess import Preprocess
    from striate.model import Model, load
    from striate.networks import build, refer

    preprocess = Preprocess((1, 32, 32), (0.5,), (0.5,), "resize")
    model = Model(build("lenet5", (1, 32, 32), 10).eval(), tuple("abcdefghij"), preprocess, refer("lenet5"))
    images = torch.randint(256, (12, 1, 32, 32), dtype=torch.uint8)
    found = fitted(rows(model.features(images)), torch.arange(12) % 3, ("x", "y", "z"))
    made = with_classifier(model, found, {"classifier": "logistic"})
    made.save(tmp_path)
    again = load(tmp_path)
    assert again.classes == ("x", "y", "z")
    assert torch.allclose(again.probabilities(images), made.probabilities(images), atol=1e-6)


def test_a_classifier_that_fits_no_place_is_refused(model, images):
    features = rows(model.features(images, "0"))
    found = fitted(features, torch.arange(7) % 2, ("a", "b"))
    with pytest.raises(ConfigError, match="'6' is given 16 features, but the classifier takes 6"):
        with_classifier(model, found)
    model.net = nn.Sequential(nn.Conv2d(1, 10, 12), nn.Flatten())
    with pytest.raises(ConfigError, match="its classes come from Conv2d '0', not from a fully connected layer"):
        with_classifier(model, found)


def test_a_card_of_something_else_is_refused(model):
    assert Card.from_json(Card.of(model).as_json(), "x") == Card.of(model)
    for wrong in (None, [], {}, {**Card.of(model).as_json(), "weights": 3}, {**Card.of(model).as_json(), "data": 3}):
        with pytest.raises(StriateError, match="somewhere: "):
            Card.from_json(wrong, "somewhere")
