"""Networks that were broken on purpose, all kinds: each is diagnosed, and its repair is run for real."""

import pytest
import torch
from broken_networks import KINDS, MISTAKES, broken_network

from striate.notation import build
from striate.repair import diagnose
from striate.rows import stack

QUICK, ALL, SHARE = 48, 500, 0.99


def repaired(seed):
    """None where the network of a seed is given a row, the arithmetic, and fixes that all run; else what is missing."""
    broken = broken_network(seed)
    found = diagnose(broken.network, broken.image, broken.classes)
    if found is None:
        return "it was not diagnosed"
    if not (found.row and found.formula and found.problem):
        return f"row, formula or problem is missing: {found}"
    if not 1 <= len(found.fixes) <= 3:
        return f"it has {len(found.fixes)} fixes: {found}"
    for fix in found.fixes:
        with torch.no_grad():
            answers = applied(fix, broken.classes).eval()(torch.zeros(2, *fix.image))
        assert answers.shape[0] == 2
    return None


def applied(fix, classes):
    """The repaired network, with real weights."""
    if fix.notation is not None:
        return build(fix.notation, fix.image, classes)
    return fix.module if fix.rows is None else stack(fix.image, *fix.rows)


@pytest.mark.parametrize("seed", range(QUICK))
def test_a_broken_network_is_repaired(seed):
    assert repaired(seed) is None


@pytest.mark.slow
def test_of_500_broken_networks_at_least_99_of_100_are_repaired_and_none_is_a_raw_torch_error():
    failed = {seed: missing for seed in range(ALL) if (missing := repaired(seed)) is not None}
    assert len(failed) <= (1 - SHARE) * ALL, failed


def test_the_500_are_of_every_kind_and_have_every_mistake():
    made = [broken_network(seed) for seed in range(120)]
    assert {broken.kind for broken in made} == set(KINDS)
    assert {mistake for broken in made for mistake in broken.mistakes} == set(MISTAKES)
    assert {len(broken.image) for broken in made} == {2, 3, 4}
    assert any(len(broken.mistakes) > 1 for broken in made)
    assert repr(broken_network(7)) == repr(broken_network(7))
