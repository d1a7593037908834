import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from striate.data.transforms.boxes import TRIES
from striate.data.transforms.draws import uniform
from striate.data.transforms.erase import erase, random_patches
from striate.data.transforms.mix import (
    cutmix,
    mixup,
    partners_of,
    random_cuts,
    random_shares,
    targets,
)


def draws(count, columns, seed=0):
    return uniform(seed, 1, torch.arange(count), "x", columns)


class TestErase:
    def test_covers_the_box_and_nothing_else(self, noise):
        batch, fill = noise(3, 2, 7, 6), noise(2, 2, 7, 6, seed=1)
        boxes = torch.tensor([[1, 2, 3, 4], [0, 0, 0, 5], [6, 5, 1, 1]])
        changed = erase(batch, boxes, fill)
        expected = batch.numpy().copy()
        expected[0, :, 1:4, 2:6] = fill[0, :, 1:4, 2:6].numpy()
        expected[2, :, 6, 5] = fill[1, :, 6, 5].numpy()
        assert np.array_equal(changed.numpy(), expected)

    def test_covers_with_one_level_too(self, noise):
        batch = noise(2, 3, 4, 4)
        covered = erase(batch, torch.tensor([[0, 0, 4, 4]] * 2), torch.zeros(1, 1, 1, 1))
        assert covered.unique().tolist() == [0]

    def test_random_patches_are_those_of_the_paper(self):
        boxes = random_patches(draws(20_000, 1 + 4 * TRIES), (224, 224), 0.5)
        top, left, height, width = boxes[(boxes[:, 2] > 0)].double().T
        assert len(top) / 20_000 == pytest.approx(0.5, abs=0.01)
        area, ratio = height * width / 224**2, width / height
        assert area.min() > 0.018
        assert area.max() < 0.41
        assert ratio.min() > 0.28
        assert ratio.max() < 3.6
        assert ratio.log().mean().abs() < 0.02  # as many lie as stand
        assert (top + height).max() <= 224
        assert (left + width).max() <= 224

    def test_a_picture_of_one_pixel_has_nothing_to_cover(self):
        assert random_patches(draws(50, 1 + 4 * TRIES), (1, 1), 1).sum(0)[2:].tolist() == [0, 0]


class TestMixup:
    def test_is_the_weighted_mean_of_two(self, noise):
        batch, partners = noise(4, 3, 5, 5), torch.tensor([2, 0, 3, 1])
        shares = torch.tensor([0.25, 1.0, 0.0, 0.7])
        mixed = mixup(batch, partners, shares)
        one, other = batch.numpy().astype(float), batch[partners].numpy().astype(float)
        expected = shares.numpy()[:, None, None, None] * one + (1 - shares.numpy())[:, None, None, None] * other
        assert np.abs(mixed.numpy() - expected).max() <= 0.501
        assert torch.equal(mixed[1], batch[1])
        assert torch.equal(mixed[2], batch[3])


class TestCutmix:
    def test_pastes_the_box_of_the_partner(self, noise):
        batch, partners = noise(3, 2, 6, 7), torch.tensor([1, 2, 0])
        boxes = torch.tensor([[1, 2, 3, 4], [0, 0, 6, 7], [5, 5, 0, 0]])
        mixed = cutmix(batch, partners, boxes).numpy()
        expected = batch.numpy().copy()
        expected[0, :, 1:4, 2:6] = batch[1, :, 1:4, 2:6].numpy()
        expected[1] = batch[2].numpy()
        assert np.array_equal(mixed, expected)

    @given(
        st.integers(1, 40), st.integers(1, 40), st.lists(st.floats(0, 1), min_size=1, max_size=9), st.integers(0, 99)
    )
    def test_the_share_that_is_left_is_that_of_the_pixels(self, height, width, shares, seed):
        wanted = torch.tensor(shares, dtype=torch.float64)
        boxes, left = random_cuts(draws(len(shares), 2, seed), wanted, (height, width))
        ones = torch.ones(len(shares), 1, height, width)
        pasted = cutmix(ones, torch.arange(len(shares)), boxes, source=torch.zeros_like(ones))
        assert torch.allclose(pasted.mean((1, 2, 3)).double(), left, atol=1e-6)
        assert (left >= wanted - 1e-9).all()  # less is cut at a border, never more

    def test_away_from_the_border_the_area_is_the_share(self):
        middle = torch.full((3, 2), 0.5, dtype=torch.float64)
        boxes, left = random_cuts(middle, torch.tensor([0.25, 0.75, 1.0]), (100, 200))
        assert boxes.tolist() == [[7, 14, 86, 173], [25, 50, 50, 100], [50, 100, 0, 0]]
        assert left.tolist() == pytest.approx([1 - 86 * 173 / 20_000, 0.75, 1])


class TestTargets:
    @given(st.integers(1, 12), st.integers(1, 9), st.integers(0, 99))
    def test_sum_to_one_and_hold_both_labels(self, count, classes, seed):
        labels = (draws(count, 1, seed)[:, 0] * classes).long()
        partners, shares = partners_of(draws(count, 1, seed + 1)[:, 0]), draws(count, 1, seed + 2)[:, 0]
        made = targets(labels, partners, shares, classes)
        assert made.shape == (count, classes)
        assert torch.allclose(made.sum(1), torch.ones(count))
        for row, label, other, share in zip(made, labels, labels[partners], shares, strict=True):
            assert float(row[label]) == pytest.approx(1 if label == other else float(share), abs=1e-6)


class TestPartners:
    @given(st.integers(2, 50), st.integers(0, 99))
    def test_are_others_and_each_is_one_once(self, count, seed):
        partners = partners_of(draws(count, 1, seed)[:, 0])
        assert sorted(partners.tolist()) == list(range(count))
        assert (partners != torch.arange(count)).all()

    def test_do_not_depend_on_the_order_of_the_batch(self):
        drawn = draws(30, 1)[:, 0]
        order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
        assert torch.equal(order[partners_of(drawn[order])], partners_of(drawn)[order])

    def test_of_one_picture_alone_is_itself(self):
        assert partners_of(torch.tensor([0.3])).tolist() == [0]


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.5, 1.0, 1.5, 8.0])
def test_random_shares_have_the_beta_distribution(alpha):
    shares = random_shares(draws(20_000, 2), alpha).numpy()
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


@pytest.mark.parametrize("alpha", [1e-3, 0.2, 1000.0])
def test_random_shares_lie_between_0_and_1_for_any_draw(alpha):
    edge = torch.tensor([0.0, 0.25, 0.5, 0.75, 1 - 2.0**-53], dtype=torch.float64)
    shares = random_shares(torch.cartesian_prod(edge, edge), alpha)
    assert ((shares >= 0) & (shares <= 1)).all()
