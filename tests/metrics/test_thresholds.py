import pytest
import torch

from striate.metrics.thresholds import threshold_table


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


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="at least one picture"):
        threshold_table(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long))
