import dataclasses

import pytest
import torch

from striate.data.transforms.augment import Augment
from striate.errors import ConfigError

ALL = Augment(flip=True, shift=2, crop=0.3, rotate=20, jitter=0.4, erase=0.5)
KINDS = [
    Augment(flip=True), Augment(shift=2), Augment(crop=0.2), Augment(rotate=20), Augment(jitter=0.4),
    Augment(erase=0.9), ALL,
]  # fmt: skip
MIXING = [Augment(mixup=0.5), Augment(cutmix=1.0), Augment(mixup=0.5, cutmix=1.0)]
COUNT = 24


@pytest.fixture
def batch(smooth):
    return smooth(COUNT, 3, 20, 24)


def applied(augment, batch, indices=None, *, seed=3, epoch=2, size=(16, 18)):
    indices = torch.arange(len(batch)) if indices is None else indices
    return augment.apply(batch, indices % 5, indices, seed=seed, epoch=epoch, classes=5, size=size)


@pytest.mark.parametrize("augment", KINDS, ids=str)
class TestEachPicture:
    def test_comes_out_alike_whatever_batch_and_order_it_is_in(self, batch, augment):
        together, labels = applied(augment, batch)
        order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(0))
        mixed, _ = applied(augment, batch[order], order)
        assert torch.equal(mixed, together[order])
        alone = torch.cat([applied(augment, batch[i : i + 1], torch.tensor([i]))[0] for i in range(COUNT)])
        assert torch.equal(alone, together)
        assert torch.equal(labels, torch.arange(COUNT) % 5)

    def test_comes_out_otherwise_with_another_seed_or_epoch(self, batch, augment):
        first, _ = applied(augment, batch)
        assert torch.equal(first, applied(augment, batch)[0])
        assert not torch.equal(first, applied(augment, batch, seed=4)[0])
        assert not torch.equal(first, applied(augment, batch, epoch=3)[0])


@pytest.mark.parametrize("augment", [*KINDS, *MIXING], ids=str)
class TestEveryBatch:
    def test_has_the_size_asked_for_and_is_uint8(self, batch, augment):
        changed, _ = applied(augment, batch)
        assert changed.shape == (COUNT, 3, 16, 18)
        assert changed.dtype == torch.uint8

    def test_is_left_as_it_is_and_so_are_the_global_random_numbers(self, batch, augment):
        before, state = batch.clone(), torch.get_rng_state()
        applied(augment, batch, size=(20, 24))
        assert torch.equal(batch, before)
        assert torch.equal(torch.get_rng_state(), state)

    @pytest.mark.parametrize("channels", [1, 3])
    def test_may_be_empty_or_of_one_picture(self, augment, channels):
        for count in (0, 1):
            changed, _ = applied(augment, torch.zeros(count, channels, 9, 9, dtype=torch.uint8))
            assert changed.shape == (count, channels, 16, 18)

    def test_keeps_its_layout(self, batch, augment):
        wide = batch.contiguous(memory_format=torch.channels_last)
        changed, _ = applied(augment, wide)
        assert changed.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(changed, applied(augment, batch)[0])


@pytest.mark.parametrize("augment", MIXING, ids=str)
class TestMixing:
    def test_gives_shares_of_two_classes(self, batch, augment):
        _, targets = applied(augment, batch)
        assert targets.shape == (COUNT, 5)
        assert torch.allclose(targets.sum(1), torch.ones(COUNT))
        assert ((targets > 0).sum(1) <= 2).all()
        assert ((targets > 0).sum(1) == 2).any()

    def test_does_not_depend_on_the_order_of_the_batch(self, batch, augment):
        together, targets = applied(augment, batch)
        order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(0))
        mixed, mixed_targets = applied(augment, batch[order], order)
        assert torch.equal(mixed, together[order])
        assert torch.equal(mixed_targets, targets[order])

    def test_the_share_of_a_class_is_that_of_its_pixels(self, augment):
        black_and_white = torch.tensor([0, 255] * 50, dtype=torch.uint8).view(-1, 1, 1, 1).repeat(1, 1, 10, 10)
        indices = torch.arange(100)
        changed, targets = augment.apply(
            black_and_white, indices % 2, indices, seed=0, epoch=1, classes=2, size=(10, 10)
        )
        assert torch.allclose(changed.float().mean((1, 2, 3)) / 255, targets[:, 1], atol=0.003)


class TestSwitches:
    def test_that_are_all_off_change_nothing(self, batch):
        changed, labels = applied(Augment(), batch, size=(20, 24))
        assert torch.equal(changed, batch)
        assert torch.equal(labels, torch.arange(COUNT) % 5)

    def test_leave_the_draws_of_the_others_as_they_were(self, batch):
        flipped, _ = applied(Augment(flip=True), batch, size=(20, 24))
        erased, _ = applied(Augment(flip=True, erase=0.5), batch, size=(20, 24))
        same = (flipped == erased).all(3).all(2).all(1)
        assert 0 < int(same.sum()) < COUNT

    def test_flip_half_of_the_pictures(self):
        batch = torch.arange(2, dtype=torch.uint8).expand(2000, 1, 1, 2)
        flipped, _ = applied(Augment(flip=True), batch, size=(1, 2))
        assert int(flipped[:, 0, 0, 0].sum()) == pytest.approx(1000, abs=80)

    def test_erase_with_noise_the_share_that_is_asked_for(self):
        erased, _ = applied(Augment(erase=0.25), torch.zeros(2000, 1, 12, 12, dtype=torch.uint8), size=(12, 12))
        hit = erased.flatten(1).any(1)
        assert int(hit.sum()) == pytest.approx(500, abs=80)
        covered = erased[erased > 0].float()
        assert float(covered.mean()) == pytest.approx(128, abs=3)

    def test_mixup_and_cutmix_take_turns(self):
        batch = torch.tensor([0, 255] * 500, dtype=torch.uint8).view(-1, 1, 1, 1).repeat(1, 1, 16, 16)
        mixed, _ = applied(Augment(mixup=1.0, cutmix=1.0), batch, size=(16, 16))
        blended = ((mixed != 0) & (mixed != 255)).flatten(1).any(1)
        assert 150 < int(blended.sum()) < 350  # half of those whose partner is of the other colour


class TestValuesThatCannotBe:
    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("crop", 1.5, "augment.crop is 1.5; it must be from 0 to 1."),
            ("shift", -1, "augment.shift is -1; it must be a whole number from 0 to 256."),
            ("shift", 1.5, "augment.shift is 1.5; it must be a whole number from 0 to 256."),
            ("rotate", float("nan"), "augment.rotate is nan; it must be from 0 to 180."),
            ("jitter", "much", "augment.jitter is 'much'; it must be from 0 to 1."),
            ("mixup", float("inf"), "augment.mixup is inf; it must be from 0 to 1000."),
            ("flip", 1, "augment.flip is 1; it must be true or false."),
        ],
    )
    def test_are_refused(self, name, value, message):
        with pytest.raises(ConfigError, match=message):
            dataclasses.replace(Augment(), **{name: value})
