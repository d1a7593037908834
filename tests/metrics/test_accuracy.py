import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.metrics.accuracy import accuracy, top_k_accuracy


def random_answers(seed=0, pictures=500, classes=7):
    chance = torch.Generator().manual_seed(seed)
    return torch.randn(pictures, classes, generator=chance), torch.randint(classes, (pictures,), generator=chance)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_agrees_with_scikit_learn(k):
    metrics = pytest.importorskip("sklearn.metrics")
    scores, labels = random_answers()
    expected = metrics.top_k_accuracy_score(labels.numpy(), scores.numpy(), k=k, labels=range(7))
    assert top_k_accuracy(scores, labels, k) == pytest.approx(expected)


def test_accuracy_is_the_share_of_labels_with_the_highest_score():
    scores, labels = random_answers(1)
    by_hand = sum(max(range(7), key=lambda c: row[c]) == label for row, label in zip(scores, labels, strict=True)) / 500
    assert accuracy(scores, labels) == by_hand


def test_of_equal_scores_the_first_class_answers():
    assert accuracy(torch.zeros(3, 4), torch.tensor([0, 1, 0])) == pytest.approx(2 / 3)


@given(seed=st.integers(0, 50), k=st.integers(1, 6))
def test_more_guesses_never_lower_the_accuracy(seed, k):
    scores, labels = random_answers(seed, pictures=40)
    assert top_k_accuracy(scores, labels, k) <= top_k_accuracy(scores, labels, k + 1)


def test_as_many_guesses_as_classes_are_always_right():
    assert top_k_accuracy(*random_answers(), k=7) == 1


def test_no_pictures_have_no_accuracy():
    with pytest.raises(ValueError, match="at least one picture"):
        accuracy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))
