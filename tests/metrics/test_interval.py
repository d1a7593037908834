import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.metrics.interval import wilson


@pytest.mark.parametrize(("right", "examples"), [(0, 10), (10, 10), (81, 263), (9926, 10_000), (1, 1)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_interval_agrees_with_scipy(right, examples, confidence):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(right, examples).proportion_ci(confidence, method="wilson")
    assert wilson(right, examples, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_interval_of_newcombes_worked_example():
    low, high = wilson(81, 263)  # Newcombe, Statistics in Medicine 17, 1998, table I: 0.2553 to 0.3662
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@given(examples=st.integers(1, 10**6), share=st.floats(0, 1))
def test_the_interval_holds_the_measured_share_and_stays_in_range(examples, share):
    right = round(share * examples)
    low, high = wilson(right, examples)
    assert 0 <= low <= right / examples <= high <= 1
    assert low < high


@pytest.mark.parametrize(("right", "examples"), [(1, 0), (0, 0), (3, 2), (-1, 5)])
def test_what_is_no_share_is_refused(right, examples):
    with pytest.raises(ValueError, match=f"{right} right of {examples} is not a share"):
        wilson(right, examples)


def test_a_confidence_of_one_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        wilson(1, 2, 1.0)
