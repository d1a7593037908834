import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.metrics.calibration import expected_calibration_error, reliability, temperature


def overconfident(seed=0, pictures=2000, classes=5, factor=3.0):
    """Logits that are `factor` times too large, and labels drawn from the probabilities that are right."""
    chance = torch.Generator().manual_seed(seed)
    true = 2 * torch.randn(pictures, classes, generator=chance)
    labels = true.softmax(1).multinomial(1, generator=chance)[:, 0]
    return factor * true, labels


def by_loop(probabilities, labels, bins):
    """Equations 1 to 3 of Guo et al., as they are written."""
    error = 0.0
    for m in range(1, bins + 1):
        inside = [i for i, row in enumerate(probabilities) if (m - 1) / bins < row.max() <= m / bins]
        if inside:
            accuracy = np.mean([probabilities[i].argmax() == labels[i] for i in inside])
            confidence = np.mean([probabilities[i].max() for i in inside])
            error += len(inside) / len(labels) * abs(accuracy - confidence)
    return error


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_the_error_is_that_of_the_papers_sums(bins):
    logits, labels = overconfident(pictures=400)
    probabilities = logits.softmax(1)
    expected = by_loop(probabilities.double().numpy(), labels.numpy(), bins)
    assert expected_calibration_error(probabilities, labels, bins) == pytest.approx(expected, abs=1e-9)


def test_the_curve_holds_every_picture_once_and_leaves_empty_bins_empty():
    curve = reliability(torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]), torch.tensor([0, 1, 0]), bins=4)
    assert curve.pictures.tolist() == [0, 1, 0, 2]
    assert curve.accuracy[3] == 0.5
    assert curve.confidence.isnan().tolist() == [True, False, True, False]


def test_the_factor_that_made_the_logits_too_large_is_found_again():
    logits, labels = overconfident(factor=3.0, pictures=20_000)
    assert temperature(logits, labels) == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_the_temperature_is_the_one_scipy_finds_for_the_likelihood(seed):
    optimize = pytest.importorskip("scipy.optimize")
    logits, labels = overconfident(seed, pictures=60, factor=0.2 + 4 * seed)

    def loss(logarithm):
        return float(torch.nn.functional.cross_entropy(logits.double() * np.exp(-logarithm), labels))

    best = optimize.minimize_scalar(loss, bounds=(-4, 4), method="bounded", options={"xatol": 1e-9})
    assert temperature(logits, labels, unknown=0) == pytest.approx(np.exp(best.x), rel=1e-4)


def test_scaling_takes_the_calibration_error_down():
    logits, labels = overconfident()
    raw = expected_calibration_error(logits.softmax(1), labels)
    scaled = expected_calibration_error((logits / temperature(logits, labels)).softmax(1), labels)
    assert raw > 0.1
    assert scaled < 0.03


@pytest.mark.parametrize("pictures", [1, 3, 50])
@pytest.mark.parametrize("margin", [1e-3, 1.0, 1e4])
def test_where_all_are_right_confidence_grows_with_their_number_and_never_reaches_one(pictures, margin):
    logits = torch.tensor([[margin, 0.0]]).repeat(pictures, 1)
    found = temperature(logits, torch.zeros(pictures, dtype=torch.long))
    assert 0.01 <= found <= 100
    if margin == 1.0:  # (n + 1/2) / (n + 1), worked by hand: half of the added picture is of the class
        assert float((logits / found).softmax(1)[0, 0]) == pytest.approx((pictures + 0.5) / (pictures + 1), abs=1e-5)


def test_the_papers_estimate_stays_within_bounds_where_all_are_right_or_all_are_wrong():
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    assert 0.01 <= temperature(logits, torch.tensor([0, 1]), unknown=0) < 0.05  # all is certain there
    assert temperature(logits, torch.tensor([1, 0]), unknown=0) == pytest.approx(100, rel=1e-3)


def test_logits_that_prefer_nothing_are_left_as_they_are():
    assert temperature(torch.full((4, 3), 7.0), torch.tensor([0, 1, 2, 0])) == 1


@given(seed=st.integers(0, 30), shift=st.floats(-50, 50), scale=st.floats(0.1, 10))
def test_a_shift_of_the_logits_does_nothing_and_a_scale_is_taken_back(seed, shift, scale):
    logits, labels = overconfident(seed, pictures=50)
    logits = logits.double()
    assert temperature(logits * scale + shift, labels) == pytest.approx(temperature(logits, labels) * scale, rel=1e-3)


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="0 pictures, 0 labels"):
        temperature(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))
    with pytest.raises(ValueError, match="2 pictures, 1 labels"):
        expected_calibration_error(torch.zeros(2, 3), torch.zeros(1, dtype=torch.long))
    with pytest.raises(ValueError, match="not numbers"):
        temperature(torch.tensor([[float("nan"), 0]]), torch.tensor([0]))
