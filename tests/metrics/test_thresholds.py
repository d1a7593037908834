import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.metrics.thresholds import smallest_threshold, threshold_table


def answers(seed=0, pictures=200, classes=4):
    chance = torch.Generator().manual_seed(seed)
    probabilities = (3 * torch.randn(pictures, classes, generator=chance)).softmax(1)
    return probabilities, probabilities.multinomial(1, generator=chance)[:, 0]


def test_a_row_agrees_with_a_loop_and_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    probabilities, labels = answers()
    for row in threshold_table(probabilities, labels, [0.0, 0.6, 0.95]):
        kept = [i for i in range(200) if probabilities[i].max() >= row.threshold]
        predicted = probabilities.argmax(1)
        assert (row.answered, row.share) == (len(kept), len(kept) / 200)
        assert row.accuracy == pytest.approx(metrics.accuracy_score(labels[kept], predicted[kept]))
        precision = metrics.precision_score(
            labels[kept], predicted[kept], labels=predicted[kept].unique(), average="macro"
        )
        assert row.precision == pytest.approx(precision)
        silent = predicted.clone()
        silent[probabilities.max(1).values < row.threshold] = 9  # an answer that is never right
        recall = metrics.recall_score(labels, silent, labels=[0, 1, 2, 3], average="macro")
        assert row.recall == pytest.approx(recall)


def test_where_nothing_is_answered_nothing_is_claimed():
    row = threshold_table(torch.tensor([[0.6, 0.4]]), torch.tensor([0]), [0.99])[0]
    assert (row.answered, row.accuracy, row.precision, row.recall) == (0, None, None, 0)


@given(seed=st.integers(0, 40), wanted=st.floats(0.5, 1), rounded=st.booleans())
def test_the_smallest_threshold_is_the_one_a_search_of_all_finds(seed, wanted, rounded):
    probabilities, labels = answers(seed, pictures=30)
    if rounded:  # equal confidences
        probabilities = (probabilities * 5).round() / 5
    candidates = [0.0, *sorted(probabilities.max(1).values.tolist())]
    table = threshold_table(probabilities, labels, candidates)
    expected = next((row.threshold for row in table if row.accuracy >= wanted - 1e-9), None)
    found = smallest_threshold(probabilities, labels, wanted)
    if expected is None:
        assert found is None
    else:
        assert threshold_table(probabilities, labels, [found])[0].answered == next(
            row.answered for row in table if row.threshold == expected
        )


def test_an_accuracy_that_no_threshold_reaches_has_none():
    assert smallest_threshold(torch.tensor([[0.9, 0.1]]), torch.tensor([1]), 0.5) is None


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="at least one picture"):
        threshold_table(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long))
    with pytest.raises(ValueError, match=r"accuracy is 99; it must be between 0 and 1"):
        smallest_threshold(torch.ones(1, 1), torch.zeros(1, dtype=torch.long), 99)
