"""The output-size formula, backwards."""

import itertools

import pytest
import torch
from torch import nn

from striate.arithmetic import output_fraction
from striate.errors import ConfigError
from striate.solving import solve

NAMES = ("input", "kernel", "stride", "padding", "dilation", "output")


def values(solution):
    return {getattr(fit, solution.unknown) for fit in solution.fits}


class TestTheDecks:
    def test_deck_000_stride_2_never_fits_an_even_side_with_the_same_padding_on_both_sides(self):
        found = solve(input=32, kernel=5, stride=2, output=16)
        assert [fit.padding for fit in found.fits] == [(1, 2), (2, 1), (0, 3), (3, 0)]
        assert found.notes == ("The same padding on both sides never fits: it would be 1.5.",)

    @pytest.mark.parametrize(("stride", "output"), [(1, 5), (2, 3)])
    def test_deck_000_a_3x3_filter_on_7x7_gives_5_and_3(self, stride, output):
        assert values(solve(input=7, kernel=3, stride=stride)) == {output}

    def test_deck_000_stride_3_does_not_fit_7x7_and_the_nearest_sizes_are_offered(self):
        found = solve(input=7, kernel=3, stride=3)
        assert not found.fits
        assert {(fit.input, fit.kernel, fit.stride, fit.padding) for fit in found.nearest} >= {
            (6, 3, 3, (0, 0)),
            (7, 3, 2, (0, 0)),
        }

    def test_decks_003_and_004_cut_the_remainder_off_and_one_pixel_is_never_seen(self):
        (fit,) = solve(input=7, kernel=3, stride=3, mode="floor").fits
        assert (fit.output, fit.unseen) == (2, 1)
        assert fit.formula == "(7 + 2·0 − 3)/3 + 1 = 2.33, so 2 and 1 never seen"

    @pytest.mark.parametrize(("kernel", "padding"), [(3, 1), (5, 2), (7, 3)])
    def test_deck_000_same_padding_of_3_5_7_is_1_2_3(self, kernel, padding):
        assert solve(input=32, kernel=kernel, output=32).fits[0].padding == (padding, padding)

    def test_deck_004_an_even_kernel_needs_one_pixel_more_on_one_side(self):
        assert [fit.padding for fit in solve(input=3, kernel=2, output=3).fits] == [(0, 1), (1, 0)]

    def test_deck_003_stride_2_padding_1_on_6x6_is_half_a_pixel_too_much(self):
        assert not solve(input=6, kernel=3, stride=2, padding=1).fits
        assert values(solve(input=6, kernel=3, stride=2, padding=1, mode="floor")) == {3}


@pytest.mark.parametrize("unknown", NAMES)
def test_every_strict_answer_and_no_other_comes_back_for_every_unknown_number(unknown):
    sizes = {
        "input": range(1, 12),
        "kernel": range(1, 5),
        "stride": range(1, 4),
        "dilation": range(1, 4),
        "output": range(1, 7),
    }
    known = [name for name in sizes if name != unknown]
    for numbers in itertools.islice(itertools.product(*(sizes[name] for name in known)), 0, None, 7):
        question = dict(zip(known, numbers, strict=True))
        for padding in [None] if unknown == "padding" else [(0, 0), (1, 1), (0, 1)]:
            found = solve(**{**question, unknown: None, "padding": padding})
            if unknown == "padding":
                totals = {sum(fit.padding) for fit in found.fits}
                assert totals == {
                    p for p in range(60) if output_fraction(*row(question | {"padding": p})) == question["output"]
                }
                continue
            by_hand = set()
            for value in range(1, 60):
                numbers_too = question | {unknown: value, "padding": sum(padding)}
                exact = output_fraction(*row(numbers_too))
                if unknown == "output":
                    by_hand |= {int(exact)} if exact.denominator == 1 and exact >= 1 else set()
                elif exact == question["output"]:
                    by_hand.add(value)
            endless = (unknown == "stride" and question["output"] == 1) or (
                unknown == "dilation" and question["kernel"] == 1
            )
            assert values(found) == ({min(by_hand)} if endless and by_hand else by_hand)


def row(numbers):
    return [numbers.get(name) for name in ("input", "kernel", "stride", "padding", "dilation")]


@pytest.mark.parametrize("ceil", [False, True])
def test_the_modes_floor_and_ceil_are_those_of_torch_s_pooling(ceil):
    for size, kernel, stride, padding in itertools.product(range(3, 12), (2, 3), (1, 2, 3), (0, 1)):
        pooled = nn.MaxPool1d(kernel, stride, padding, ceil_mode=ceil)(torch.zeros(1, 1, size)).shape[-1]
        found = solve(input=size, kernel=kernel, stride=stride, padding=padding, mode="ceil" if ceil else "floor")
        assert values(found) == {pooled}


@pytest.mark.parametrize("mode", ["strict", "floor", "ceil"])
@pytest.mark.parametrize("unknown", ["input", "kernel", "stride", "padding", "dilation"])
def test_every_answer_gives_the_output_that_was_asked_for(unknown, mode):
    question = {"input": 29, "kernel": 4, "stride": 3, "padding": (1, 2), "dilation": 2, "output": 9, unknown: None}
    for fit in solve(**question, mode=mode).fits:
        again = {name: getattr(fit, name) for name in NAMES[:-1]}
        assert values(solve(**again, mode=mode)) == {9}


def test_six_numbers_are_checked():
    assert solve(input=32, kernel=5, stride=1, padding=2, output=32).fits
    refused = solve(input=32, kernel=5, stride=2, padding=1, output=16)
    assert not refused.fits
    assert refused.notes == ("These numbers give 15, 1 never seen.",)
    assert any(fit.padding == (1, 2) for fit in refused.nearest)


def test_a_solution_is_told_to_machines_and_as_a_table():
    found = solve(input=32, kernel=5, stride=2, output=16)
    assert found.as_json()["fits"][0] == {
        "input": 32,
        "kernel": 5,
        "stride": 2,
        "padding": [1, 2],
        "dilation": 1,
        "output": 16,
        "unseen": 0,
    }
    assert found.as_json()["unknown"] == "padding"
    assert found.table().splitlines()[0] == "padding 1 before, 2 after: (32 + 1 + 2 − 5)/2 + 1 = 16"
    assert "and 48 more" in solve(input=5, kernel=3, output=60).table()


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"kernel": 3}, "input and output are not given; one number can be asked for at a time"),
        ({"input": 0, "kernel": 3}, "input is 0; it must be between 1 and 100,000"),
        ({"input": 8, "kernel": 3, "padding": -1}, "padding is -1; it must be between 0"),
        ({"input": 8, "kernel": 3, "mode": "round"}, "mode is 'round'; it must be one of strict, floor, ceil"),
    ],
)
def test_questions_without_an_answer_are_refused_in_one_line(question, message):
    with pytest.raises(ConfigError, match=message):
        solve(**question)
