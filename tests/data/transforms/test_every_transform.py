"""What holds for every change of a batch."""

import pytest
import torch

from striate.data.transforms.affine import affine, turn
from striate.data.transforms.boxes import TRIES
from striate.data.transforms.colour import jitter, random_factors
from striate.data.transforms.crop import centre, crop, random_crops
from striate.data.transforms.draws import uniform
from striate.data.transforms.erase import erase, random_patches
from striate.data.transforms.flip import flip, upend
from striate.data.transforms.mix import cutmix, mixup
from striate.data.transforms.resize import resize
from striate.data.transforms.shift import random_moves, shift


def draws(batch, count):
    return uniform(5, 1, torch.arange(len(batch)), "x", count)


def spread(batch, low, high):
    return low + (high - low) * draws(batch, 1)[:, 0]


def size(batch):
    return tuple(batch.shape[2:])


KINDS = {
    "shift": lambda b: shift(b, random_moves(draws(b, 2), 2), most=2),
    "flip": lambda b: flip(b, draws(b, 1)[:, 0] < 0.5),
    "upend": lambda b: upend(b, draws(b, 1)[:, 0] < 0.5),
    "turn": lambda b: turn(b, spread(b, -10, 10), spread(b, 0.9, 1.1)),
    "affine": lambda b: affine(b, spread(b, -9, 9), moves=4 * draws(b, 2), shear=20 * draws(b, 2)),
    "crop": lambda b: crop(b, random_crops(draws(b, 4 * TRIES), size(b), least=0.3), size(b)),
    "jitter": lambda b: jitter(b, random_factors(draws(b, 4), 0.5)),
    "erase": lambda b: erase(b, random_patches(draws(b, 1 + 4 * TRIES), size(b), 1), torch.ones(1, 1, 1, 1)),
}
MIXES = {
    "mixup": lambda b: mixup(b, torch.arange(len(b)).roll(1), spread(b, 0, 1)),
    "cutmix": lambda b: cutmix(b, torch.arange(len(b)).roll(1), random_crops(draws(b, 4 * TRIES), size(b), least=0.1)),
}
SIZES = {"resize": lambda b: resize(b, (5, 4)), "centre": lambda b: centre(b, (5, 4))}
STAYING = {
    "shift": lambda b: shift(b, torch.zeros(len(b), 2, dtype=torch.int64), most=2),
    "flip": lambda b: flip(b, torch.zeros(len(b), dtype=torch.bool)),
    "upend": lambda b: upend(b, torch.zeros(len(b), dtype=torch.bool)),
    "turn": lambda b: turn(b, torch.zeros(len(b)), torch.ones(len(b))),
    "affine": lambda b: affine(b, torch.zeros(len(b)), moves=torch.zeros(len(b), 2), shear=torch.zeros(len(b), 2)),
    "crop": lambda b: crop(b, torch.tensor([[0, 0, *b.shape[2:]]]).repeat(len(b), 1), size(b)),
    "jitter": lambda b: jitter(b, torch.tensor([[1.0, 1, 1, 0]]).repeat(len(b), 1)),
    "erase": lambda b: erase(b, torch.zeros(len(b), 4, dtype=torch.int64), torch.zeros(1, 1, 1, 1)),
    "mixup": lambda b: mixup(b, torch.arange(len(b)).roll(1), torch.ones(len(b))),
    "cutmix": lambda b: cutmix(b, torch.arange(len(b)).roll(1), torch.zeros(len(b), 4, dtype=torch.int64)),
    "resize": lambda b: resize(b, size(b)),
    "centre": lambda b: centre(b, size(b)),
}
EVERY = {**KINDS, **MIXES, **SIZES}
DTYPES = [torch.uint8, torch.float32, torch.bfloat16]
LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("channels", [1, 3])
class TestEveryChange:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("memory", LAYOUTS)
    def test_keeps_number_channels_type_and_layout(self, noise, kind, channels, dtype, memory):
        batch = noise(8, channels, 9, 7).to(dtype).contiguous(memory_format=memory)
        changed = EVERY[kind](batch)
        assert changed.shape == (8, channels, *((5, 4) if kind in SIZES else (9, 7)))
        assert changed.dtype == dtype
        assert changed.is_contiguous(memory_format=memory)

    def test_stays_within_the_levels(self, noise, kind, channels):
        batch = noise(8, channels, 9, 7)
        floating = EVERY[kind](batch.float())
        assert floating.min() >= 0
        assert floating.max() <= 255 + 1e-3
        assert (EVERY[kind](batch).float() - floating).abs().max() <= 1.01

    def test_leaves_the_batch_and_the_global_random_numbers_alone(self, noise, kind, channels):
        batch = noise(8, channels, 9, 7)
        before, state = batch.clone(), torch.get_rng_state()
        EVERY[kind](batch).zero_()
        assert torch.equal(batch, before)
        assert torch.equal(torch.get_rng_state(), state)

    def test_is_the_same_whatever_the_layout(self, noise, kind, channels):
        batch = noise(8, channels, 9, 7)
        assert torch.equal(EVERY[kind](batch), EVERY[kind](batch.contiguous(memory_format=torch.channels_last)))

    def test_of_no_picture_is_none(self, noise, kind, channels):
        assert len(EVERY[kind](noise(0, channels, 9, 7))) == 0


@pytest.mark.parametrize("kind", [*KINDS, *SIZES])
def test_a_picture_is_treated_alike_whatever_batch_it_is_in(noise, kind):
    batch = noise(16, 3, 9, 8)
    assert torch.equal(EVERY[kind](batch)[:1], EVERY[kind](batch[:1]))


@pytest.mark.parametrize("kind", STAYING)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_change_of_nothing_leaves_every_bit(noise, kind, dtype):
    batch = torch.rand(6, 3, 9, 7) * 255 if dtype.is_floating_point else noise(6, 3, 9, 7)
    batch = batch.to(dtype)
    same = STAYING[kind](batch)
    assert torch.equal(same, batch)
    assert same.data_ptr() != batch.data_ptr()
