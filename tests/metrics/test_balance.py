import numpy as np
import pytest
import torch

from striate.metrics.balance import effective_number, inverse_frequency

COUNTS = torch.tensor([500, 50, 5])


def test_inverse_frequencies_are_scikit_learns_balanced_weights_with_mean_one():
    compute = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    labels = torch.arange(3).repeat_interleave(COUNTS).numpy()
    expected = compute("balanced", classes=np.arange(3), y=labels)
    assert inverse_frequency(COUNTS).tolist() == pytest.approx((expected / expected.mean()).tolist(), rel=1e-6)


def test_effective_numbers_are_the_sums_of_the_papers_series():
    beta = 0.99
    effective = [sum(beta**i for i in range(n)) for n in COUNTS.tolist()]  # equation 2: the series of 1 - beta^n
    expected = torch.tensor([1 / e for e in effective])
    assert effective_number(COUNTS, beta).tolist() == pytest.approx((expected / expected.mean()).tolist(), rel=1e-5)


def test_beta_goes_from_equal_weights_to_inverse_frequencies():
    assert effective_number(COUNTS, 0).tolist() == [1, 1, 1]
    assert effective_number(COUNTS, 1 - 1e-9).tolist() == pytest.approx(inverse_frequency(COUNTS).tolist(), rel=1e-4)


@pytest.mark.parametrize("weights", [inverse_frequency, effective_number])
def test_the_mean_is_one_over_the_classes_that_have_pictures(weights):
    found = weights(torch.tensor([3, 0, 9]))
    assert found[1] == 0
    assert float(found.sum()) == pytest.approx(2)


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="at least one above 0"):
        inverse_frequency(torch.tensor([0, 0]))
    with pytest.raises(ValueError, match="beta is 1"):
        effective_number(COUNTS, 1)
