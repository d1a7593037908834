from math import isnan

import pytest
import torch

from striate.metrics.retrieval import mean_average_precision, precision_at, ranked, recall_at


def task(seed=0, queries=20, entries=60, classes=5):
    chance = torch.Generator().manual_seed(seed)
    similarities = torch.randn(queries, entries, generator=chance)
    return similarities, *(torch.randint(classes, (n,), generator=chance) for n in (queries, entries))


def test_mean_average_precision_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    similarities, query_labels, labels = task()
    expected = [
        metrics.average_precision_score(labels == label, row)
        for row, label in zip(similarities, query_labels, strict=True)
    ]
    found = mean_average_precision(ranked(similarities, query_labels, labels))
    assert found == pytest.approx(sum(expected) / len(expected))


@pytest.mark.parametrize("k", [1, 4, 100])
def test_recall_and_precision_agree_with_loops(k):
    similarities, query_labels, labels = task(1)
    recall = precision = 0.0
    for row, label in zip(similarities.tolist(), query_labels.tolist(), strict=True):
        best = sorted(range(60), key=lambda i: -row[i])[:k]
        hits = [labels[i] == label for i in best]
        recall += any(hits) / 20
        precision += sum(hits) / len(hits) / 20
    relevant = ranked(similarities, query_labels, labels)
    assert recall_at(relevant, k) == pytest.approx(recall)
    assert precision_at(relevant, k) == pytest.approx(precision)


def test_a_query_among_the_entries_does_not_answer_itself():
    similarities = torch.tensor([[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]])
    labels = torch.tensor([0, 0, 1])
    relevant = ranked(similarities, labels, labels, itself=torch.arange(3))
    assert relevant.tolist() == [[True, False], [True, False], [False, False]]
    assert recall_at(relevant, 1) == 1  # the third, to which nothing belongs, is left out
    assert mean_average_precision(relevant) == 1


def test_equal_similarities_stand_in_the_order_of_the_entries():
    relevant = ranked(torch.zeros(1, 3), torch.tensor([1]), torch.tensor([0, 1, 1]))
    assert relevant.tolist() == [[False, True, True]]


def test_where_nothing_belongs_together_there_is_no_number():
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    assert isnan(mean_average_precision(nothing))
    assert isnan(recall_at(nothing, 1))
    assert isnan(precision_at(nothing, 1))


def test_a_k_of_nought_is_refused():
    with pytest.raises(ValueError, match="k is 0"):
        recall_at(torch.ones(1, 1, dtype=torch.bool), 0)
