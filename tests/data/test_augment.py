import numpy as np
import pytest
import torch
from scipy import ndimage

from striate.data.augment import flip, shift, turn


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape):
    return torch.randint(1, 256, shape, generator=draw(9)).to(torch.uint8)


def moves(count, most, seed=0):
    return torch.randint(-most, most + 1, (count, 2), generator=draw(seed))


def uniform(count, low, high, seed=0):
    return torch.rand(count, generator=draw(seed)) * (high - low) + low


KINDS = [
    lambda batch: shift(batch, moves(len(batch), 2), most=2),
    lambda batch: flip(batch, torch.arange(len(batch)) % 2 == 0),
    lambda batch: turn(batch, uniform(len(batch), -10, 10), uniform(len(batch), 0.9, 1.1)),
]


@pytest.mark.parametrize("change", KINDS)
class TestEveryChange:
    @pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
    @pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
    def test_keeps_shape_type_and_memory_format(self, change, dtype, memory):
        batch = noise(8, 3, 9, 7).to(dtype).contiguous(memory_format=memory)
        changed = change(batch)
        assert changed.shape == batch.shape
        assert changed.dtype == dtype
        assert changed.is_contiguous(memory_format=memory)

    def test_treats_each_picture_alike_whatever_batch_it_is_in(self, change):
        batch = noise(16, 1, 9, 9)
        assert torch.equal(change(batch)[:1], change(batch[:1]))

    def test_leaves_the_batch_and_the_global_random_numbers_alone(self, change):
        batch = noise(16, 1, 9, 9)
        before, state = batch.clone(), torch.get_rng_state()
        change(batch)
        assert torch.equal(batch, before)
        assert torch.equal(torch.get_rng_state(), state)


class TestShift:
    def test_moves_every_picture_by_whole_pixels_and_fills_the_border(self):
        batch = noise(200, 2, 6, 5)
        moved = shift(batch, moves(200, 2), most=2).numpy()
        padded = np.pad(batch.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)))
        seen = set()
        for picture, wide in zip(moved, padded, strict=True):
            fits = [
                (y, x) for y in range(5) for x in range(5) if np.array_equal(picture, wide[:, y : y + 6, x : x + 5])
            ]
            assert len(fits) == 1
            seen.update(fits)
        assert len(seen) == 25  # every move turns up

    def test_fills_with_the_value_given(self):
        batch = torch.full((50, 1, 4, 4), 9.0)
        assert set(shift(batch, moves(50, 1), most=1, fill=-0.5).unique().tolist()) == {-0.5, 9.0}

    def test_of_no_pixels_is_a_copy(self):
        batch = noise(3, 1, 4, 4)
        same = shift(batch, moves(3, 0), most=0)
        assert torch.equal(same, batch)
        assert same.data_ptr() != batch.data_ptr()


class TestFlip:
    def test_mirrors_the_pictures_it_is_told_to(self):
        batch = noise(3, 1, 4, 5)
        flipped = flip(batch, torch.tensor([True, False, True]))
        assert torch.equal(flipped[[0, 2]], batch[[0, 2]].flip(3))
        assert torch.equal(flipped[1], batch[1])


class TestTurn:
    def test_of_nothing_is_the_same_picture(self):
        batch = noise(5, 3, 8, 6)
        assert torch.equal(turn(batch, torch.zeros(5), torch.ones(5)), batch)

    def test_turns_and_scales_as_scipy_does(self):
        batch = torch.rand(6, 1, 12, 9, generator=draw(3))
        degrees, scales = uniform(6, -30, 30, 4), uniform(6, 0.8, 1.2, 5)
        ours = turn(batch, degrees, scales)
        centre = np.array([5.5, 4.0])  # row, column
        for i in range(6):
            angle, scale = np.radians(float(degrees[i])), float(scales[i])
            back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / scale
            theirs = ndimage.affine_transform(
                batch[i, 0].numpy(), back, centre - back @ centre, order=1, mode="grid-constant"
            )
            assert np.allclose(ours[i, 0].numpy(), theirs, atol=1e-4)

    def test_fills_with_the_value_given(self):
        flat = torch.full((4, 1, 9, 9), 7, dtype=torch.uint8)
        assert turn(flat, uniform(4, -45, 45), torch.ones(4), fill=7).unique().tolist() == [7]
