from math import isnan

import pytest
import torch

from striate.metrics.confusion import confusion_matrix
from striate.metrics.per_class import class_scores


def answers(seed, pictures=300, classes=6):
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(classes, (2, pictures), generator=chance)


def test_every_class_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    predicted, labels = answers(0)
    found = class_scores(confusion_matrix(predicted, labels, 6))
    expected = metrics.precision_recall_fscore_support(labels, predicted)
    for ours, theirs in zip((found.precision, found.recall, found.f1, found.support), expected, strict=True):
        assert ours.tolist() == pytest.approx(theirs.tolist())


def test_averages_agree_with_scikit_learn_over_the_classes_that_have_pictures():
    metrics = pytest.importorskip("sklearn.metrics")
    predicted, labels = answers(1)
    predicted[predicted == 2] = 3  # never answered
    labels[labels == 4] = 1  # no pictures
    found = class_scores(confusion_matrix(predicted, labels, 6)).macro
    expected = metrics.precision_recall_fscore_support(
        labels, predicted, labels=[0, 1, 2, 3, 5], average="macro", zero_division=0
    )
    assert (found.precision, found.recall, found.f1) == pytest.approx(expected[:3])


def test_what_is_undefined_is_nan_in_numbers_and_null_in_json():
    found = class_scores(torch.tensor([[2, 0, 0], [1, 0, 0], [0, 0, 0]]))
    assert isnan(found.precision[1])
    assert isnan(found.recall[2])
    assert found.precision[0] == pytest.approx(2 / 3)
    assert found.recall[0] == 1
    assert found.f1[1] == 0
    assert isnan(found.f1[2])
    assert found.as_json(("a", "b", "c"))[2] == {
        "label": "c", "precision": None, "recall": None, "f1": None, "support": 0
    }  # fmt: skip


def test_no_pictures_have_no_average():
    with pytest.raises(ValueError, match="at least one picture"):
        _ = class_scores(torch.zeros(2, 2, dtype=torch.long)).macro
