import pytest
import torch

from striate.metrics.confusion import Mixed, confusion_matrix, most_confused

MATRIX = torch.tensor([[8, 2, 0], [0, 5, 5], [1, 0, 0]])


def answers(seed=0, pictures=300, classes=5):
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(classes, (2, pictures), generator=chance)


def test_the_matrix_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    predicted, labels = answers()
    assert confusion_matrix(predicted, labels, 5).tolist() == metrics.confusion_matrix(labels, predicted).tolist()


def test_classes_without_pictures_keep_their_row_and_column():
    assert confusion_matrix(torch.tensor([0]), torch.tensor([0]), 3).shape == (3, 3)


def test_no_pictures_give_an_empty_matrix():
    assert confusion_matrix(torch.zeros(0).long(), torch.zeros(0).long(), 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("predicted", "labels", "name"), [(3, 0, "predicted"), (0, 3, "labels"), (0, -1, "labels")])
def test_a_class_outside_the_range_is_named(predicted, labels, name):
    with pytest.raises(ValueError, match=rf"{name} holds class -?\d, but there are 3 classes"):
        confusion_matrix(torch.tensor([predicted]), torch.tensor([labels]), 3)


def test_the_most_confused_pairs_come_first_and_right_answers_do_not_count():
    assert most_confused(MATRIX) == [Mixed(1, 2, 5, 0.5), Mixed(0, 1, 2, 0.2), Mixed(2, 0, 1, 1.0)]
    assert most_confused(MATRIX, most=1) == [Mixed(1, 2, 5, 0.5)]


def test_looking_for_confused_pairs_leaves_the_matrix_as_it_is():
    matrix = MATRIX.clone()
    most_confused(matrix)
    assert matrix.equal(MATRIX)
