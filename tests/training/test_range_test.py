"""The learning-rate range test."""

import pytest
from torch import nn

import striate
from striate.cli import main
from striate.errors import ConfigError
from striate.training.range_test import steepest
from striate.verbs.rate import rate


def test_the_rate_rises_by_equal_ratios_until_the_loss_has_risen(few_digits):
    found = rate(few_digits, "simple_cnn", low=1e-4, high=100.0, steps=60, threads=1, batch_size=64)
    ratios = [b / a for a, b in zip(found.rates, found.rates[1:], strict=False)]
    assert found.rates[0] == pytest.approx(1e-4)
    assert max(ratios) == pytest.approx(min(ratios), rel=1e-6)
    assert len(found.rates) <= 60
    assert min(found.losses) < found.losses[0]


def test_the_rate_it_finds_teaches_more_than_one_a_thousand_times_as_small(few_digits, tmp_path):
    found = rate(few_digits, "simple_cnn", steps=60, threads=1, batch_size=64).rate
    accuracies = [
        striate.train(few_digits, "simple_cnn", run=tmp_path / str(i), rate=r, epochs=2, threads=1).accuracy
        for i, r in enumerate((found, found / 1000))
    ]
    assert accuracies[0] > accuracies[1] + 0.2


def test_the_steepest_fall_is_found_on_a_curve_with_a_known_one():
    rates = [10 ** (-4 + i / 10) for i in range(41)]
    losses = [2.3 if r < 1e-2 else max(0.5, 2.3 - 1.8 * (i - 20) / 10) for i, r in enumerate(rates)]
    assert 1e-2 <= steepest(rates, losses) <= 1e-1


def test_bounds_out_of_order_are_one_line(few_digits):
    with pytest.raises(ConfigError, match="give 0 < low < high"):
        rate(few_digits, "simple_cnn", low=1.0, high=0.1)


def test_the_command_draws_and_prints(tmp_path, capsys):
    assert main(["rate", "digits", "--net", "simple_cnn", "--steps", "20", "--plot", str(tmp_path / "r.svg")]) == 0
    assert capsys.readouterr().out.startswith("rate  ")
    assert "learning rate" in (tmp_path / "r.svg").read_text()
    assert main(["rate", "digits", "--net", "simple_cnn", "--plot", str(tmp_path / "no" / "r.svg")]) == 2


def test_nothing_of_a_module_is_needed_but_that_it_learns(few_digits):
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    assert rate(few_digits, module, steps=20, threads=1).network == "Sequential"
