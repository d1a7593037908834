import pytest
import torch

from striate.metrics.suspicious import Suspicious, class_thresholds, suspicious_labels


def noisy(seed=0, pictures=400, classes=5, wrong=20):
    """Confident probabilities, and labels of which the first `wrong` were changed."""
    chance = torch.Generator().manual_seed(seed)
    true = torch.randint(classes, (pictures,), generator=chance)
    logits = torch.randn(pictures, classes, generator=chance) + 8 * torch.nn.functional.one_hot(true, classes)
    labels = true.clone()
    labels[:wrong] = (true[:wrong] + 1 + torch.randint(classes - 1, (wrong,), generator=chance)) % classes
    return logits.softmax(1), labels, true


def by_loop(probabilities, labels):
    """The off-diagonal sets of equation 1 of Northcutt et al., as they are written."""
    classes = probabilities.shape[1]
    limit = [probabilities[labels == j][:, j].mean() for j in range(classes)]
    found = {}
    for picture, row in enumerate(probabilities):
        reached = [j for j in range(classes) if row[j] >= limit[j]]
        if reached and (best := max(reached, key=lambda j: row[j])) != labels[picture]:
            found[picture] = best
    return found


def test_the_pictures_are_those_off_the_diagonal_of_the_confident_joint():
    probabilities, labels, _ = noisy()
    expected = by_loop(probabilities.double().numpy(), labels.numpy())
    assert {s.picture: s.suggestion for s in suspicious_labels(probabilities, labels, most=400)} == expected


def test_changed_labels_are_found_and_their_class_is_suggested():
    probabilities, labels, true = noisy()
    first = suspicious_labels(probabilities, labels, most=20)
    assert sum(s.picture < 20 and s.suggestion == true[s.picture] for s in first) >= 18


def test_the_widest_disagreement_comes_first():
    probabilities = torch.tensor([[0.9, 0.1], [0.95, 0.05], [0.8, 0.2], [0.1, 0.9], [0.05, 0.95], [0.99, 0.01]])
    found = suspicious_labels(probabilities, torch.tensor([0, 0, 0, 1, 1, 1]), most=1)
    assert found == [Suspicious(5, 1, 0, pytest.approx(0.01), pytest.approx(0.99))]


def test_a_class_that_no_label_has_is_never_suggested():
    probabilities = torch.tensor([[0.2, 0.1, 0.7], [0.1, 0.2, 0.7]])
    labels = torch.tensor([0, 1])
    assert class_thresholds(probabilities, labels)[2].isnan()
    assert suspicious_labels(probabilities, labels) == []


def test_no_pictures_are_no_suspects():
    assert suspicious_labels(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long)) == []
