"""Shift, flip, turn and affine."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from striate.data.transforms.affine import affine, turn
from striate.data.transforms.flip import flip, upend
from striate.data.transforms.shift import random_moves, shift


def uniform(count, low, high, seed=0):
    return torch.rand(count, generator=torch.Generator().manual_seed(seed)) * (high - low) + low


def moves(count, most):
    return torch.randint(-most, most + 1, (count, 2), generator=torch.Generator().manual_seed(0))


class TestShift:
    def test_moves_every_picture_by_whole_pixels_and_fills_the_border(self, noise):
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

    def test_goes_up_and_to_the_left(self, noise):
        batch = noise(1, 1, 4, 5)
        assert torch.equal(shift(batch, torch.tensor([[1, 2]]), most=2)[..., :3, :3], batch[..., 1:, 2:])

    def test_fills_with_the_value_given(self):
        batch = torch.full((50, 1, 4, 4), 9.0)
        assert set(shift(batch, moves(50, 1), most=1, fill=-0.5).unique().tolist()) == {-0.5, 9.0}

    def test_of_no_pixels_is_a_copy(self, noise):
        batch = noise(3, 1, 4, 4)
        same = shift(batch, moves(3, 0), most=0)
        assert torch.equal(same, batch)
        assert same.data_ptr() != batch.data_ptr()

    def test_every_random_move_is_as_likely(self):
        counts = random_moves(torch.rand(70_000, 2, generator=torch.Generator().manual_seed(0)), 3).add(3).flatten()
        assert torch.bincount(counts).tolist() == pytest.approx([20_000] * 7, rel=0.03)


class TestFlip:
    def test_mirrors_the_pictures_it_is_told_to(self, noise):
        batch = noise(3, 1, 4, 5)
        flipped = flip(batch, torch.tensor([True, False, True]))
        assert torch.equal(flipped[[0, 2]], batch[[0, 2]].flip(3))
        assert torch.equal(flipped[1], batch[1])

    def test_upends_the_pictures_it_is_told_to(self, noise):
        batch = noise(3, 1, 4, 5)
        assert torch.equal(upend(batch, torch.tensor([True, False, False]))[0], batch[0].flip(1))
        assert torch.equal(upend(batch, torch.tensor([True, False, False]))[1:], batch[1:])

    def test_twice_is_nothing(self, noise):
        batch, which = noise(9, 3, 4, 5), torch.arange(9) % 2 == 0
        assert torch.equal(flip(flip(batch, which), which), batch)
        assert torch.equal(upend(upend(batch, which), which), batch)


class TestTurn:
    def test_turns_and_scales_as_scipy_does(self):
        batch = torch.rand(6, 1, 12, 9, generator=torch.Generator().manual_seed(3))
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

    def test_by_a_quarter_is_anticlockwise(self, noise):
        batch = noise(2, 3, 7, 7)
        assert torch.equal(turn(batch, torch.full((2,), 90.0), torch.ones(2)), batch.rot90(1, (2, 3)))

    def test_fills_with_the_value_given(self):
        flat = torch.full((4, 1, 9, 9), 7, dtype=torch.uint8)
        assert turn(flat, uniform(4, -45, 45), torch.ones(4), fill=7).unique().tolist() == [7]


class TestAffine:
    @pytest.mark.parametrize("seed", range(8))
    def test_is_that_of_torchvision(self, peer, seed):
        batch = torch.rand(1, 3, 14, 11, generator=torch.Generator().manual_seed(seed)) * 255
        draw = np.random.default_rng(seed)
        degrees, scale, (down, right), shear = (
            draw.uniform(-90, 90), draw.uniform(0.5, 2), draw.integers(-4, 5, 2).tolist(), draw.uniform(-30, 30, 2)
        )  # fmt: skip
        ours = affine(
            batch,
            torch.tensor([degrees]),
            scale=torch.tensor([scale]),
            moves=torch.tensor([[down, right]]),
            shear=torch.tensor(shear)[None],
        )
        bilinear = peer.InterpolationMode.BILINEAR
        wide = torch.nn.functional.pad(batch, (9, 9, 9, 9))  # theirs takes no fill between the last pixel and outside
        theirs = peer.affine(wide, -degrees, [right, down], scale, shear.tolist(), bilinear)
        assert torch.allclose(ours, theirs[..., 9:-9, 9:-9], atol=0.05)

    def test_moves_by_parts_of_a_pixel(self):
        batch = torch.arange(25.0).view(1, 1, 5, 5)
        moved = affine(batch, torch.zeros(1), moves=torch.tensor([[0.5, 0.25]]))
        assert torch.allclose(moved[..., 1:, 1:], batch[..., 1:, 1:] - 0.5 * 5 - 0.25, atol=1e-4)
