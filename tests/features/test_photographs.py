"""The classifiers on real photographs: three classes of Caltech-101, EfficientNet-Lite0, ten pictures a class."""

from pathlib import Path

import pytest
import torch

from striate.errors import WeightsError

PHOTOGRAPHS = Path(__file__).parents[2] / ".." / "shared" / "data" / "caltech10"


@pytest.fixture(scope="module")
def photographs():
    """Features, labels and names of 48 photographs of three classes, and the network."""
    from striate.features.transformer import ConvNetFeatures
    from striate.model import load

    if not PHOTOGRAPHS.is_dir():
        pytest.skip("the photographs are not beside this checkout (../shared/data/caltech10)")
    try:
        model = load("efficientnet_lite0")
    except WeightsError as error:
        pytest.skip(f"the weights of efficientnet_lite0 are not installed ({error})")
    classes = ("butterfly", "helicopter", "ketch")
    files = [file for name in classes for file in sorted((PHOTOGRAPHS / name).glob("*.jpg"))[:16]]
    features = torch.from_numpy(ConvNetFeatures().fit_transform(files))
    return features, torch.arange(3).repeat_interleave(16), classes, model


@pytest.mark.parametrize("kind", ["logistic", "linear_svm", "centroid", "nearest_neighbours"])
def test_ten_pictures_a_class_are_enough(photographs, kind):
    from striate.features.classifiers import fitted

    features, labels, classes, _ = photographs
    train = torch.arange(48) % 16 < 10
    found = fitted(features[train], labels[train], classes, kind)
    answers = found.outputs(features[~train]).softmax(1)
    assert (answers.argmax(1) == labels[~train]).double().mean() >= 17 / 18
    assert found.accuracy >= 0.95


def test_a_photograph_finds_others_of_its_class(photographs):
    from striate.features.card import Card
    from striate.features.index import build, search
    from striate.metrics.retrieval import mean_average_precision, ranked

    features, labels, _, model = photographs
    index = build(features, [str(i) for i in range(48)], Card.of(model))
    similarities = index.features @ index.features.T
    assert mean_average_precision(ranked(similarities, labels, labels, torch.arange(48))) > 0.95
    _, positions = search(index, features, 2)
    assert positions[:, 0].tolist() == list(range(48))
    assert (labels[positions[:, 1]] == labels).double().mean() > 0.95


def test_a_photograph_of_no_class_is_rejected_and_those_of_the_classes_are_not(photographs):
    from striate.features.classifiers import fitted
    from striate.metrics.rejection import energy, rejection_threshold

    features, labels, _, _ = photographs
    known, unknown = labels < 2, labels == 2
    found = fitted(features[known], labels[known], ("butterfly", "helicopter"))
    threshold = rejection_threshold(energy(found.held_out / found.temperature))
    assert (energy(found.outputs(features[unknown])) < threshold).double().mean() > 0.5
    assert (energy(found.held_out / found.temperature) < threshold).double().mean() <= 0.05
