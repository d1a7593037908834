import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.reports import chart


def labels(scale):
    return [text for _, text in scale.ticks]


def places(path):
    return [tuple(map(float, point.split())) for point in re.split("[ML]", path)[1:]]


@given(low=st.floats(-1e3, 1e3), span=st.floats(1e-3, 1e3))
def test_a_linear_scale_holds_its_values_and_steps_evenly(low, span):
    scale = chart.linear(low, low + span)
    at = [scale.place(value) for value, _ in scale.ticks]
    assert at[0] == pytest.approx(0)
    assert at[-1] == pytest.approx(1)
    assert all(b - a == pytest.approx(at[1] - at[0]) for a, b in pairwise(at))
    assert -1e-6 <= scale.place(low) <= scale.place(low + span) <= 1 + 1e-6
    assert 2 <= len(at) <= 7


@given(value=st.floats(0.01, 10), ratio=st.floats(1.1, 5))
def test_on_a_logarithmic_scale_equal_ratios_are_equal_distances(value, ratio):
    scale = chart.logarithmic(1e-4, 1e4)
    assert scale.place(value * ratio) - scale.place(value) == pytest.approx(scale.place(ratio) - scale.place(1))


@given(errors=st.floats(1e-4, 0.4))
def test_half_the_mistakes_is_always_the_same_step_towards_1(errors):
    scale = chart.closeness(0.2, 0.9999)
    step = scale.place(0.6) - scale.place(0.2)
    assert scale.place(1 - errors / 2) - scale.place(1 - errors) == pytest.approx(step)


def test_a_perfect_score_lies_at_the_top_of_its_scale():
    assert chart.closeness(0.5, 0.99).at(1.0) == 1


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.5, 0.994, ["60", "80", "90", "95", "98", "99"]), (0.9, 0.97, ["90", "95"])]
)
def test_a_scale_towards_1_labels_shares_that_people_use(low, high, expected):
    assert labels(chart.closeness(low, high)) == expected


def test_labels_of_a_scale_never_touch():
    for low, high in ((0.0, 0.99999), (0.1, 0.96), (0.5, 0.9995)):
        scale = chart.closeness(low, high)
        at = [scale.place(value) for value, _ in scale.ticks]
        assert all(b - a >= chart.CLOSE for a, b in pairwise(at))


def test_a_path_runs_from_the_left_edge_and_larger_values_lie_higher():
    x, y = chart.linear(0, 10), chart.linear(0, 1)
    assert places(chart.path([(0, 0.0), (5, 1.0), (10, 0.5)], x, y)) == [(0, 1000), (500, 0), (1000, 500)]


def test_values_beyond_the_scale_are_drawn_at_its_edge():
    assert places(chart.path([(20, -3.0)], chart.linear(0, 10), chart.linear(0, 1))) == [(1000, 1000)]


def test_a_mean_of_neighbours_keeps_straight_lines_straight():
    line = [(float(k), 3.0 * k) for k in range(50)]
    assert [y for _, y in chart.smoothed(line, 9)[:40]] == pytest.approx([y for _, y in line[:40]])


def test_thinning_keeps_the_mean_and_the_number_of_points_down():
    points = [(float(k), float(k % 7)) for k in range(1000)]
    few = chart.thinned(points, 100)
    assert len(few) == 100
    assert sum(y for _, y in few) / 100 == pytest.approx(sum(y for _, y in points) / 1000)


@given(at=st.lists(st.floats(0, 100), min_size=1, max_size=4))
def test_labels_that_would_touch_are_moved_apart_and_stay_on_the_chart(at):
    moved = sorted(place for place, _ in chart.spread([(place, "") for place in at], 9))
    assert all(b - a >= 9 - 1e-9 for a, b in pairwise(moved))
    assert moved[-1] <= 100
