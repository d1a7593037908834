import numpy as np
import pytest
import torch

from striate.metrics.balance import inverse_frequency

COUNTS = torch.tensor([500, 50, 5])


def test_inverse_frequencies_are_scikit_learns_balanced_weights_with_mean_one():
    compute = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    labels = torch.arange(3).repeat_interleave(COUNTS).numpy()
    expected = compute("balanced", classes=np.arange(3), y=labels)
    assert inverse_frequency(COUNTS).tolist() == pytest.approx((expected / expected.mean()).tolist(), rel=1e-6)


def test_the_mean_is_one_over_the_classes_that_have_pictures():
    found = inverse_frequency(torch.tensor([3, 0, 9]))
    assert found[1] == 0
    assert float(found.sum()) == pytest.approx(2)


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="at least one above 0"):
        inverse_frequency(torch.tensor([0, 0]))
