import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from striate.data.transforms.draws import levels, uniform

EVERY = torch.arange(100_000)
NUMBERS = st.integers(0, 2**63 - 1)


@given(NUMBERS, st.integers(0, 10_000), st.lists(NUMBERS, min_size=1, max_size=20), st.text(max_size=9), st.data())
def test_a_draw_depends_on_its_picture_and_not_on_the_batch_it_is_in(seed, epoch, indices, purpose, data):
    order = data.draw(st.permutations(range(len(indices))))
    batch = torch.tensor(indices)
    together = uniform(seed, epoch, batch, purpose, 3)
    assert torch.equal(uniform(seed, epoch, batch[order], purpose, 3), together[order])
    assert torch.equal(torch.cat([uniform(seed, epoch, one[None], purpose, 3) for one in batch]), together)
    assert torch.equal(uniform(seed, epoch, batch, purpose, 2), together[:, :2])
    assert ((together >= 0) & (together < 1)).all()


def test_draws_are_the_numbers_of_the_rule_worked_out_with_plain_integers():
    from hashlib import blake2b

    def mixed(z):
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    key = int.from_bytes(blake2b(b"3/2/flip", digest_size=8).digest(), "little")
    golden = 0x9E3779B97F4A7C15
    for index in (0, 1, 12_345, 2**62):
        expected = [(mixed((mixed((key + index * golden) % 2**64) + k * golden) % 2**64) >> 11) / 2**53 for k in (1, 2)]
        assert uniform(3, 2, torch.tensor([index]), "flip", 2)[0].tolist() == expected


def test_of_the_mixing_splitmix64_is_the_published_generator():
    """Its first numbers for the seed 1234567, as they are given on Rosetta Code."""
    from striate.data.transforms.draws import GOLDEN, _mixed

    states = np.uint64(1234567) + np.arange(1, 6, dtype=np.uint64) * GOLDEN
    assert _mixed(states).tolist() == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_draws_are_uniform(seed):
    for column in uniform(seed, 1, EVERY, "x", 4).T.numpy():
        assert stats.kstest(column, "uniform").pvalue > 1e-4
        assert stats.chisquare(np.bincount((column * 256).astype(int), minlength=256)).pvalue > 1e-4


def test_draws_of_neighbours_columns_epochs_seeds_and_purposes_have_nothing_to_do_with_each_other():
    some = uniform(0, 1, EVERY, "x", 2).T.numpy()
    others = [some[0, 1:], some[1], uniform(0, 2, EVERY, "x")[:, 0].numpy()]
    others += [uniform(1, 1, EVERY, "x")[:, 0].numpy(), uniform(0, 1, EVERY, "y")[:, 0].numpy()]
    for other in others:
        one = some[0, : len(other)]
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.02
        table = np.histogram2d(one, other, bins=16)[0]
        assert stats.chisquare(table.ravel()).pvalue > 1e-4


def test_no_two_pictures_have_the_same_draw():
    assert len(uniform(0, 1, torch.arange(1_000_000), "x").unique()) == 1_000_000


def test_levels_are_uniform_and_depend_on_their_picture_alone():
    drawn = levels(0, 1, torch.arange(1000), "x", 100)
    assert drawn.dtype == torch.uint8
    assert drawn.shape == (1000, 100)
    assert stats.chisquare(np.bincount(drawn.flatten().numpy(), minlength=256)).pvalue > 1e-4
    assert torch.equal(levels(0, 1, torch.tensor([7, 3]), "x", 100), drawn[[7, 3]])


def test_of_no_picture_there_are_none():
    assert uniform(0, 1, torch.zeros(0, dtype=torch.int64), "x", 3).shape == (0, 3)
    assert levels(0, 1, torch.zeros(0, dtype=torch.int64), "x", 3).shape == (0, 3)
